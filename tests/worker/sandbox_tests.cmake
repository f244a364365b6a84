if(TARGET windlass_sandbox)
  # Runs itself in a pid and mount namespace of its own; see sandbox/private_main.cpp.
  add_library(windlass_test_box STATIC sandbox/private_main.cpp sandbox/test_box.cpp)
  target_link_libraries(windlass_test_box PUBLIC windlass_sandbox GTest::gtest PRIVATE windlass_warnings fmt::fmt)
  target_compile_definitions(windlass_test_box PUBLIC SPAWNER_PATH="$<TARGET_FILE:windlass-spawner>"
    KEEPER_PATH="$<TARGET_FILE:windlass-network>")

  windlass_test(sandbox_plan_test
    SOURCES sandbox/plan_test.cpp sandbox/protection_test.cpp sandbox/cgroup_test.cpp sandbox/egress_test.cpp sandbox/limit_words_test.cpp sandbox/process_use_test.cpp
    LIBRARIES windlass_sandbox
    LABELS sandbox)

  windlass_test(sandbox_test WHOLE
    SOURCES sandbox/adoption_test.cpp sandbox/box_test.cpp sandbox/confinement_test.cpp sandbox/limit_test.cpp sandbox/limit_accuracy_test.cpp
      sandbox/image_root_test.cpp sandbox/lifecycle_test.cpp sandbox/opening_test.cpp sandbox/remains_test.cpp
    LIBRARIES windlass_test_box
    LABELS sandbox)
  add_test(NAME sandbox_test_rootless COMMAND sandbox_test --rootless)
  set_tests_properties(sandbox_test_rootless PROPERTIES TIMEOUT 300 LABELS sandbox)

  # Jobs with a service, each in a network with nothing in it but loopback.
  windlass_test(service_network_test WHOLE
    SOURCES sandbox/service_network_test.cpp
    LIBRARIES windlass_test_box fmt::fmt
    LABELS sandbox)
  add_test(NAME service_network_test_rootless COMMAND service_network_test --rootless)
  set_tests_properties(service_network_test_rootless PROPERTIES TIMEOUT 300 LABELS sandbox)

  # Jobs with full network, in a private network namespace with an outside world of its own.
  windlass_test(job_network_test WHOLE
    SOURCES sandbox/job_network_test.cpp
    LIBRARIES windlass_test_box fmt::fmt
    LABELS sandbox)
  target_compile_definitions(job_network_test PRIVATE
    PROGRAMS_DIRECTORY="${CMAKE_CURRENT_SOURCE_DIR}/sandbox/network_programs")
  add_test(NAME job_network_test_rootless COMMAND job_network_test --rootless)
  set_tests_properties(job_network_test_rootless PROPERTIES TIMEOUT 300 LABELS sandbox)
endif()
