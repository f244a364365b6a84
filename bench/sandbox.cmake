if(TARGET windlass_sandbox)
  add_executable(bench_sandbox bench_sandbox.cpp box_steps.cpp cost.cpp
    ${CMAKE_SOURCE_DIR}/worker/sandbox/apply.cpp ${CMAKE_SOURCE_DIR}/worker/sandbox/guard.cpp)
  target_link_libraries(bench_sandbox PRIVATE windlass_sandbox windlass_settings windlass_warnings fmt::fmt)
  target_compile_definitions(bench_sandbox PRIVATE
    SPAWNER_PATH="$<TARGET_FILE:windlass-spawner>" NOTHING_DIRECTORY="${CMAKE_BINARY_DIR}/bench/programs")
  add_executable(nothing nothing.c)
  target_link_options(nothing PRIVATE -static -no-pie)
  set_target_properties(nothing PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench/programs)
  add_dependencies(bench_sandbox nothing)
endif()
