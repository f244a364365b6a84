#include "api/courses/course_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/field_reader.h"
#include "api/names.h"
#include "shared/site_names.h"

namespace windlass::api {
namespace {

constexpr std::size_t most_name_characters = 150;
constexpr std::size_t most_datasets = 32;
constexpr std::size_t most_description_bytes = 64 * 1024;
constexpr std::size_t most_level_characters = 100;
constexpr std::size_t most_command_bytes = 64 * 1024;
constexpr std::int64_t most_gpus = 1024;
constexpr std::int64_t largest_id = (std::int64_t{1} << 53) - 1;

bool has_nul(std::string_view text) {
    return text.find('\0') != std::string_view::npos;
}

std::string name_field(FieldReader& fields, std::string_view key) {
    const auto name = fields.required_text(key);
    if (!name) return {};
    if (is_blank(*name) || has_nul(*name) || count_characters(*name) > most_name_characters)
        fields.bad(key, fmt::format("must have 1 to {} characters, not all of them blank", most_name_characters));
    return std::string(*name);
}

std::string site_name(FieldReader& fields, std::string_view key, std::string_view name) {
    if (const auto fault = fault_of_site_name(name); !fault.empty()) fields.bad(key, std::string(fault));
    return std::string(name);
}

void read_datasets(FieldReader& fields, Course& course, Faults& faults) {
    const auto* list = fields.any("dataset");
    if (list == nullptr) return;
    if (!list->IsArray() || list->Size() > most_datasets)
        return fields.bad("dataset", fmt::format("must be a list of at most {} names", most_datasets));
    std::set<std::string> seen;
    for (const auto& value : list->GetArray()) {
        const std::string at = fmt::format("/dataset/{}", course.datasets.size());
        if (!value.IsString()) return faults.bad(at, fmt::format("must be a string, not {}", type_name(value)));
        course.datasets.emplace_back(text_of(value));
        const std::string& name = course.datasets.back();
        if (const auto fault = fault_of_site_name(name); !fault.empty()) faults.bad(at, std::string(fault));
        if (!seen.insert(name).second) faults.bad(at, "stands there twice");
    }
}

std::string bounded_text(FieldReader& fields, std::string_view key, std::size_t most_bytes) {
    const auto text = fields.text(key);
    if (!text) return {};
    if (text->size() > most_bytes) fields.bad(key, fmt::format("must not have more than {} bytes", most_bytes));
    if (has_nul(*text)) fields.bad(key, "must not hold a NUL");
    return std::string(*text);
}

bool is_path(std::string_view text) {
    return text.starts_with('/') && text.size() <= 1000 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

Course read_course(FieldReader& fields, Faults& faults) {
    Course course;
    course.name = name_field(fields, "course_name");
    if (const auto image = fields.required_text("image")) course.image = site_name(fields, "image", *image);
    read_datasets(fields, course, faults);
    course.description = bounded_text(fields, "description", most_description_bytes);
    course.level = bounded_text(fields, "level", most_level_characters * 4);
    course.gpu = fields.integer("gpu", 0, most_gpus).value_or(0);
    course.command = bounded_text(fields, "command", most_command_bytes);
    course.port = fields.integer("port", 1, 65535).value_or(course.port);
    if (const auto path = fields.text("check_path")) {
        if (!is_path(*path)) fields.bad("check_path", "must be a path that begins with / and has no spaces");
        course.check_path = *path;
    }
    return course;
}

// The family has one sentence for all that is wrong: it names the fields itself.
Problem in_one_sentence(Problem problem) {
    std::string sentence;
    for (const auto& error : problem.errors) {
        auto name = error.pointer;
        name.erase(0, name.find_first_not_of('/'));
        sentence += (sentence.empty() ? "" : "; ") + (name.empty() ? "the body" : name) + " " + error.detail;
    }
    if (!sentence.empty()) problem.detail = sentence;
    return problem;
}

}  // namespace

OrProblem<CourseWish> parse_course_wish(const rapidjson::Value& body) {
    Faults faults;
    FieldReader fields(body, "", faults);
    CourseWish wish;
    const bool named = fields.any("course_name") != nullptr;
    const bool numbered = fields.any("course_id") != nullptr;
    if (named == numbered)
        return make_problem(400, "Send either course_name, to make a course, or course_id, to launch one.");
    if (named)
        wish.course = read_course(fields, faults);
    else
        wish.launch = fields.integer("course_id", 1, largest_id).value_or(0);
    fields.refuse_others();
    if (faults.any()) return in_one_sentence(std::move(faults).problem());
    return wish;
}

OrProblem<LaunchWish> parse_launch(const rapidjson::Value& body) {
    Faults faults;
    FieldReader fields(body, "", faults);
    LaunchWish wish;
    wish.user = fields.required_text("user").value_or("");
    if (fields.any("course_id") == nullptr) fields.bad("course_id", "is required");
    wish.course = fields.integer("course_id", 1, largest_id).value_or(0);
    fields.refuse_others();
    if (faults.any()) return in_one_sentence(std::move(faults).problem());
    return wish;
}

OrProblem<std::string> parse_class_name(const rapidjson::Value& body) {
    Faults faults;
    FieldReader fields(body, "", faults);
    std::string name = name_field(fields, "name");
    fields.refuse_others();
    if (faults.any()) return in_one_sentence(std::move(faults).problem());
    return name;
}

}  // namespace windlass::api
