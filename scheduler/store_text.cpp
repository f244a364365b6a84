#include "scheduler/store_text.h"

#include <algorithm>

#include "shared/json.h"

namespace windlass::scheduler {

std::string storable(std::string_view text) {
    const auto plain = [](char c) { return static_cast<unsigned char>(c) - 1U < 0x7f; };  // ASCII but NUL
    if (std::ranges::all_of(text, plain)) return std::string(text);
    std::string out = to_valid_utf8(text);
    for (std::size_t at = out.find('\0'); at != std::string::npos; at = out.find('\0', at)) {
        out.replace(at, 1, "\xef\xbf\xbd");
    }
    return out;
}

std::string environment_json(const Environment& environment) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    for (const auto& [name, value] : environment) {
        put_key(writer, storable(name));
        put(writer, storable(value));
    }
    writer.EndObject();
    return std::string(text_of(buffer));
}

Result<Environment> environment_of(std::string_view json) {
    WINDLASS_TRY(const rapidjson::Document document, parse_json(json));
    if (!document.IsObject()) {
        return make_error(ErrorKind::internal, "the environment of a job is not stored as a JSON object");
    }
    Environment environment;
    for (const auto& member : document.GetObject()) {
        if (!member.value.IsString())
            return make_error(ErrorKind::internal, "a variable of a job is not stored as text");
        environment.emplace(text_of(member.name), text_of(member.value));
    }
    return environment;
}

std::string files_json(const std::vector<ResultFile>& files) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartArray();
    for (const ResultFile& file : files) {
        writer.StartObject();
        put_key(writer, "path");
        put(writer, storable(file.path));
        put_key(writer, "size");
        writer.Int64(file.size_bytes);
        put_key(writer, "sha256");
        put(writer, storable(file.sha256));
        put_key(writer, "stored");
        writer.Bool(file.stored);
        writer.EndObject();
    }
    writer.EndArray();
    return std::string(text_of(buffer));
}

Result<std::set<std::string>> stored_files_of(std::string_view json) {
    std::set<std::string> stored;
    WINDLASS_TRY(const rapidjson::Document document, parse_json(json));
    if (!document.IsArray()) return make_error(ErrorKind::internal, "the files of a result are not stored as a list");
    for (const auto& file : document.GetArray()) {
        const auto kept = file.FindMember("stored");
        const auto sha256 = file.FindMember("sha256");
        if (kept == file.MemberEnd() || sha256 == file.MemberEnd() || !kept->value.IsBool() ||
            !sha256->value.IsString())
            return make_error(ErrorKind::internal, "a file of a result is not stored as it should be");
        if (kept->value.GetBool()) stored.emplace(text_of(sha256->value));
    }
    return stored;
}

}  // namespace windlass::scheduler
