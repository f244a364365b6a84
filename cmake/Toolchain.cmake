# Settings and warnings as two interface targets that every program of ours links.
find_program(CCACHE ccache)
if(CCACHE)
  # Paths relative to the tree: a second clone finds what the first one compiled.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

add_library(windlass_warnings INTERFACE)
target_compile_options(windlass_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
  $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast> -Wcast-qual -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC bug 105651: -Wrestrict fires inside std::string of C++20 on harmless code.
  target_compile_options(windlass_warnings INTERFACE -Wno-restrict)
endif()
if(WINDLASS_WERROR)
  target_compile_options(windlass_warnings INTERFACE -Werror)
endif()

add_library(windlass_settings INTERFACE)
target_include_directories(windlass_settings INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(windlass_settings INTERFACE -fstack-protector-strong)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT WINDLASS_SANITIZE)
  target_compile_definitions(windlass_settings INTERFACE _FORTIFY_SOURCE=2)
endif()
target_link_options(windlass_settings INTERFACE -Wl,-z,relro,-z,now)
find_program(MOLD mold)
if(MOLD)
  target_link_options(windlass_settings INTERFACE -fuse-ld=mold)
endif()
if(WINDLASS_SANITIZE)
  target_compile_options(windlass_settings INTERFACE -fsanitize=${WINDLASS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(windlass_settings INTERFACE -fsanitize=${WINDLASS_SANITIZE})
  # What the sanitizers put in makes GCC 12 see uninitialised strings in every std::variant that may hold one.
  target_compile_options(windlass_warnings INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()
