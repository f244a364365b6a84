# The standard workloads against the real daemons: build/release/bin/windlass-bench NAME
if(TARGET windlass_cli AND TARGET windlass_worker)
  add_executable(windlass-bench main.cpp site.cpp process_tree.cpp sandbox_loop.cpp noop.cpp latency.cpp first_byte.cpp backlog.cpp fanout.cpp scheduler_play.cpp http.cpp images.cpp floors.cpp output.cpp launch.cpp metrics.cpp idle.cpp followers.cpp logins.cpp open_loop.cpp overload.cpp)
  target_link_libraries(windlass-bench PRIVATE windlass_cli windlass_worker windlass_sandbox windlass_database windlass_metrics windlass_shared windlass_warnings)
  target_include_directories(windlass-bench SYSTEM PRIVATE ${CLI11_INCLUDE})
endif()
