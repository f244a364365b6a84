add_library(windlass_sandbox STATIC
  sandbox/cgroup.cpp
  sandbox/cgroup_files.cpp
  sandbox/cgroup_v1.cpp
  sandbox/cgroup_v2.cpp
  sandbox/filter.cpp
  sandbox/host.cpp
  sandbox/landlock.cpp
  sandbox/plan.cpp
  sandbox/plan_text.cpp
  sandbox/protection.cpp
  sandbox/sandbox.cpp
  sandbox/spawner_process.cpp
)
target_link_libraries(windlass_sandbox
  PUBLIC windlass_shared windlass_settings
  PRIVATE windlass_warnings fmt::fmt PkgConfig::SECCOMP)

# Small and static, so that forking it is cheap and it needs nothing of the machine; never with a sanitizer's runtime.
add_executable(windlass-spawner
  sandbox/apply.cpp
  sandbox/guard.cpp
  sandbox/message.cpp
  sandbox/pid_one.cpp
  sandbox/spawner.cpp
)
target_include_directories(windlass-spawner PRIVATE ${CMAKE_SOURCE_DIR})
target_compile_options(windlass-spawner PRIVATE -O2 -fno-exceptions -fno-rtti -fno-asynchronous-unwind-tables
  -fno-threadsafe-statics -fno-pie -fstack-protector-strong)
target_link_options(windlass-spawner PRIVATE -static -no-pie -Wl,-z,relro,-z,now -Wl,--gc-sections)
target_link_libraries(windlass-spawner PRIVATE windlass_warnings)
add_dependencies(windlass_sandbox windlass-spawner)
