# The daemon around the sandbox. Configured only where the sandbox is.
if(TARGET windlass_sandbox)
  # Images and data sets of this node.
  add_library(windlass_images STATIC
    images/confined.cpp
    images/image_config.cpp
    images/import.cpp
    images/site_store.cpp
    images/tree.cpp
  )
  target_link_libraries(windlass_images
    PUBLIC windlass_shared windlass_sandbox windlass_settings
    PRIVATE windlass_warnings fmt::fmt)

  add_library(windlass_worker STATIC
    agent.cpp
    attempt.cpp
    attempt_samples.cpp
    background.cpp
    blob_cache.cpp
    bounded_command.cpp
    credential.cpp
    disk_room.cpp
    engine_figures.cpp
    enrolment.cpp
    explain.cpp
    finished_attempt.cpp
    gpu_tool.cpp
    input_files.cpp
    kubernetes/client.cpp
    kubernetes/engine.cpp
    kubernetes/http.cpp
    kubernetes/manifests.cpp
    lease_clock.cpp
    metrics_file.cpp
    output_collector.cpp
    output_patterns.cpp
    pipe_watch.cpp
    result_collector.cpp
    result_journal.cpp
    result_outbox.cpp
    result_spool.cpp
    runner.cpp
    runner_figures.cpp
    runner_lives.cpp
    sampling.cpp
    sandbox_engine.cpp
    scheduler_link.cpp
    services.cpp
    settings.cpp
    simple_command.cpp
    site_things.cpp
    slurm/attempt_directory.cpp
    slurm/client.cpp
    slurm/engine.cpp
    slurm/engine_looks.cpp
    slurm/ledger.cpp
    slurm/words.cpp
  )
  target_link_libraries(windlass_worker
    PUBLIC windlass_shared windlass_sandbox windlass_images windlass_settings
    PRIVATE windlass_warnings PkgConfig::CURL)

  add_executable(windlass-site images/main.cpp)
  target_link_libraries(windlass-site PRIVATE windlass_worker windlass_warnings)

  add_executable(windlass-worker main.cpp)
  target_link_libraries(windlass-worker PRIVATE windlass_worker windlass_warnings)
endif()
