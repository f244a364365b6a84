// Bytes as PostgreSQL writes and reads them in text: \x and two hexadecimal digits for each.
#pragma once

#include <string>
#include <string_view>

namespace windlass::database {

void append_hex(std::string& out, std::string_view bytes);  // the digits alone, lower case
std::string bytea_text(std::string_view bytes);             // \x…
// Of \x…; what is not that is a broken assumption (the column is not a bytea).
std::string bytes_of_bytea(std::string_view text);

}  // namespace windlass::database
