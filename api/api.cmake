find_package(prometheus-cpp REQUIRED COMPONENTS core)

add_library(windlass_api STATIC
  accounts/account_body.cpp
  accounts/account_list.cpp
  accounts/administration.cpp
  accounts/end_sessions.cpp
  accounts/own_account.cpp
  accounts/password_links_repository.cpp
  accounts/password_rules.cpp
  accounts/passwords.cpp
  accounts/registration.cpp
  accounts/render_account.cpp
  accounts/tiers.cpp
  accounts/tiers_repository.cpp
  accounts/user_roles.cpp
  accounts_repository.cpp
  arrays.cpp
  ask.cpp
  audit/audit.cpp
  audit/audit_log.cpp
  audit/audit_repository.cpp
  audit/audited.cpp
  auth/api_token.cpp
  auth/base64url.cpp
  auth/cookies.cpp
  auth/credentials.cpp
  auth/form.cpp
  auth/jwt.cpp
  auth/log_in.cpp
  auth/login_body.cpp
  auth/logins.cpp
  auth/logouts.cpp
  auth/open_session.cpp
  auth/presented_credential.cpp
  auth/sessions.cpp
  auth/sessions_repository.cpp
  auth/signing_keys.cpp
  auth/tokens.cpp
  auth/tokens_repository.cpp
  auth/whose.cpp
  authorise.cpp
  batch.cpp
  batch_dependencies.cpp
  batch_parser.cpp
  blobs.cpp
  blobs_repository.cpp
  byte_range.cpp
  cancel.cpp
  cors.cpp
  courses/classes.cpp
  courses/course_body.cpp
  courses/courses.cpp
  courses/courses_repository.cpp
  courses/deployments.cpp
  courses/service.cpp
  courses/service_answer.cpp
  courses/service_forwarding.cpp
  courses/service_headers.cpp
  courses/service_pipe.cpp
  courses/service_websocket.cpp
  family.cpp
  field_reader.cpp
  file_fields.cpp
  find_job.cpp
  first_admin.cpp
  follow_buffer.cpp
  health.cpp
  idempotency.cpp
  job_following.cpp
  job_history.cpp
  job_list.cpp
  job_live.cpp
  job_log.cpp
  job_parameters.cpp
  job_stream.cpp
  jobs.cpp
  jobs_repository.cpp
  json_list.cpp
  line_feed.cpp
  log_position.cpp
  links/link_principal.cpp
  links/links.cpp
  links/signed_link.cpp
  login_throttle.cpp
  metrics.cpp
  monitoring/any_case_fields.cpp
  names.cpp
  network_permission.cpp
  openapi/description.cpp
  openapi/docs_page.cpp
  openapi/show_schema.cpp
  openapi/yaml.cpp
  oidc/https.cpp
  oidc/id_token.cpp
  oidc/oauth.cpp
  oidc/oidc_repository.cpp
  oidc/provider.cpp
  oidc/role_map.cpp
  password_hasher.cpp
  problem.cpp
  queue_listing.cpp
  queues.cpp
  quotas.cpp
  quotas_repository.cpp
  rate_limits.cpp
  relations_repository.cpp
  render_job.cpp
  render_quota.cpp
  rerun.cpp
  result_files.cpp
  results.cpp
  results_repository.cpp
  rfc3339.cpp
  router.cpp
  routes.cpp
  routes/accounts.cpp
  routes/courses.cpp
  routes/images.cpp
  routes/jobs.cpp
  routes/monitoring.cpp
  routes/openapi.cpp
  routes/operations.cpp
  routes/queue.cpp
  schedule_fields.cpp
  scheduler_link.cpp
  schedules.cpp
  schedules_repository.cpp
  scopes.cpp
  server.cpp
  sse.cpp
  submission.cpp
  submit_fields.cpp
  submit_one.cpp
  submit_parser.cpp
  submit_references.cpp
  users.cpp
  wait.cpp
  why.cpp
  workers.cpp
)
target_link_libraries(windlass_api
  PUBLIC windlass_settings windlass_shared windlass_database PkgConfig::SODIUM
  PRIVATE windlass_warnings PkgConfig::CJOSE PkgConfig::CURL PkgConfig::ZLIB prometheus-cpp::core windlass_wslay Threads::Threads)
windlass_embed(windlass_api common_passwords accounts/common_passwords.txt)
# What the routes table does not say, one file per family.
windlass_embed(windlass_api openapi_texts
  openapi/common.json
  openapi/families/accounts.json
  openapi/families/courses.json
  openapi/families/images.json
  openapi/families/jobs.json
  openapi/families/monitoring.json
  openapi/families/operations.json
  openapi/families/queue.json)
include(openapi/page.cmake)

if(TARGET windlass_front)
  target_link_libraries(windlass_api PUBLIC windlass_front)
else()
  target_sources(windlass_api PRIVATE front/exchange.cpp)
endif()

if(TARGET windlass_front)
  add_executable(windlass-api main.cpp front_settings.cpp)
  target_link_libraries(windlass-api PRIVATE windlass_api windlass_front windlass_warnings)
endif()
