// JSON at the edges. RapidJSON underneath; this file is what makes it safe for strangers' input: iterative parsing
// (its recursive parser crashes on a million nested brackets), bounded depth, valid UTF-8, no NUL, no duplicate keys.
#pragma once

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <map>
#include <string>
#include <string_view>

#include "shared/result.h"

namespace windlass {

struct JsonRules {
    int max_depth = 64;
    std::size_t max_values = 5'000'000;  // values and keys in one document
    bool allow_nul = false;              // "\u0000" inside strings
};

// The whole text must be one JSON value. The error says where: "line 3, column 7: missing a comma".
Result<rapidjson::Document> parse_json(std::string_view text, const JsonRules& rules = {});

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

inline std::string_view text_of(const rapidjson::Value& v) {
    return {v.GetString(), v.GetStringLength()};
}
inline std::string_view text_of(const rapidjson::StringBuffer& b) {
    return {b.GetString(), b.GetSize()};
}
inline void put(JsonWriter& w, std::string_view s) {
    w.String(s.data(), static_cast<rapidjson::SizeType>(s.size()));
}
inline void put_key(JsonWriter& w, std::string_view s) {
    w.Key(s.data(), static_cast<rapidjson::SizeType>(s.size()));
}

bool is_valid_utf8(std::string_view bytes);
// Bytes as text that can stand in JSON: every byte that is not part of valid UTF-8 becomes U+FFFD.
std::string to_valid_utf8(std::string_view bytes);

// {"name": "value", …}
std::string json_object_of(const std::map<std::string, std::string>& values);

}  // namespace windlass
