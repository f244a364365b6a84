find_package(prometheus-cpp REQUIRED COMPONENTS core)

add_library(windlass_api STATIC
  accounts_repository.cpp
  authenticate.cpp
  batch.cpp
  byte_range.cpp
  credentials.cpp
  field_reader.cpp
  find_job.cpp
  first_admin.cpp
  health.cpp
  follow_buffer.cpp
  job_following.cpp
  job_history.cpp
  job_list.cpp
  job_log.cpp
  job_parameters.cpp
  job_stream.cpp
  jobs.cpp
  jobs_repository.cpp
  json_list.cpp
  log_position.cpp
  login_throttle.cpp
  metrics.cpp
  names.cpp
  network_permission.cpp
  password_hasher.cpp
  problem.cpp
  queue_listing.cpp
  render_job.cpp
  result_files.cpp
  results.cpp
  results_repository.cpp
  router.cpp
  routes.cpp
  scheduler_link.cpp
  server.cpp
  sse.cpp
  submission.cpp
  submit_parser.cpp
  users.cpp
  wait.cpp
)
target_link_libraries(windlass_api
  PUBLIC windlass_settings windlass_shared windlass_database PkgConfig::SODIUM
  PRIVATE windlass_warnings prometheus-cpp::core)
if(TARGET windlass_front)
  target_link_libraries(windlass_api PUBLIC windlass_front)
else()
  target_sources(windlass_api PRIVATE front/exchange.cpp)
endif()

if(TARGET windlass_front)
  add_executable(windlass-api main.cpp)
  target_link_libraries(windlass-api PRIVATE windlass_api windlass_front windlass_warnings)
endif()
