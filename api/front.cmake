add_library(windlass_front STATIC
  front/connection.cpp
  front/exchange.cpp
  front/forwarded.cpp
  front/front.cpp
  front/front_core.cpp
  front/http_framer.cpp
  front/httplib_adapter.cpp
  front/repeated_refusal.cpp
  front/ip_block.cpp
  front/listener.cpp
  front/listening_socket.cpp
  front/origin.cpp
  front/spool.cpp
  front/target.cpp
  front/tls_context.cpp
  front/transport.cpp
  front/websocket_calls.cpp
  front/websocket_endpoint.cpp
  front/websocket_handshake.cpp
  front/websocket_outbox.cpp
  front/websocket_session.cpp)
target_link_libraries(windlass_front
  PUBLIC windlass_shared PkgConfig::UV windlass_settings
  PRIVATE PkgConfig::HTTPLIB PkgConfig::OPENSSL PkgConfig::SYSTEMD windlass_wslay Threads::Threads windlass_warnings)
