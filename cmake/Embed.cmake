# windlass_embed(target function FILE...): the bytes of the files become part of the target, found by
# windlass::embedded::function() (shared/embedded.h) under their last path component. Changing a file rebuilds.
enable_language(ASM)

function(windlass_embed target function)
  set(assembly ".section .rodata\n")
  set(declarations "")
  set(entries "")
  set(number 0)
  foreach(file IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    cmake_path(GET file FILENAME name)
    set(symbol windlass_embedded_${function}_${number})
    string(APPEND assembly ".global ${symbol}\n.global ${symbol}_end\n.balign 16\n${symbol}:\n.incbin \"${file}\"\n${symbol}_end:\n.byte 0\n")
    string(APPEND declarations "extern const char ${symbol}[];\nextern const char ${symbol}_end[];\n")
    string(APPEND entries "        {\"${name}\", {${symbol}, static_cast<std::size_t>(${symbol}_end - ${symbol})}},\n")
    math(EXPR number "${number} + 1")
    list(APPEND files ${file})
  endforeach()
  string(APPEND assembly ".section .note.GNU-stack,\"\",%progbits\n")
  set(assembly_file ${CMAKE_CURRENT_BINARY_DIR}/embedded_${function}.S)
  set(table_file ${CMAKE_CURRENT_BINARY_DIR}/embedded_${function}.cpp)
  file(CONFIGURE OUTPUT ${assembly_file} CONTENT "${assembly}" @ONLY)
  file(CONFIGURE OUTPUT ${table_file} @ONLY CONTENT
"#include <array>
#include \"shared/embedded.h\"
extern \"C\" {
${declarations}}
namespace windlass::embedded {
std::span<const File> ${function}() {
    static const std::array<File, ${number}> files = {{
${entries}    }};
    return files;
}
}  // namespace windlass::embedded
")
  set_property(SOURCE ${assembly_file} APPEND PROPERTY OBJECT_DEPENDS "${files}")
  target_sources(${target} PRIVATE ${assembly_file} ${table_file})
endfunction()
