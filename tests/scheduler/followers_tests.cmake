windlass_test(scheduler_followers_test
  SOURCES followers_test.cpp
  LIBRARIES windlass_followers
  LABELS scheduler)
