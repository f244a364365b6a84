#include "cli/user_words.h"

#include <fmt/format.h>
#include <strings.h>

#include <utility>

#include "cli/server.h"

namespace windlass::cli {
namespace {

bool same_word(const std::string& a, const std::string& b) {
    return a.size() == b.size() && strncasecmp(a.c_str(), b.c_str(), a.size()) == 0;
}

void put_flag(JsonWriter& writer, const char* key, bool yes, bool no) {
    if (!yes && !no) return;
    put_key(writer, key);
    writer.Bool(yes);
}

}  // namespace

Result<std::string> user_change_body(const UserChangeWords& words) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    bool any = false;
    for (const auto& [key, value] :
         {std::pair("tier", &words.tier), std::pair("name", &words.name), std::pair("first_name", &words.first_name),
          std::pair("last_name", &words.last_name), std::pair("email", &words.email),
          std::pair("company", &words.company)}) {
        if (!*value) continue;
        any = true;
        put_key(writer, key);
        put(writer, **value);
    }
    if (words.roles) {
        any = true;
        put_key(writer, "roles");
        writer.StartArray();
        for (const auto& role : *words.roles)
            if (!role.empty()) put(writer, role);
        writer.EndArray();
    }
    writer.EndObject();
    if (!any) return make_error(ErrorKind::invalid, "nothing to change: say --roles, --tier, --name, --email, …");
    return std::string(text_of(buffer));
}

Result<std::string> find_user_id(const rapidjson::Value& users, const std::string& user) {
    if (!users.IsArray()) return make_error(ErrorKind::internal, "the server's list of users is not a list");
    for (const char* key : {"username", "email", "id"})
        for (const auto& row : users.GetArray())
            if (same_word(member_text(row, key), user)) return member_text(row, "id");
    return make_error(ErrorKind::not_found, fmt::format("there is no user {}; see `windlass user list`", user));
}

std::string tier_body(const TierWords& words) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    if (words.heights || words.no_heights) {
        put_key(writer, "heights");
        writer.StartArray();
        if (!words.no_heights)
            for (const auto height : *words.heights) writer.Int64(height);
        writer.EndArray();
    }
    put_flag(writer, "original", words.original, words.no_original);
    put_flag(writer, "expiring_links", words.expiring_links, words.no_expiring_links);
    writer.EndObject();
    return std::string(text_of(buffer));
}

std::string listed(const rapidjson::Value& row, const char* key) {
    if (!row.IsObject()) return {};
    const auto member = row.FindMember(key);
    if (member == row.MemberEnd() || !member->value.IsArray()) return {};
    std::string text;
    for (const auto& entry : member->value.GetArray()) {
        if (!text.empty()) text += ',';
        if (entry.IsString())
            text += text_of(entry);
        else if (entry.IsInt64())
            text += std::to_string(entry.GetInt64());
    }
    return text;
}

}  // namespace windlass::cli
