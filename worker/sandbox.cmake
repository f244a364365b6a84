add_library(windlass_sandbox STATIC
  sandbox/box_record.cpp
  sandbox/cgroup.cpp
  sandbox/cgroup_files.cpp
  sandbox/cgroup_v1.cpp
  sandbox/cgroup_v2.cpp
  sandbox/egress.cpp
  sandbox/filter.cpp
  sandbox/host.cpp
  sandbox/inheritance.cpp
  sandbox/job_network.cpp
  sandbox/landlock.cpp
  sandbox/legacy.cpp
  sandbox/limit_words.cpp
  sandbox/other_roots.cpp
  sandbox/plan.cpp
  sandbox/plan_text.cpp
  sandbox/process_times.cpp
  sandbox/process_use.cpp
  sandbox/protection.cpp
  sandbox/received_message.cpp
  sandbox/sandbox.cpp
  sandbox/sandbox_lives.cpp
  sandbox/spawner_process.cpp
  sandbox/stuck.cpp
)
target_link_libraries(windlass_sandbox
  PUBLIC windlass_shared windlass_settings
  PRIVATE windlass_warnings fmt::fmt PkgConfig::SECCOMP)

# Small and static, so that forking it is cheap and it needs nothing of the machine; never with a sanitizer's runtime.
add_executable(windlass-spawner
  sandbox/apply.cpp
  sandbox/guard.cpp
  sandbox/keeping.cpp
  sandbox/message.cpp
  sandbox/pid_one.cpp
  sandbox/spawner.cpp
)
# Makes and keeps the network of one job that has one.
add_executable(windlass-network sandbox/landlock.cpp sandbox/message.cpp sandbox/network_keeper.cpp)
foreach(program windlass-spawner windlass-network)
  target_include_directories(${program} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${program} PRIVATE -O2 -fno-exceptions -fno-rtti -fno-asynchronous-unwind-tables
    -fno-threadsafe-statics -fno-pie -fstack-protector-strong)
  target_link_options(${program} PRIVATE -static -no-pie -Wl,-z,relro,-z,now,-z,noseparate-code -Wl,--gc-sections)
  target_link_libraries(${program} PRIVATE windlass_warnings)
endforeach()
add_dependencies(windlass_sandbox windlass-spawner windlass-network)
