# The listing queries against what the store writes: of the api only these queries.
if(TARGET windlass_store)
  windlass_test(windlass_jobs_repository_test WHOLE
    SOURCES
      jobs_repository_test.cpp
      ${CMAKE_SOURCE_DIR}/api/jobs_repository.cpp
      ${CMAKE_SOURCE_DIR}/api/relations_repository.cpp
    LIBRARIES windlass_store windlass_test_support
    LABELS database)
endif()
