windlass_test(api_tests
  SOURCES
    accounts_contract_test.cpp
    api_fixture.cpp
    credentials_test.cpp
    first_admin_test.cpp
    jobs_contract_test.cpp
    login_throttle_test.cpp
    names_test.cpp
    password_hasher_test.cpp
    problem_test.cpp
    render_job_test.cpp
    results_contract_test.cpp
    router_test.cpp
    scheduler_link_test.cpp
    server_test.cpp
    submit_parser_test.cpp
  LIBRARIES windlass_api windlass_front windlass_database windlass_shared
  LABELS api
  TIMEOUT 60)
