if(TARGET windlass_worker)
  windlass_test(worker_parts_test
    SOURCES
      attempt_samples_test.cpp
      blob_cache_test.cpp
      images/image_config_test.cpp
      cpu_budget_test.cpp
      credential_test.cpp
      disk_room_test.cpp
      gpu_tool_test.cpp
      input_files_test.cpp
      lease_clock_test.cpp
      metrics_file_test.cpp
      output_collector_test.cpp
      output_pace_test.cpp
      output_patterns_test.cpp
      result_collector_test.cpp
      result_journal_test.cpp
      runner_lives_test.cpp
      result_outbox_test.cpp
      result_spool_test.cpp
      runner_files_test.cpp
      runner_test.cpp
      services_test.cpp
      sampling_test.cpp
      settings_test.cpp
      simple_command_test.cpp
      slots_test.cpp
    LIBRARIES windlass_worker
    LABELS worker)
  windlass_test(worker_slurm_test
    SOURCES bounded_command_test.cpp slurm/engine_test.cpp slurm/words_test.cpp
    LIBRARIES windlass_worker
    LABELS worker)
  windlass_test(worker_kubernetes_test
    SOURCES kubernetes/engine_test.cpp kubernetes/manifests_test.cpp
    LIBRARIES windlass_worker
    LABELS worker)
  windlass_test(worker_agent_test
    SOURCES agent_test.cpp
    LIBRARIES windlass_worker
    LABELS worker)
  if(TARGET windlass_test_box)
    windlass_test(worker_box_test WHOLE
      SOURCES agent_box_test.cpp process_test.cpp without_shell_test.cpp
      LIBRARIES windlass_worker windlass_test_box
      LABELS worker)
    target_compile_definitions(worker_box_test PRIVATE WORKER_PATH="$<TARGET_FILE:windlass-worker>")
    add_dependencies(worker_box_test windlass-worker windlass-spawner)
    windlass_test(image_import_test WHOLE
      SOURCES images/confined_test.cpp images/import_test.cpp
      LIBRARIES windlass_worker windlass_test_box
      LABELS worker sandbox
      TIMEOUT 300)
    target_compile_definitions(image_import_test PRIVATE IMAGES_DIRECTORY="${CMAKE_CURRENT_SOURCE_DIR}/images")
    add_test(NAME image_import_test_rootless COMMAND image_import_test --rootless)
    set_tests_properties(image_import_test_rootless PROPERTIES TIMEOUT 300 LABELS "worker;sandbox")
    # Without cgroups the limits of time are kept by other means.
    add_test(NAME worker_box_test_rootless
      COMMAND worker_box_test --rootless --gtest_filter=AgentBox.*processor_time*:AgentBox.*timeout*:AgentBox.*output*)
    set_tests_properties(worker_box_test_rootless PROPERTIES TIMEOUT 300 LABELS worker)
  endif()
endif()
