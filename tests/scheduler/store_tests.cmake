windlass_test(windlass_store_test WHOLE
  SOURCES
    store_conformance_test.cpp
    store_metrics_test.cpp
    store_postgres_test.cpp
    store_samples_test.cpp
    store_sqlite_test.cpp
    store_standby_test.cpp
  LIBRARIES windlass_store windlass_test_support
  LABELS database)

# Prints figures; not a test.
add_executable(windlass_store_speed store_speed.cpp)
target_link_libraries(windlass_store_speed PRIVATE windlass_store windlass_test_support GTest::gtest windlass_settings windlass_warnings)
