// What all readers of headers need (RFC 9110 section 5): names compare without case, values lie between white space.
#pragma once

#include <strings.h>

#include <string_view>

namespace windlass::api {

// ASCII letters alone: no name of a header, a key or a media type has others.
inline bool equal_without_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

inline std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

}  // namespace windlass::api
