#include "api/scopes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace windlass::api {
namespace {

constexpr std::array<std::pair<Scope, std::string_view>, 11> names = {{
    {Scope::jobs_read, "jobs:read"},
    {Scope::jobs_write, "jobs:write"},
    {Scope::account_read, "account:read"},
    {Scope::account_write, "account:write"},
    {Scope::monitoring_read, "monitoring:read"},
    {Scope::monitoring_write, "monitoring:write"},
    {Scope::courses_read, "courses:read"},
    {Scope::courses_write, "courses:write"},
    {Scope::images_read, "images:read"},
    {Scope::images_write, "images:write"},
    {Scope::admin, "admin"},
}};

constexpr std::string_view nothing = "none";

}  // namespace

std::string_view name_of(Scope scope) {
    const auto found =
        std::find_if(names.begin(), names.end(), [&](const auto& entry) { return entry.first == scope; });
    return found == names.end() ? std::string_view() : found->second;
}

std::string words_of(Scopes scopes) {
    if (scopes.is_all()) return {};
    if (scopes == Scopes()) return std::string(nothing);
    std::string text;
    for (const auto& [scope, name] : names) {
        if (!scopes.allows(scope)) continue;
        if (!text.empty()) text += ' ';
        text += name;
    }
    return text;
}

std::vector<std::string_view> names_of(Scopes scopes) {
    std::vector<std::string_view> list;
    for (const auto& [scope, name] : names)
        if (scopes.allows(scope)) list.push_back(name);
    return list;
}

Result<Scopes> parse_scopes(std::string_view text) {
    if (text.empty()) return Scopes::all();
    if (text == nothing) return Scopes();
    Scopes scopes;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        const auto word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (word.empty()) continue;
        const auto found =
            std::find_if(names.begin(), names.end(), [&](const auto& entry) { return entry.second == word; });
        if (found == names.end()) return make_error(ErrorKind::invalid, fmt::format("\"{}\" is not a scope", word));
        scopes.add(found->first);
    }
    if (scopes == Scopes()) return make_error(ErrorKind::invalid, "no scope is named");
    return scopes;
}

}  // namespace windlass::api
