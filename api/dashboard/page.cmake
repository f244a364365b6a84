# The dashboard at /: the files of web/dashboard, each also compressed, and uPlot for its charts, from npm by the committed
# lockfile, without running anything of the package. Without npm, or without a registry, the charts are drawn by the
# dashboard itself, and nothing else changes.
set(dashboard_source ${CMAKE_SOURCE_DIR}/web/dashboard)
set(dashboard_build ${CMAKE_CURRENT_BINARY_DIR}/dashboard)
set(dashboard_assets "")

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${dashboard_source}/package-lock.json)
file(SHA256 ${dashboard_source}/package-lock.json lock_hash)
set(stamp ${dashboard_build}/npm/fetched-${lock_hash})
find_program(NPM npm)
find_program(GZIP gzip)
if(NOT WINDLASS_DOCS_PAGE STREQUAL "OFF" AND NOT EXISTS ${stamp} AND NPM)
  file(REMOVE_RECURSE ${dashboard_build}/npm)
  file(COPY ${dashboard_source}/package.json ${dashboard_source}/package-lock.json DESTINATION ${dashboard_build}/npm)
  execute_process(
    COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-timeout=20000
    WORKING_DIRECTORY ${dashboard_build}/npm TIMEOUT 120
    RESULT_VARIABLE npm_failed OUTPUT_QUIET ERROR_VARIABLE npm_said)
  if(npm_failed)
    message(STATUS "npm could not fetch uplot: ${npm_said}")
  else()
    file(TOUCH ${stamp})
  endif()
endif()

file(GLOB dashboard_files CONFIGURE_DEPENDS ${dashboard_source}/*.js ${dashboard_source}/*.css ${dashboard_source}/*.svg
  ${dashboard_source}/pages/*.js ${dashboard_source}/parts/*.js)
if(EXISTS ${stamp})
  list(APPEND dashboard_files ${dashboard_build}/npm/node_modules/uplot/dist/uPlot.esm.js
    ${dashboard_build}/npm/node_modules/uplot/dist/uPlot.min.css)
elseif(WINDLASS_DOCS_PAGE STREQUAL "ON")
  message(FATAL_ERROR "The charts of the dashboard need uplot. Install npm with: apt-get install npm; or set WINDLASS_DOCS_PAGE=OFF")
else()
  message(STATUS "the dashboard will draw its charts without uPlot: npm, or what it fetches, is not there")
endif()
foreach(file IN LISTS dashboard_files)
  cmake_path(GET file FILENAME name)
  set(copy ${dashboard_build}/${name})
  if(GZIP)
    add_custom_command(OUTPUT ${copy} ${copy}.gz
      COMMAND ${CMAKE_COMMAND} -E copy ${file} ${copy}
      COMMAND ${GZIP} -9nkf ${copy}
      DEPENDS ${file})
    list(APPEND dashboard_assets ${copy} ${copy}.gz)
  else()
    list(APPEND dashboard_assets ${file})
  endif()
endforeach()
list(APPEND dashboard_assets ${dashboard_source}/index.html)

windlass_embed(windlass_api dashboard_files ${dashboard_assets})
