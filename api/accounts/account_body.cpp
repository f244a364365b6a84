#include "api/accounts/account_body.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/front/header_text.h"
#include "api/names.h"

namespace windlass::api {
namespace {

constexpr std::size_t longest_text = 255;

bool is_json(std::string_view content_type) {
    const auto media_type = without_spaces_around(content_type.substr(0, content_type.find(';')));
    constexpr std::string_view json = "application/json";
    return equal_without_case(media_type, json);
}

bool has_control_character(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

}  // namespace

OrProblem<rapidjson::Document> read_account_body(const Request& request) {
    rapidjson::Document nothing;
    nothing.SetObject();
    if (request.body.empty()) return nothing;
    const auto content_type = request.header("Content-Type");
    if (!content_type.empty() && !is_json(content_type))
        return make_problem(415, fmt::format("Unsupported media type \"{}\" in request.", content_type.substr(0, 100)));
    auto parsed = parse_json(request.body);
    if (!parsed) return make_problem(400, "JSON parse error - " + parsed.error().message);
    if (!parsed->IsObject())
        return bad_field("", fmt::format("Invalid data. Expected an object, but got {}.", type_name(*parsed)));
    return std::move(parsed).value();
}

const rapidjson::Value* AccountFields::find(std::string_view key) const {
    const auto found = object_.FindMember(
        rapidjson::Value(rapidjson::StringRef(key.data(), static_cast<rapidjson::SizeType>(key.size()))));
    return found == object_.MemberEnd() ? nullptr : &found->value;
}

std::optional<std::string> AccountFields::required(std::string_view key) {
    const auto* value = find(key);
    if (value != nullptr) return checked(key, *value, false);
    bad(key, "This field is required.");
    return std::nullopt;
}

std::optional<std::string> AccountFields::required_as_it_is(std::string_view key) {
    const auto* value = find(key);
    if (value != nullptr) return checked(key, *value, true);
    bad(key, "This field is required.");
    return std::nullopt;
}

std::optional<std::string> AccountFields::optional(std::string_view key) {
    const auto* value = find(key);
    return value == nullptr ? std::nullopt : checked(key, *value, false);
}

void AccountFields::bad(std::string_view key, std::string sentence) {
    faults_.bad(pointer_to("", key), std::move(sentence));
}

std::optional<std::string> AccountFields::checked(std::string_view key, const rapidjson::Value& value, bool as_it_is) {
    const auto refused = [&](std::string sentence) {
        bad(key, std::move(sentence));
        return std::nullopt;
    };
    if (value.IsNull()) return refused("This field may not be null.");
    if (!value.IsString()) return refused("Not a valid string.");
    const auto text = as_it_is ? text_of(value) : without_spaces_around(text_of(value));
    if (is_blank(text)) return refused("This field may not be blank.");
    if (count_characters(text) > longest_text) return refused("Ensure this field has no more than 255 characters.");
    if (!as_it_is && has_control_character(text)) return refused("Control characters are not allowed.");
    return std::string(text);
}

}  // namespace windlass::api
