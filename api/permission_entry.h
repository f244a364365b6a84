// One entry of a list that says who may: KIND:NAME ("tier:Premium", "role:admin"), or a word alone ("everybody"). Which
// kinds there are, and whom they mean, each list says itself.
#pragma once

#include <string_view>

namespace windlass::api {

struct PermissionEntry {
    std::string_view kind;
    std::string_view name;  // empty: there is none
};

inline PermissionEntry permission_entry(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return {text, {}};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace windlass::api
