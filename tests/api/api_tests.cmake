# What the whole api does, over HTTP: on both engines.
set(api_contract
  accounts_contract_test.cpp
  accounts/administration_contract_test.cpp
  accounts/own_account_contract_test.cpp
  accounts/password_links_contract_test.cpp
  accounts/registration_contract_test.cpp
  accounts/tiers_contract_test.cpp
  accounts/user_roles_contract_test.cpp
  api_fixture.cpp
  arrays_contract_test.cpp
  audit/audit_contract_test.cpp
  auth/credentials_test.cpp
  auth/logins_contract_test.cpp
  auth/tokens_contract_test.cpp
  blobs_contract_test.cpp
  dashboard_contract_test.cpp
  courses/courses_contract_test.cpp
  courses/service_contract_test.cpp
  first_admin_test.cpp
  following_contract_test.cpp
  handler_faults_contract_test.cpp
  front/test_front.cpp
  idempotency_contract_test.cpp
  images/images_contract_test.cpp
  jobs_contract_test.cpp
  links/links_contract_test.cpp
  monitoring/configuration_contract_test.cpp
  monitoring/job_control_contract_test.cpp
  monitoring/job_listing_contract_test.cpp
  monitoring/job_tags_contract_test.cpp
  monitoring/notify_contract_test.cpp
  monitoring/played_mail_server.cpp
  monitoring/metrics_contract_test.cpp
  monitoring/live_job_contract_test.cpp
  monitoring/live_log_contract_test.cpp
  oidc/oidc_contract_test.cpp
  oidc/played_provider.cpp
  openapi/answer_check.cpp
  openapi/schema_contract_test.cpp
  operators_contract_test.cpp
  played_scheduler.cpp
  rate_contract_test.cpp
  results_contract_test.cpp
  schedules_contract_test.cpp
  site/site_contract_test.cpp
  submit_contract_test.cpp
)
windlass_test(api_tests
  SOURCES
    ${api_contract}
    authorise_test.cpp
    courses/service_answer_test.cpp
    courses/service_headers_test.cpp
    cors_test.cpp
    auth/api_token_test.cpp
    auth/form_test.cpp
    auth/jwt_test.cpp
    auth/signing_keys_test.cpp
    authorisation_matrix_test.cpp
    family_test.cpp
    images/image_facts_test.cpp
    images/multipart_test.cpp
    ${CMAKE_SOURCE_DIR}/api/front_settings.cpp
    front_settings_test.cpp
    links/signed_link_test.cpp
    oidc/id_token_test.cpp
    job_following_test.cpp
    job_live_test.cpp
    openapi/answer_check_test.cpp
    openapi/description_test.cpp
    openapi/yaml_test.cpp
    login_throttle_test.cpp
    names_test.cpp
    network_permission_test.cpp
    on_sqlite.cpp
    password_hasher_test.cpp
    problem_test.cpp
    rate_limits_test.cpp
    refused_submits_test.cpp
    render_job_test.cpp
    router_test.cpp
    scheduler_link_test.cpp
    server_test.cpp
    accounts/password_rules_test.cpp
    monitoring/any_case_fields_test.cpp
    monitoring/change_points_test.cpp
    monitoring/host_list_test.cpp
    monitoring/metric_grid_test.cpp
    monitoring/monitoring_config_test.cpp
    monitoring/sample_intervals_test.cpp
    monitoring/written_points_test.cpp
    sse_test.cpp
    submit_fields_test.cpp
    submit_parser_test.cpp
  LIBRARIES windlass_api windlass_front windlass_test_support windlass_test_exposition PkgConfig::CJOSE PkgConfig::ZLIB
  LABELS api)

# The same contract on the other engine.
windlass_test(api_postgresql_tests WHOLE
  SOURCES
    ${api_contract}
    on_postgresql.cpp
  LIBRARIES windlass_api windlass_front windlass_test_support windlass_test_exposition PkgConfig::CJOSE PkgConfig::ZLIB
  LABELS api database
  TIMEOUT 600)

# Many thousand requests made from the OpenAPI document; more of them by WINDLASS_GENERATED_REQUESTS.
windlass_test(api_generated_test WHOLE
  SOURCES
    api_fixture.cpp
    played_scheduler.cpp
    on_sqlite.cpp
    openapi/answer_check.cpp
    openapi/generated_requests_test.cpp
    openapi/request_generator.cpp
  LIBRARIES windlass_api windlass_front windlass_test_support
  LABELS api openapi
  TIMEOUT 300)

# Judges what the end-to-end tests recorded (tests/end_to_end/harness.py).
add_executable(windlass_judge_traffic openapi/answer_check.cpp openapi/judge_traffic.cpp)
target_link_libraries(windlass_judge_traffic PRIVATE windlass_api windlass_front windlass_settings windlass_warnings)
