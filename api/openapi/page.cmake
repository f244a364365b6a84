# The page at /api/docs/: swagger-ui-dist, from npm by the committed lockfile, without running anything of the packages.
# Without npm, or without a registry, the page is a plain list made from the same table, and nothing else changes.
set(WINDLASS_DOCS_PAGE AUTO CACHE STRING "swagger-ui on /api/docs/: AUTO (if npm can fetch it), ON (fail if it cannot) or OFF (a plain list)")
set(docs_source ${CMAKE_SOURCE_DIR}/web/docs)
set(docs_build ${CMAKE_CURRENT_BINARY_DIR}/docs)
set(docs_assets "")

if(NOT WINDLASS_DOCS_PAGE STREQUAL "OFF")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${docs_source}/package-lock.json)
  file(SHA256 ${docs_source}/package-lock.json lock_hash)
  set(stamp ${docs_build}/fetched-${lock_hash})
  find_program(NPM npm)
  find_program(GZIP gzip)
  if(NOT EXISTS ${stamp} AND NPM AND GZIP)
    file(REMOVE_RECURSE ${docs_build})
    file(COPY ${docs_source}/package.json ${docs_source}/package-lock.json DESTINATION ${docs_build})
    execute_process(
      COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-timeout=20000
      WORKING_DIRECTORY ${docs_build} TIMEOUT 120
      RESULT_VARIABLE npm_failed OUTPUT_QUIET ERROR_VARIABLE npm_said)
    if(npm_failed)
      message(STATUS "npm could not fetch swagger-ui-dist: ${npm_said}")
    else()
      file(TOUCH ${stamp})
    endif()
  endif()
  if(EXISTS ${stamp})
    foreach(file ${docs_build}/node_modules/swagger-ui-dist/swagger-ui-bundle.js
                 ${docs_build}/node_modules/swagger-ui-dist/swagger-ui.css ${docs_source}/start.js)
      cmake_path(GET file FILENAME name)
      set(copy ${docs_build}/${name})
      add_custom_command(OUTPUT ${copy} ${copy}.gz
        COMMAND ${CMAKE_COMMAND} -E copy ${file} ${copy}
        COMMAND ${GZIP} -9nkf ${copy}
        DEPENDS ${file})
      list(APPEND docs_assets ${copy} ${copy}.gz)
    endforeach()
    list(APPEND docs_assets ${docs_source}/index.html)
  elseif(WINDLASS_DOCS_PAGE STREQUAL "ON")
    message(FATAL_ERROR "The page at /api/docs/ needs swagger-ui-dist. Install npm with: apt-get install npm; or set WINDLASS_DOCS_PAGE=OFF")
  else()
    message(STATUS "/api/docs/ will be a plain list: npm, or what it fetches, is not there")
  endif()
endif()

windlass_embed(windlass_api docs_page_files ${docs_assets})
