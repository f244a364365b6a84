# What is installed where, and the three Debian packages made of it: `cpack --config build/release/CPackConfig.cmake`.
#
# Every destination is relative to the root of a machine (--prefix /, or --prefix DIRECTORY to look at it first), so that neither
# `cmake --install` nor cpack can reach outside of the prefix it was given.
if(CMAKE_INSTALL_PREFIX_INITIALIZED_TO_DEFAULT)
  set_property(CACHE CMAKE_INSTALL_PREFIX PROPERTY VALUE "/")
endif()
set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(packages ${CMAKE_SOURCE_DIR}/packages)
set(units ${CMAKE_SOURCE_DIR}/systemd)
set(pages ${CMAKE_BINARY_DIR}/package)
find_program(GZIP gzip REQUIRED)

configure_file(${packages}/changelog.in ${pages}/changelog @ONLY)
add_custom_command(OUTPUT ${pages}/changelog.gz
  COMMAND ${GZIP} -9 -n -c ${pages}/changelog > ${pages}/changelog.gz DEPENDS ${pages}/changelog VERBATIM)
add_custom_command(OUTPUT ${pages}/CHANGELOG.md.gz
  COMMAND ${GZIP} -9 -n -c ${CMAKE_SOURCE_DIR}/CHANGELOG.md > ${pages}/CHANGELOG.md.gz DEPENDS ${CMAKE_SOURCE_DIR}/CHANGELOG.md VERBATIM)
# The command makes its own manual and completions.
add_custom_command(OUTPUT ${pages}/pages.done
  COMMAND ${packages}/make-pages $<TARGET_FILE:windlass> ${pages} DEPENDS windlass ${packages}/make-pages VERBATIM)
add_custom_target(windlass-pages ALL DEPENDS ${pages}/changelog.gz ${pages}/CHANGELOG.md.gz ${pages}/pages.done)

function(windlass_documents component package)
  install(FILES ${packages}/copyright ${pages}/changelog.gz DESTINATION usr/share/doc/${package} COMPONENT ${component})
  foreach(document IN LISTS ARGN)
    install(FILES ${CMAKE_SOURCE_DIR}/${document} DESTINATION usr/share/doc/${package} COMPONENT ${component})
  endforeach()
  if(EXISTS ${packages}/${package}/lintian-overrides)
    install(FILES ${packages}/${package}/lintian-overrides DESTINATION usr/share/lintian/overrides RENAME ${package} COMPONENT ${component})
  endif()
endfunction()

# windlass-server
install(TARGETS windlass-scheduler windlass-api DESTINATION usr/bin COMPONENT server)
install(FILES ${units}/windlass-scheduler.service ${units}/windlass-api.service ${units}/windlass-api.socket
  DESTINATION lib/systemd/system COMPONENT server)
install(FILES ${units}/windlass-server.sysusers.conf DESTINATION usr/lib/sysusers.d RENAME windlass-server.conf COMPONENT server)
install(FILES ${units}/windlass-server.tmpfiles.conf DESTINATION usr/lib/tmpfiles.d RENAME windlass-server.conf COMPONENT server)
install(FILES ${units}/windlass.toml DESTINATION etc/windlass PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ COMPONENT server)
windlass_documents(server windlass-server docs/api.md docs/backup.md docs/boot.md docs/configuration.md docs/courses.md docs/dashboard.md docs/figures.md docs/images.md
  docs/monitoring.md docs/operating.md docs/standby.md docs/systemd.md docs/workers-elsewhere.md)
install(FILES ${CMAKE_SOURCE_DIR}/docs/grafana/windlass.json DESTINATION usr/share/doc/windlass-server/grafana COMPONENT server)
install(PROGRAMS ${CMAKE_SOURCE_DIR}/slurm/windlass-prolog ${CMAKE_SOURCE_DIR}/slurm/windlass-epilog
  DESTINATION usr/share/windlass/slurm COMPONENT server)
install(FILES ${CMAKE_SOURCE_DIR}/slurm/windlass-report.sh DESTINATION usr/share/windlass/slurm COMPONENT server)
install(FILES ${CMAKE_SOURCE_DIR}/slurm/README.md DESTINATION usr/share/doc/windlass-server/slurm COMPONENT server)

