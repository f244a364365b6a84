#include "api/field_reader.h"

#include <fmt/format.h>

#include <utility>

namespace windlass::api {
namespace {
constexpr std::size_t most_faults = 50;  // of each kind: a broken client does not get an answer larger than its request
}

void Faults::add(std::vector<FieldError>& list, std::string pointer, std::string detail) {
    if (list.size() < most_faults) list.push_back({std::move(pointer), std::move(detail)});
}

Problem Faults::problem() && {
    const bool malformed = !bad_.empty();
    Problem problem = make_problem(malformed ? 400 : 422, "");
    problem.errors = std::move(malformed ? bad_ : too_much_);
    const FieldError& first = problem.errors.front();
    problem.detail = first.pointer.empty() ? first.detail : fmt::format("{}: {}", first.pointer, first.detail);
    if (problem.errors.size() > 1)
        problem.detail += fmt::format(" (and {} more, see errors)", problem.errors.size() - 1);
    return problem;
}

std::string pointer_to(std::string_view parent, std::string_view key) {
    std::string out(parent);
    out += '/';
    for (const char c : key.substr(0, 200)) {
        if (c == '~')
            out += "~0";
        else if (c == '/')
            out += "~1";
        else
            out += c;
    }
    return out;
}

std::string_view type_name(const rapidjson::Value& value) {
    switch (value.GetType()) {
        case rapidjson::kNullType:
            return "null";
        case rapidjson::kFalseType:
        case rapidjson::kTrueType:
            return "a boolean";
        case rapidjson::kObjectType:
            return "an object";
        case rapidjson::kArrayType:
            return "an array";
        case rapidjson::kStringType:
            return "a string";
        case rapidjson::kNumberType:
            return "a number";
    }
    return "something else";
}

FieldReader::FieldReader(const rapidjson::Value& object, std::string pointer, Faults& faults)
    : object_(object), pointer_(std::move(pointer)), faults_(faults) {}

const rapidjson::Value* FieldReader::any(std::string_view key) {
    std::size_t number = 0;
    for (const auto& member : object_.GetObject()) {
        if (text_of(member.name) == key) {
            if (number < 64) seen_ |= std::uint64_t{1} << number;
            return &member.value;
        }
        ++number;
    }
    return nullptr;
}

std::optional<std::string_view> FieldReader::text(std::string_view key) {
    const auto* value = any(key);
    if (value == nullptr) return std::nullopt;
    if (value->IsString()) return text_of(*value);
    bad(key, fmt::format("must be a string, not {}", type_name(*value)));
    return std::nullopt;
}

std::optional<std::string_view> FieldReader::required_text(std::string_view key) {
    if (any(key) != nullptr) return text(key);
    bad(key, "is required");
    return std::nullopt;
}

std::optional<std::int64_t> FieldReader::integer(std::string_view key, std::int64_t least, std::int64_t most) {
    const auto* value = any(key);
    if (value == nullptr) return std::nullopt;
    if (value->IsInt64() && value->GetInt64() >= least && value->GetInt64() <= most) return value->GetInt64();
    const bool whole = value->IsInt64() || value->IsUint64();
    if (!whole)
        bad(key, fmt::format("must be a whole number, not {}", value->IsNumber() ? "a fraction" : type_name(*value)));
    else
        bad(key, fmt::format("must be {} to {}", least, most));
    return std::nullopt;
}

std::optional<double> FieldReader::number(std::string_view key) {
    const auto* value = any(key);
    if (value == nullptr) return std::nullopt;
    if (value->IsNumber()) return value->GetDouble();
    bad(key, fmt::format("must be a number, not {}", type_name(*value)));
    return std::nullopt;
}

const rapidjson::Value* FieldReader::object(std::string_view key) {
    const auto* value = any(key);
    if (value == nullptr || value->IsObject()) return value;
    bad(key, fmt::format("must be an object, not {}", type_name(*value)));
    return nullptr;
}

void FieldReader::refuse_others() {
    std::size_t number = 0;
    for (const auto& member : object_.GetObject()) {
        if (number >= 64 || (seen_ >> number & 1) == 0) bad(text_of(member.name), "is not a field that is known here");
        ++number;
    }
}

OrProblem<rapidjson::Document> parse_object(std::string_view body) {
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos)
        return bad_field("", "The body is empty; it must be a JSON object.");
    auto parsed = parse_json(body);
    if (!parsed) return bad_field("", "The body is not valid JSON: " + parsed.error().message);
    if (!parsed->IsObject())
        return bad_field("", fmt::format("The body must be a JSON object, not {}.", type_name(*parsed)));
    return std::move(parsed).value();
}

}  // namespace windlass::api
