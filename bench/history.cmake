# How fast long histories are read: bin/bench_history --rows 10000000 [--database postgresql://…]
# Of the api only the queries: they need nothing else of it.
if(TARGET windlass_store)
  add_executable(bench_history history.cpp ${CMAKE_SOURCE_DIR}/api/jobs_repository.cpp)
  target_link_libraries(bench_history PRIVATE windlass_store windlass_warnings fmt::fmt)
  target_include_directories(bench_history SYSTEM PRIVATE ${CLI11_INCLUDE})
endif()
