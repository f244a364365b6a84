if(TARGET windlass_sandbox)
  # Runs itself in a pid and mount namespace of its own; see sandbox/private_main.cpp.
  add_library(windlass_test_box STATIC sandbox/private_main.cpp sandbox/test_box.cpp)
  target_link_libraries(windlass_test_box PUBLIC windlass_sandbox GTest::gtest PRIVATE windlass_warnings fmt::fmt)
  target_compile_definitions(windlass_test_box PUBLIC SPAWNER_PATH="$<TARGET_FILE:windlass-spawner>")

  windlass_test(sandbox_plan_test
    SOURCES sandbox/plan_test.cpp sandbox/protection_test.cpp sandbox/cgroup_test.cpp
    LIBRARIES windlass_sandbox
    LABELS sandbox)

  windlass_test(sandbox_test WHOLE
    SOURCES sandbox/box_test.cpp sandbox/confinement_test.cpp sandbox/limit_test.cpp sandbox/lifecycle_test.cpp
      sandbox/opening_test.cpp
    LIBRARIES windlass_test_box
    LABELS sandbox)
  add_test(NAME sandbox_test_rootless COMMAND sandbox_test --rootless)
  set_tests_properties(sandbox_test_rootless PROPERTIES TIMEOUT 120 LABELS sandbox)
endif()
