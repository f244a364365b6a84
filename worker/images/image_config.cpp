#include "worker/images/image_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "shared/json.h"

namespace windlass::worker {
namespace {

constexpr std::size_t most_bytes = 64 * 1024;  // of environment, and of arguments

Error not_a_config(std::string_view why) {
    return make_error(ErrorKind::invalid, fmt::format("the image's configuration cannot be used: {}", why));
}

const rapidjson::Value* member(const rapidjson::Value& object, const char* name) {
    const auto found = object.FindMember(name);
    return found == object.MemberEnd() || found->value.IsNull() ? nullptr : &found->value;
}

Result<std::string> text_member(const rapidjson::Value& object, const char* name) {
    const auto* value = member(object, name);
    if (value == nullptr) return std::string();
    if (!value->IsString()) return not_a_config(fmt::format("{} is no string", name));
    return std::string(text_of(*value));
}

Result<std::vector<std::string>> list_member(const rapidjson::Value& object, const char* name) {
    std::vector<std::string> list;
    const auto* values = member(object, name);
    if (values == nullptr) return list;
    if (!values->IsArray()) return not_a_config(fmt::format("{} is no list", name));
    std::size_t bytes = 0;
    for (const auto& value : values->GetArray()) {
        if (!value.IsString()) return not_a_config(fmt::format("{} holds more than strings", name));
        bytes += value.GetStringLength() + 1;
        list.emplace_back(text_of(value));
    }
    if (bytes > most_bytes) return not_a_config(fmt::format("{} is longer than 64 KiB", name));
    return list;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        if (end > 0) lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

// Field `number` of "a:b:c".
std::string_view field(std::string_view line, int number) {
    for (; number > 0; number--) {
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return {};
        line.remove_prefix(colon + 1);
    }
    return line.substr(0, line.find(':'));
}

// The lines of the image, without that of the job's name, behind the job's own. Braces cannot stand in them: they are
// ours.
std::string with_first_line(std::string line, std::string_view name, std::string_view text) {
    line += '\n';
    for (const std::string_view other : lines_of(text))
        if (field(other, 0) != name && other.find_first_of("{}") == std::string_view::npos)
            line += fmt::format("{}\n", other);
    return line;
}

void put_list(JsonWriter& json, const char* key, const std::vector<std::string>& list) {
    json.Key(key);
    json.StartArray();
    for (const auto& text : list) put(json, text);
    json.EndArray();
}

void put_text(JsonWriter& json, const char* key, const std::string& text) {
    json.Key(key);
    put(json, text);
}

}  // namespace

Result<ImageConfig> parse_oci_config(std::string_view text) {
    WINDLASS_TRY(const auto document, parse_json(text));
    if (!document.IsObject()) return not_a_config("it is no object");
    ImageConfig config;
    const auto* object = member(document, "config");
    if (object == nullptr) return config;
    if (!object->IsObject()) return not_a_config("config is no object");
    WINDLASS_TRY(const auto env, list_member(*object, "Env"));
    for (const std::string& entry : env) {
        const std::size_t equals = entry.find('=');
        if (equals == 0 || equals == std::string::npos) return not_a_config("Env holds more than NAME=VALUE");
        config.env[entry.substr(0, equals)] = entry.substr(equals + 1);
    }
    WINDLASS_TRY(config.entry_point, list_member(*object, "Entrypoint"));
    WINDLASS_TRY(const auto command, list_member(*object, "Cmd"));
    config.entry_point.insert(config.entry_point.end(), command.begin(), command.end());
    if (!config.entry_point.empty() && config.entry_point.front().empty())
        return not_a_config("its entry point names no program");
    WINDLASS_TRY(config.working_directory, text_member(*object, "WorkingDir"));
    if (!config.working_directory.empty() && !config.working_directory.starts_with('/'))
        return not_a_config("WorkingDir is no absolute path");
    if (config.working_directory.size() > 1024) return not_a_config("WorkingDir is longer than 1024 bytes");
    WINDLASS_TRY(config.user, text_member(*object, "User"));
    return config;
}

ImageUser image_user(const std::string& user, std::string_view passwd, std::string_view group) {
    const std::string_view wanted = std::string_view(user).substr(0, user.find(':'));
    std::string name = "job";
    std::string home = "/job";
    std::string shell = "/bin/sh";
    for (const std::string_view line : lines_of(passwd)) {
        if (wanted.empty() || (field(line, 0) != wanted && field(line, 2) != wanted)) continue;
        if (field(line, 2) == "0") break;
        name = field(line, 0);
        if (field(line, 5).starts_with('/')) home = field(line, 5);
        if (field(line, 6).starts_with('/')) shell = field(line, 6);
        break;
    }
    ImageUser result;
    result.home = home;
    result.passwd = with_first_line(fmt::format("{}:x:{{uid}}:{{gid}}::{}:{}", name, home, shell), name, passwd);
    result.group = with_first_line(fmt::format("{}:x:{{gid}}:", name), name, group);
    return result;
}

std::string to_json(const ImageRecord& record) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_text(json, "digest", record.digest);
    put_text(json, "source", record.source);
    json.Key("bytes");
    json.Int64(record.bytes);
    json.Key("files");
    json.Int64(record.files);
    json.Key("env");
    json.StartObject();
    for (const auto& [name, value] : record.config.env) {
        put_key(json, name);
        put(json, value);
    }
    json.EndObject();
    put_list(json, "entry_point", record.config.entry_point);
    put_text(json, "working_directory", record.config.working_directory);
    put_text(json, "user", record.config.user);
    put_text(json, "home", record.user.home);
    put_text(json, "passwd", to_valid_utf8(record.user.passwd));
    put_text(json, "group", to_valid_utf8(record.user.group));
    json.EndObject();
    return std::string(text_of(buffer));
}

Result<ImageRecord> parse_image_record(std::string_view text) {
    WINDLASS_TRY(const auto document, parse_json(text));
    if (!document.IsObject()) return not_a_config("image.json is no object");
    ImageRecord record;
    WINDLASS_TRY(record.digest, text_member(document, "digest"));
    WINDLASS_TRY(record.source, text_member(document, "source"));
    for (const auto& [key, number] : {std::pair("bytes", &record.bytes), std::pair("files", &record.files)}) {
        const auto* value = member(document, key);
        if (value != nullptr && value->IsInt64()) *number = value->GetInt64();
    }
    const auto* env = member(document, "env");
    if (env == nullptr || !env->IsObject()) return not_a_config("image.json has no env");
    for (const auto& entry : env->GetObject()) {
        if (!entry.value.IsString()) return not_a_config("env in image.json holds more than strings");
        record.config.env.emplace(text_of(entry.name), text_of(entry.value));
    }
    WINDLASS_TRY(record.config.entry_point, list_member(document, "entry_point"));
    WINDLASS_TRY(record.config.working_directory, text_member(document, "working_directory"));
    WINDLASS_TRY(record.config.user, text_member(document, "user"));
    WINDLASS_TRY(record.user.home, text_member(document, "home"));
    WINDLASS_TRY(record.user.passwd, text_member(document, "passwd"));
    WINDLASS_TRY(record.user.group, text_member(document, "group"));
    return record;
}

}  // namespace windlass::worker
