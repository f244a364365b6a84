add_library(windlass_front STATIC
  front/connection.cpp
  front/exchange.cpp
  front/front.cpp
  front/front_core.cpp
  front/http_framer.cpp
  front/httplib_adapter.cpp
  front/listener.cpp
  front/target.cpp)
target_link_libraries(windlass_front
  PUBLIC windlass_shared PkgConfig::UV windlass_settings
  PRIVATE PkgConfig::HTTPLIB Threads::Threads windlass_warnings)
