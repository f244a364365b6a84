// Text from a stranger, as JSON (shared/json.h), and the ways in which bytes become text.
//
// Promises: what is accepted is the whole text and keeps to the rules (depth, number of values, no NUL, no key twice,
// valid UTF-8); written out and read again it is the same value; a refusal is a sentence in valid UTF-8. The two
// readers of UTF-8 (shared/json.h, api/front/target.h) agree about every text.
#include "shared/json.h"

#include <set>

#include "api/front/target.h"
#include "api/names.h"
#include "tests/fuzz/target.h"

namespace windlass::fuzz {
namespace {

constexpr JsonRules rules{8, 200, false};

struct Measure {
    int depth = 0;
    std::size_t values = 0;
};

void measure(const rapidjson::Value& value, int depth, Measure& sum) {
    ++sum.values;
    if (value.IsArray()) {
        sum.depth = std::max(sum.depth, depth + 1);
        for (const auto& item : value.GetArray()) measure(item, depth + 1, sum);
    } else if (value.IsObject()) {
        sum.depth = std::max(sum.depth, depth + 1);
        std::set<std::string_view> keys;
        for (const auto& [name, item] : value.GetObject()) {
            ++sum.values;
            require(keys.insert(text_of(name)).second, "no key stands twice in one object");
            require(is_valid_utf8(text_of(name)) && text_of(name).find('\0') == std::string_view::npos,
                    "a key is text");
            measure(item, depth + 1, sum);
        }
    } else if (value.IsString()) {
        require(is_valid_utf8(text_of(value)) && text_of(value).find('\0') == std::string_view::npos,
                "a string is text");
    }
}

std::string written(const rapidjson::Value& value) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    require(value.Accept(writer), "what was read can be written");
    return std::string(text_of(buffer));
}

}  // namespace

void fuzz_json(std::string_view input) {
    const bool valid = is_valid_utf8(input);
    require(valid == api::valid_utf8(input), "both readers of UTF-8 agree");
    const auto text = to_valid_utf8(input);
    require(is_valid_utf8(text) && (!valid || text == input), "any bytes become valid UTF-8, and text stays as it is");
    if (valid) {
        const auto key = api::name_key(input);
        require(is_valid_utf8(key), "the key of a name is text");
        require(api::name_key(key) == key, "the key of a key is itself");
    }

    const auto document = parse_json(input, rules);
    if (!document) {
        require(!document.error().message.empty() && is_valid_utf8(document.error().message),
                "a refusal is a sentence");
        return;
    }
    require(valid, "JSON is UTF-8");
    require(input.find('\0') == std::string_view::npos, "the whole text was read");
    Measure sum;
    measure(*document, 0, sum);
    require(sum.depth <= rules.max_depth && sum.values <= rules.max_values, "what is accepted keeps to the bounds");
    const auto once = written(*document);
    const auto again = parse_json(once, rules);
    require(again.ok(), "what was written can be read", again ? "" : again.error().message);
    require(written(*again) == once, "written and read again it is the same", once);
}

}  // namespace windlass::fuzz
