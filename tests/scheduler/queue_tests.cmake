windlass_test(queue_test
  SOURCES
    fair_share_test.cpp
    job_state_test.cpp
    persisted_queue.cpp
    queue_random_test.cpp
    queue_test.cpp
    retry_policy_test.cpp
    scenario.cpp
    scenario_test.cpp
  LIBRARIES windlass_queue
  LABELS scheduler)
target_compile_definitions(queue_test PRIVATE WINDLASS_SCENARIOS="${CMAKE_CURRENT_SOURCE_DIR}/scenarios")

# Prints figures; not a test.
add_executable(windlass_queue_speed queue_speed.cpp)
target_link_libraries(windlass_queue_speed PRIVATE windlass_queue windlass_settings windlass_warnings)
