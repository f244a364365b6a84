#include "api/monitoring/any_case_fields.h"

#include <fmt/format.h>

#include "api/front/header_text.h"

namespace windlass::api {
const rapidjson::Value* AnyCaseFields::any(std::string_view key) {
    const rapidjson::Value* found = nullptr;
    for (const auto& member : object_.GetObject()) {
        if (!equal_without_case(text_of(member.name), key)) continue;
        if (found != nullptr) {
            bad(key, "is there twice");
            return nullptr;
        }
        found = &member.value;
    }
    return found == nullptr || found->IsNull() ? nullptr : found;
}

std::optional<std::string> AnyCaseFields::text(std::string_view key) {
    const auto* value = any(key);
    if (value == nullptr) return std::nullopt;
    if (value->IsString()) return std::string(text_of(*value));
    bad(key, fmt::format("must be a string, not {}", type_name(*value)));
    return std::nullopt;
}

std::optional<std::int64_t> AnyCaseFields::integer(std::string_view key) {
    const auto* value = any(key);
    if (value == nullptr) return std::nullopt;
    if (value->IsInt64()) return value->GetInt64();
    bad(key, value->IsNumber() ? "must be a whole number of 64 bits"
                               : fmt::format("must be a whole number, not {}", type_name(*value)));
    return std::nullopt;
}

std::optional<double> AnyCaseFields::number(std::string_view key) {
    const auto* value = any(key);
    if (value == nullptr) return std::nullopt;
    if (value->IsNumber()) return value->GetDouble();
    bad(key, fmt::format("must be a number, not {}", type_name(*value)));
    return std::nullopt;
}

std::optional<bool> AnyCaseFields::truth(std::string_view key) {
    const auto* value = any(key);
    if (value == nullptr) return std::nullopt;
    if (value->IsBool()) return value->GetBool();
    bad(key, fmt::format("must be true or false, not {}", type_name(*value)));
    return std::nullopt;
}

std::optional<std::vector<std::string>> AnyCaseFields::texts(std::string_view key) {
    const auto* value = any(key);
    if (value == nullptr) return std::nullopt;
    if (!value->IsArray()) {
        bad(key, fmt::format("must be a list of strings, not {}", type_name(*value)));
        return std::nullopt;
    }
    std::vector<std::string> list;
    for (const auto& entry : value->GetArray()) {
        if (!entry.IsString()) {
            bad(key, fmt::format("must be a list of strings; one entry is {}", type_name(entry)));
            return std::nullopt;
        }
        list.emplace_back(text_of(entry));
    }
    return list;
}

void AnyCaseFields::bad(std::string_view key, std::string_view detail) {
    faults_.bad(pointer_to("", key), std::string(detail));
}

}  // namespace windlass::api
