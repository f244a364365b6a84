#include "shared/trace_context.h"

#include <algorithm>

namespace windlass {
namespace {

constexpr std::size_t length_of_version_00 = 55;
constexpr std::size_t most_bytes = 512;

bool is_hex(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool is_id(std::string_view text) {
    return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

bool is_traceparent(std::string_view text) {
    if (text.size() < length_of_version_00 || text.size() > most_bytes) return false;
    if (text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
    const auto version = text.substr(0, 2);
    if (!is_hex(version) || version == "ff" || !is_id(text.substr(3, 32)) || !is_id(text.substr(36, 16)) ||
        !is_hex(text.substr(53, 2)))
        return false;
    if (text.size() == length_of_version_00) return true;
    const bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
    return version != "00" && text[length_of_version_00] == '-' && printable;
}

}  // namespace windlass
