# The pure part of the scheduler: links nothing that could do I/O.
add_library(windlass_queue STATIC
  array_table.cpp
  dependency_table.cpp
  dispatch.cpp
  explain.cpp
  fair_share.cpp
  invariants.cpp
  lease_table.cpp
  named_queues.cpp
  need_table.cpp
  queue.cpp
  queue_arrays.cpp
  queue_clients.cpp
  queue_lines.cpp
  queue_operators.cpp
  queue_restore.cpp
  queue_workers.cpp
  retry_policy.cpp
  user_table.cpp
  waiting_jobs.cpp
  worker_table.cpp
)
target_link_libraries(windlass_queue PUBLIC windlass_settings windlass_shared PRIVATE windlass_warnings)
