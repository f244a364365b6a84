// Fields of the JSON objects that this server answers: a key and its value, inside an object that is being written.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "api/rfc3339.h"
#include "shared/json.h"
#include "shared/time.h"

namespace windlass::api {

// The value is valid UTF-8.
inline void put_text(JsonWriter& json, std::string_view key, std::string_view value) {
    put_key(json, key);
    put(json, value);
}

// Text that may hold any bytes.
inline void put_any_bytes(JsonWriter& json, std::string_view key, std::string_view value) {
    if (is_valid_utf8(value))
        put_text(json, key, value);
    else
        put_text(json, key, to_valid_utf8(value));
}

inline void put_number(JsonWriter& json, std::string_view key, std::int64_t value) {
    put_key(json, key);
    json.Int64(value);
}

inline void put_number_or_null(JsonWriter& json, std::string_view key, const std::optional<std::int64_t>& value) {
    if (value) return put_number(json, key, *value);
    put_key(json, key);
    json.Null();
}

// 1500 thousandths are 1.5: as few decimals as there are, where a double of RapidJSON's would always show one.
inline void put_thousandths(JsonWriter& json, std::string_view key, std::int64_t value) {
    const std::string digits = fmt::format("{}", static_cast<double>(value) / 1000.0);
    put_key(json, key);
    json.RawValue(digits.data(), digits.size(), rapidjson::kNumberType);
}

inline void put_flag(JsonWriter& json, std::string_view key, bool value) {
    put_key(json, key);
    json.Bool(value);
}

inline void put_time_or_null(JsonWriter& json, std::string_view key, const std::optional<WallTime>& value) {
    if (value) return put_text(json, key, time_text(*value));
    put_key(json, key);
    json.Null();
}

// `value` is the text of a JSON object already.
inline void put_object(JsonWriter& json, std::string_view key, std::string_view value) {
    put_key(json, key);
    json.RawValue(value.data(), value.size(), rapidjson::kObjectType);
}

}  // namespace windlass::api
