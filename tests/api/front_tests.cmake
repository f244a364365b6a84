windlass_test(api_front_test
  SOURCES
    front/deadline_queue_test.cpp
    front/exchange_test.cpp
    front/front_abuse_test.cpp
    front/front_later_test.cpp
    front/front_live_test.cpp
    front/front_stream_test.cpp
    front/front_test.cpp
    front/handler_pool_test.cpp
    front/http_framer_test.cpp
    front/httplib_adapter_test.cpp
    front/listener_test.cpp
    front/origin_test.cpp
    front/target_test.cpp
    front/test_front.cpp
    front/test_tls.cpp
    front/tls_front_test.cpp
    front/websocket_front_test.cpp
    front/websocket_handshake_test.cpp
    front/websocket_session_test.cpp
  LIBRARIES windlass_front PkgConfig::OPENSSL Threads::Threads
  LABELS api)