# windlass-worker
install(TARGETS windlass-worker windlass-spawner windlass-network windlass-site DESTINATION usr/bin COMPONENT worker)
install(FILES ${units}/windlass-worker.service ${units}/windlass-boxes.service ${units}/windlass-jobs.slice DESTINATION lib/systemd/system COMPONENT worker)
install(FILES ${units}/windlass-worker.tmpfiles.conf DESTINATION usr/lib/tmpfiles.d RENAME windlass-worker.conf COMPONENT worker)
install(FILES ${units}/worker.toml DESTINATION etc/windlass PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ COMPONENT worker)
install(FILES ${units}/windlass-worker-network.conf ${units}/windlass-boxes-network.conf DESTINATION usr/share/doc/windlass-worker/examples COMPONENT worker)
windlass_documents(worker windlass-worker docs/configuration.md docs/sandbox.md docs/site-images.md docs/systemd.md docs/worker.md docs/workers-elsewhere.md)

# windlass
install(TARGETS windlass DESTINATION usr/bin COMPONENT command)
install(DIRECTORY ${pages}/man1 DESTINATION usr/share/man COMPONENT command)
install(FILES ${pages}/completion.bash DESTINATION usr/share/bash-completion/completions RENAME windlass COMPONENT command)
install(FILES ${pages}/completion.zsh DESTINATION usr/share/zsh/vendor-completions RENAME _windlass COMPONENT command)
install(FILES ${pages}/completion.fish DESTINATION usr/share/fish/vendor_completions.d RENAME windlass.fish COMPONENT command)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/cli/clients/python/windlass DESTINATION usr/lib/python3/dist-packages COMPONENT command
  FILES_MATCHING PATTERN "*.py" PATTERN __pycache__ EXCLUDE)
install(FILES ${CMAKE_SOURCE_DIR}/cli/clients/cpp/windlass/client.h DESTINATION usr/include/windlass COMPONENT command)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs/examples DESTINATION usr/share/doc/windlass COMPONENT command)
install(FILES ${pages}/CHANGELOG.md.gz DESTINATION usr/share/doc/windlass COMPONENT command)
windlass_documents(command windlass README.md SECURITY.md docs/commands.md docs/submitting.md docs/tutorial.md)

set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL server worker command)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGE_NAME windlass)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The Windlass authors <windlass@windlass.invalid>")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_PACKAGING_INSTALL_PREFIX "/")
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS ${CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS})
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)

set(CPACK_DEBIAN_SERVER_PACKAGE_NAME windlass-server)
set(CPACK_DEBIAN_SERVER_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_SERVER_PACKAGE_DEPENDS "systemd (>= 252), passwd, procps")
set(CPACK_DEBIAN_SERVER_PACKAGE_RECOMMENDS "windlass")
set(CPACK_DEBIAN_SERVER_PACKAGE_SUGGESTS "postgresql, windlass-worker")
set(CPACK_COMPONENT_SERVER_DESCRIPTION "asynchronous job scheduler, the server
Takes jobs over HTTP, keeps their queue and their results, and hands them to
workers that run each in a sandbox. This package has the scheduler and the
api with its dashboard, as systemd units that start with an embedded
database; PostgreSQL is a setting.")
set(CPACK_DEBIAN_WORKER_PACKAGE_NAME windlass-worker)
set(CPACK_DEBIAN_WORKER_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_WORKER_PACKAGE_DEPENDS "systemd (>= 252), procps")
set(CPACK_DEBIAN_WORKER_PACKAGE_SUGGESTS "slirp4netns, nftables, libvips-tools, skopeo, umoci, windlass-server")
set(CPACK_COMPONENT_WORKER_DESCRIPTION "asynchronous job scheduler, the worker
Runs the jobs of a Windlass server on this machine, each in a sandbox of its
own: own user, processes, files and network, with limits of memory,
processes, processor time, disk and output. It dials the scheduler and needs
no open port.")
set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME windlass)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_COMMAND_PACKAGE_DEPENDS "python3:any")
set(CPACK_DEBIAN_COMMAND_PACKAGE_SUGGESTS "bash-completion, libcpp-httplib-dev")
set(CPACK_COMPONENT_COMMAND_DESCRIPTION "asynchronous job scheduler, the command
Submits jobs to a Windlass server, follows them and fetches their results,
and does what its operators do: accounts, queues, workers. With manual pages,
completion for bash, zsh and fish, and clients for Python and C++.")
foreach(component IN ITEMS SERVER WORKER COMMAND)
  set(package ${packages}/${CPACK_DEBIAN_${component}_PACKAGE_NAME})
  file(GLOB CPACK_DEBIAN_${component}_PACKAGE_CONTROL_EXTRA CONFIGURE_DEPENDS
    ${package}/postinst ${package}/prerm ${package}/postrm ${package}/conffiles)
endforeach()
include(CPack)
