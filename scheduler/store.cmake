add_library(windlass_store STATIC
  job_seed.cpp
  store_history.cpp
  store_lists.cpp
  store_load.cpp
  store_memory.cpp
  store_particulars.cpp
  store_postgres.cpp
  store_postgres_columns.cpp
  store_postgres_json.cpp
  store_read.cpp
  store_rows.cpp
  store_sql.cpp
  store_sqlite.cpp
  store_text.cpp
  store_trust.cpp
  worker_trust.cpp
)
target_link_libraries(windlass_store
  PUBLIC windlass_settings windlass_database windlass_metrics
  PRIVATE windlass_warnings)
