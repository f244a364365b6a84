if(TARGET windlass_front)
  add_executable(bench_front bench_front.cpp)
  target_link_libraries(bench_front PRIVATE windlass_front PkgConfig::HTTPLIB Threads::Threads windlass_settings windlass_warnings)
endif()
