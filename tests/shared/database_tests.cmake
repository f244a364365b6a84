add_library(windlass_schema_text STATIC database/schema_text.cpp)
target_link_libraries(windlass_schema_text PUBLIC windlass_test_support PRIVATE windlass_warnings)

windlass_test(windlass_database_test WHOLE
  SOURCES
    database/migrate_test.cpp
    database/postgres_session_test.cpp
    database/session_test.cpp
    database/url_test.cpp
  LIBRARIES windlass_database windlass_test_support windlass_schema_text
  LABELS database)
target_compile_definitions(windlass_database_test PRIVATE WINDLASS_SOURCE_DIRECTORY="${CMAKE_SOURCE_DIR}")

add_executable(windlass_schema_snapshot database/schema_snapshot.cpp)
target_link_libraries(windlass_schema_snapshot PRIVATE windlass_schema_text windlass_warnings)
