windlass_test(scheduler_service_tests
  SOURCES batch_builder_test.cpp greeting_test.cpp leadership_test.cpp schedules_test.cpp service_test.cpp user_weights_test.cpp
  LIBRARIES windlass_scheduler windlass_test_exposition)
