windlass_test(shared_tests
  SOURCES addresses_test.cpp audit_test.cpp codec_test.cpp config_test.cpp connection_test.cpp cron_test.cpp digest_test.cpp figures_test.cpp frame_test.cpp json_test.cpp log_test.cpp loop_timer_test.cpp patience_test.cpp private_file_test.cpp tls_connection_test.cpp reload_test.cpp trace_context_test.cpp trust_test.cpp
  LIBRARIES windlass_shared windlass_test_exposition)
target_compile_definitions(shared_tests PRIVATE WINDLASS_SOURCE_DIRECTORY="${CMAKE_SOURCE_DIR}")

add_executable(windlass_wire_fixture wire_fixture.cpp)
target_link_libraries(windlass_wire_fixture PRIVATE windlass_shared windlass_settings windlass_warnings fmt::fmt)
