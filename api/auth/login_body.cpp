#include "api/auth/login_body.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "api/auth/form.h"
#include "api/field_reader.h"
#include "api/front/header_text.h"

namespace windlass::api {
namespace {

// Without parameters and spaces; empty when the request says none.
std::string_view media_type(const Request& request) {
    auto type = request.header("Content-Type");
    type = type.substr(0, type.find(';'));
    while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
    return type;
}

// A program that says nothing of the type of its body sends JSON.
bool is_json(const Request& request) {
    const auto type = media_type(request);
    return type.empty() || equal_without_case(type, "application/json");
}

Problem unsupported(const Request& request) {
    return make_problem(415, fmt::format("Unsupported media type \"{}\" in request.",
                                         to_valid_utf8(media_type(request).substr(0, 100))));
}

// In the words that clients of the accounts and images families know.
void read_field(const rapidjson::Value& object, std::string_view key, std::string& field, Faults& faults) {
    const rapidjson::Value* value = nullptr;
    for (const auto& member : object.GetObject())
        if (text_of(member.name) == key) value = &member.value;
    const auto bad = [&](std::string sentence) { faults.bad(pointer_to("", key), std::move(sentence)); };
    if (value == nullptr) return bad("This field is required.");
    if (value->IsNull()) return bad("This field may not be null.");
    if (!value->IsString()) return bad("Not a valid string.");
    if (value->GetStringLength() == 0) return bad("This field may not be blank.");
    field = text_of(*value);
}

OrProblem<LoginBody> read_fields(const rapidjson::Value& object, bool others_are_faults) {
    LoginBody login;
    Faults faults;
    read_field(object, "username", login.username, faults);
    read_field(object, "password", login.password, faults);
    for (const auto& member : object.GetObject()) {
        const auto name = text_of(member.name);
        if (others_are_faults && name != "username" && name != "password")
            faults.bad(pointer_to("", name), "This field is not known here.");
    }
    if (faults.any()) return std::move(faults).problem();
    return login;
}

OrProblem<rapidjson::Document> object_of_form(std::string_view body) {
    auto fields = parse_form(body);
    if (!fields) return bad_field("", fields.error().message);
    rapidjson::Document object;
    object.SetObject();
    const auto value = [&](const std::string& text) {
        return rapidjson::Value(text.data(), static_cast<rapidjson::SizeType>(text.size()), object.GetAllocator());
    };
    for (const auto& [name, text] : *fields) object.AddMember(value(name), value(text), object.GetAllocator());
    return object;
}

}  // namespace

OrProblem<LoginBody> read_login(const Request& request) {
    WINDLASS_TRY(const auto document, parse_object(request.body));
    LoginBody login;
    Faults faults;
    FieldReader fields(document, "", faults);
    if (const auto username = fields.required_text("username")) login.username = *username;
    if (const auto password = fields.required_text("password")) login.password = *password;
    fields.refuse_others();
    if (faults.any()) return std::move(faults).problem();
    return login;
}

OrProblem<LoginBody> read_monitoring_login(const Request& request) {
    WINDLASS_TRY(const auto document, parse_object(request.body));
    const rapidjson::Value* username = nullptr;
    const rapidjson::Value* password = nullptr;
    const rapidjson::Value* front_end_only = nullptr;
    for (const auto& member : document.GetObject()) {
        const auto name = text_of(member.name);
        for (const auto& [known, place] : {std::pair("username", &username), std::pair("password", &password),
                                           std::pair("frontendonly", &front_end_only)}) {
            if (!equal_without_case(name, known)) continue;
            if (*place != nullptr) return bad_field(pointer_to("", name), fmt::format("{} is given twice.", name));
            *place = &member.value;
        }
    }
    const auto given = [](const rapidjson::Value* value) { return value != nullptr && !value->IsNull(); };
    if (!given(username) || !username->IsString()) return bad_field("/Username", "Username must be a string.");
    if (!given(password) || !password->IsString()) return bad_field("/Password", "Password must be a string.");
    if (given(front_end_only) && !front_end_only->IsBool())
        return bad_field("/FrontendOnly", "FrontendOnly must be true or false.");
    return LoginBody{std::string(text_of(*username)), std::string(text_of(*password)),
                     given(front_end_only) && front_end_only->GetBool()};
}

OrProblem<LoginBody> read_accounts_login(const Request& request) {
    if (!is_json(request)) return unsupported(request);
    WINDLASS_TRY(const auto document, parse_object(request.body));
    return read_fields(document, false);
}

OrProblem<LoginBody> read_images_login(const Request& request) {
    if (equal_without_case(media_type(request), "application/x-www-form-urlencoded")) {
        WINDLASS_TRY(const auto object, object_of_form(request.body));
        return read_fields(object, true);
    }
    if (!is_json(request)) return unsupported(request);
    WINDLASS_TRY(const auto document, parse_object(request.body));
    return read_fields(document, true);
}

}  // namespace windlass::api
