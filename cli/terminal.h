// What may be written for eyes: colours and lines that change, on a terminal alone.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace windlass::cli {

// Whether `stream` is a terminal that shows colours: not with NO_COLOR (https://no-color.org) or TERM=dumb.
bool has_colours(std::FILE* stream);
bool is_terminal(std::FILE* stream);
int terminal_columns(std::FILE* stream);  // 80 when it is not known

// A status of a job in its colour.
std::string coloured_status(std::string_view status, bool colours);

// Bytes that a job, a user or a file supplied, as they may stand on a terminal: escapes, other control characters and
// bidirectional controls become visible instead of being obeyed; line ends and tabs become spaces, or with `keep_lines`
// stay.
std::string harmless(std::string_view text, bool keep_lines = false);

}  // namespace windlass::cli
