windlass_test(windlass_store_test WHOLE
  SOURCES
    store_conformance_test.cpp
    store_postgres_test.cpp
    store_sqlite_test.cpp
  LIBRARIES windlass_store windlass_test_support
  LABELS database)
