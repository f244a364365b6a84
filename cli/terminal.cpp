#include "cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace windlass::cli {

bool is_terminal(std::FILE* stream) {
    return isatty(fileno(stream)) != 0;
}

bool has_colours(std::FILE* stream) {
    const char* const no_color = std::getenv("NO_COLOR");
    const char* const term = std::getenv("TERM");
    return is_terminal(stream) && (no_color == nullptr || *no_color == '\0') &&
           (term == nullptr || std::string_view(term) != "dumb");
}

int terminal_columns(std::FILE* stream) {
    winsize size{};
    return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string coloured_status(std::string_view status, bool colours) {
    if (!colours) return std::string(status);
    const int colour = status == "succeeded"                                             ? 32  // green
                       : status == "failed" || status == "lost" || status == "timed_out" ? 31  // red
                       : status == "running" || status == "starting"                     ? 36  // cyan
                       : status == "cancelled"                                           ? 33  // yellow
                                                                                         : 90;                                           // grey
    return fmt::format("\x1b[{}m{}\x1b[0m", colour, status);
}

std::string harmless(std::string_view text, bool keep_lines) {
    std::string safe;
    safe.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto c = static_cast<unsigned char>(text[at]);
        const auto next = [&](std::size_t ahead) {
            return at + ahead < text.size() ? static_cast<unsigned char>(text[at + ahead]) : 0U;
        };
        if (c == '\n' || c == '\r' || c == '\t') {
            safe += keep_lines && c != '\r' ? text[at] : ' ';
        } else if (c < 0x20 || c == 0x7F) {  // U+2400 and following: pictures of control characters
            safe += "\xE2\x90";
            safe += static_cast<char>(c == 0x7F ? 0xA1 : 0x80 + c);
        } else if (c == 0xC2 && next(1) >= 0x80 && next(1) < 0xA0) {  // C1 controls
            safe += "\xEF\xBF\xBD";
            ++at;
        } else if (c == 0xD8 && next(1) == 0x9C) {  // U+061C
            safe += "\xEF\xBF\xBD";
            ++at;
        } else if (c == 0xE2 &&
                   ((next(1) == 0x80 && (next(2) == 0x8E || next(2) == 0x8F || (next(2) >= 0xA8 && next(2) <= 0xAE))) ||
                    (next(1) == 0x81 && next(2) >= 0xA6 && next(2) <= 0xA9))) {
            safe += "\xEF\xBF\xBD";  // U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069
            at += 2;
        } else {
            safe += text[at];
        }
    }
    return safe;
}

}  // namespace windlass::cli
