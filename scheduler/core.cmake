# The pure part of the scheduler: links nothing that could do I/O.
add_library(windlass_queue STATIC
  dispatch.cpp
  explain.cpp
  fair_share.cpp
  invariants.cpp
  lease_table.cpp
  need_table.cpp
  queue.cpp
  waiting_jobs.cpp
  worker_table.cpp
)
target_link_libraries(windlass_queue PUBLIC windlass_settings windlass_shared PRIVATE windlass_warnings)
