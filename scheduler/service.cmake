add_library(windlass_scheduler STATIC 
  api_desk.cpp
  backup.cpp
  batch_builder.cpp
  greeting.cpp
  housekeeping.cpp
  leadership.cpp
  lease_sender.cpp
  proofs.cpp
  sample_desk.cpp
  schedule_desk.cpp
  schedules.cpp
  service.cpp
  service_figures.cpp
  store_thread.cpp
  submit_desk.cpp
  trust_desk.cpp
  turns.cpp
  user_weights.cpp
  worker_desk.cpp
)
target_link_libraries(windlass_scheduler PUBLIC windlass_shared windlass_followers windlass_queue windlass_store PRIVATE windlass_warnings)

add_executable(windlass-scheduler main.cpp)
target_link_libraries(windlass-scheduler PRIVATE windlass_scheduler windlass_warnings)
