#include "cli/course_words.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "cli/server.h"

namespace windlass::cli {
namespace {

Result<std::string> text_or_file(const std::string& word) {
    if (!word.starts_with('@')) return word;
    std::ifstream file(word.substr(1), std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file.is_open() || file.bad()) return make_error(ErrorKind::invalid, word.substr(1) + " cannot be read");
    return text;
}

void put_text(JsonWriter& json, const char* key, const std::string& text) {
    if (text.empty()) return;
    put_key(json, key);
    put(json, text);
}

void put_number(JsonWriter& json, const char* key, const std::optional<std::int64_t>& number) {
    if (!number) return;
    put_key(json, key);
    json.Int64(*number);
}

// Of the objects in the list at `list`, the one whose member `id` or whose member `name` is the word.
Result<const rapidjson::Value*> find_one(const rapidjson::Value& answer, const char* list, const char* id,
                                         const char* name, const std::string& word, const std::string& what) {
    const auto rows = answer.IsObject() ? answer.FindMember(list) : rapidjson::Value::ConstMemberIterator();
    if (!answer.IsObject() || rows == answer.MemberEnd() || !rows->value.IsArray())
        return make_error(ErrorKind::internal, fmt::format("the server's answer has no list of {}", list));
    std::vector<const rapidjson::Value*> named;
    for (const auto& row : rows->value.GetArray()) {
        if (!word.empty() && member_text(row, id) == word) return &row;
        if (word.empty() || member_text(row, name) == word) named.push_back(&row);
    }
    if (named.size() == 1) return named.front();
    if (named.empty())
        return make_error(ErrorKind::not_found,
                          word.empty() ? fmt::format("there is no {}", what)
                                       : fmt::format("there is no {} \"{}\" that you may see", what, word));
    std::string ids;
    for (const auto* row : named) ids += (ids.empty() ? "" : ", ") + member_text(*row, id);
    return make_error(ErrorKind::invalid, fmt::format("this could be any of {}: name one of these ids", ids));
}

}  // namespace

Result<std::string> course_body(const CourseWords& words) {
    WINDLASS_TRY(const std::string description, text_or_file(words.description));
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_text(json, "course_name", words.name);
    put_text(json, "image", words.image);
    if (!words.datasets.empty()) {
        put_key(json, "dataset");
        json.StartArray();
        for (const auto& name : words.datasets) put(json, name);
        json.EndArray();
    }
    put_text(json, "description", description);
    put_text(json, "level", words.level);
    put_number(json, "gpu", words.gpu);
    put_text(json, "command", words.command);
    put_number(json, "port", words.port);
    put_text(json, "check_path", words.check_path);
    json.EndObject();
    return std::string(text_of(buffer));
}

Result<std::int64_t> find_course(const rapidjson::Value& answer, const std::string& word) {
    WINDLASS_TRY(const auto* row, find_one(answer, "courses", "course_id", "course_name", word, "course"));
    const auto id = row->FindMember("course_id");
    if (id == row->MemberEnd() || !id->value.IsInt64())
        return make_error(ErrorKind::internal, "the server lists a course without an id");
    return id->value.GetInt64();
}

Result<RunningDeployment> find_deployment(const rapidjson::Value& answer, const std::string& word) {
    WINDLASS_TRY(const auto* row, find_one(answer, "jobs", "job_id", "course_name", word, "running deployment"));
    const auto id = row->FindMember("job_id");
    if (id == row->MemberEnd() || !id->value.IsInt64())
        return make_error(ErrorKind::internal, "the server lists a deployment without an id");
    return RunningDeployment{id->value.GetInt64(), member_text(*row, "status"), member_text(*row, "address")};
}

}  // namespace windlass::cli
