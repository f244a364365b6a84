windlass_test(queue_test
  SOURCES job_state_test.cpp fair_share_test.cpp queue_test.cpp scenario.cpp scenario_test.cpp
  LIBRARIES windlass_queue
  LABELS scheduler)
target_compile_definitions(queue_test PRIVATE WINDLASS_SCENARIOS="${CMAKE_CURRENT_SOURCE_DIR}/scenarios")
