#include "request_generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "shared/json.h"
#include "shared/percent_encoding.h"

namespace windlass::api::test {
namespace {

using rapidjson::Value;
using namespace std::string_view_literals;

const Value* at(const Value& object, const char* name) {
    if (!object.IsObject()) return nullptr;
    const auto found = object.FindMember(name);
    return found == object.MemberEnd() ? nullptr : &found->value;
}

constexpr std::string_view hostile_texts[] = {
    ""sv,
    " "sv,
    "0"sv,
    "-1"sv,
    "1.5"sv,
    "1e3"sv,
    "0x10"sv,
    "NaN"sv,
    "null"sv,
    "true"sv,
    "..",
    "../../etc/passwd",
    "a/b"sv,
    "\0"sv,
    "a\0b"sv,
    "\xff\xfe"sv,
    "\xc0\xaf"sv,
    "\xed\xa0\x80"sv,
    "\u202e\u0000"sv,
    "\xf0\x9f\x98\x80"sv,
    "I\xcc\x87\xc4\xb0"sv,
    "'; drop table job; --"sv,
    "%s%n%d"sv,
    "${jndi:x}"sv,
    "<script>"sv,
    "\r\nX-A: b"sv,
    "9007199254740991"sv,
    "9007199254740992"sv,
    "9223372036854775807"sv,
    "-9223372036854775808"sv,
    "18446744073709551616"sv,
    "99999999999999999999999999999999"sv,
    "\x7f"sv,
    "\t"sv,
    "tier:"sv,
    "user:"sv,
    "user:\0"sv,
    "default"sv,
    "me"sv,
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"sv,
};

constexpr std::string_view hostile_bodies[] = {
    ""sv,
    " \n"sv,
    "null"sv,
    "[]"sv,
    "{}"sv,
    "{"sv,
    "}"sv,
    "[1,2"sv,
    "\"\""sv,
    "1e999"sv,
    "-"sv,
    "\0"sv,
    "{\"a\":1}}"sv,
    "\xef\xbb\xbf{}"sv,
    "{\"code\":\"\",\"code\":\"\"}"sv,
    "{\"code\":\"\\ud800\"}"sv,
    "{\"code\":\"\\u0000\"}"sv,
    "{\"code\":\"\xff\"}"sv,
    "{\"username\":\"a\\u0000b\",\"password\":\"x\"}"sv,
    "[[],[[]],{\"\":{}}]"sv,
    "{\"\":1}"sv,
    "{'a':1}"sv,
    "// {}"sv,
    "username=a&password=b"sv,
    "NaN"sv,
    "{\"limits\":{\"cpus\":1e400}}"sv,
    "{\"priority\":1e2}"sv,
    "{\"priority\":-0}"sv,
    "{\"timeout_s\":0.0000000001}"sv,
};

void collect_nodes(Value& value, std::vector<Value*>& nodes) {
    nodes.push_back(&value);
    if (value.IsArray())
        for (auto& item : value.GetArray()) collect_nodes(item, nodes);
    if (value.IsObject())
        for (auto& member : value.GetObject()) collect_nodes(member.value, nodes);
}

std::string written(const Value& value) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    value.Accept(json);
    return std::string(text_of(buffer));
}

}  // namespace

RequestGenerator::RequestGenerator(const Value& document, std::uint64_t seed) : document_(document), random_(seed) {
    for (const auto& path : document["paths"].GetObject()) {
        for (const auto& operation : path.value.GetObject()) {
            std::string method = operation.name.GetString();
            for (char& c : method) c = static_cast<char>(c & ~0x20);
            operations_.push_back({method, path.name.GetString(), &operation.value});
        }
    }
}

std::vector<std::string> RequestGenerator::operations_without(const std::set<std::string>& known) const {
    std::vector<std::string> names;
    for (const Operation& operation : operations_)
        if (std::string name = operation.method + " " + operation.path; !known.contains(name))
            names.push_back(std::move(name));
    return names;
}

void RequestGenerator::remember(const std::string& parameter, std::string value) {
    constexpr std::size_t most = 40;
    auto& values = known_[parameter];
    if (values.size() < most)
        values.push_back(std::move(value));
    else
        values[below(most)] = std::move(value);
}

GeneratedRequest RequestGenerator::next() {
    // A tree of values is made anew for each request; nothing of it stays.
    scratch_ = rapidjson::Document();
    ++number_;
    GeneratedRequest made;
    made.who = random_();
    if (once_in(16)) {
        made.operation = "a weird path";
        made.method = one_of(operations_).method;
        made.target = weird_path();
        return made;
    }
    const Operation& operation = one_of(operations_);
    made.operation = operation.method + " " + operation.path;
    made.method = operation.method;
    if (once_in(16)) {
        constexpr std::string_view methods[] = {"HEAD", "OPTIONS", "TRACE", "PATCH", "PUT", "get", "BREW", "DELETE"};
        made.method = one_of(methods);
    }
    made.target = path_of(operation) + query_of(operation);
    if (const auto* parameters = at(*operation.about, "parameters"))
        for (const auto& parameter : parameters->GetArray())
            if (text_of(parameter["in"]) == "header" && once_in(3)) {
                auto value = text_for(parameter, !once_in(3));
                // No line breaks and the like: the front lets no such header through.
                std::erase_if(value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
                made.headers.emplace_back(parameter["name"].GetString(), std::move(value));
            }
    if (once_in(10)) made.headers.emplace_back("Accept", once_in(2) ? "text/event-stream" : "application/json;q=x,,*");
    if (const auto* request = at(*operation.about, "requestBody"))
        made.body = body_of(*request, made);
    else if (once_in(20))
        made.body = one_of(hostile_bodies);
    return made;
}

std::string RequestGenerator::weird_path() {
    constexpr std::string_view pieces[] = {
        "/",           "//",        "/api",       "/api/", "/api/jobs", "/api//jobs/", "/v1/",         "/..",
        "/%2e%2e/",    "/%2F",      "/jobs",      "/%00",  "/%ff",      "/{id}",       "/auth/oauth/", "/api/user/",
        "/api/config", "/healthz/", "/healthz/x", ";a=b",  "/ ",        "/1"};
    std::string path = "/";
    if (once_in(2)) path = one_of(operations_).path;
    for (std::uint64_t left = below(4); left > 0; --left) path += one_of(pieces);
    if (once_in(6)) path += std::string(1 + below(9000), 'a');
    if (once_in(6)) path += "?" + std::string(one_of(hostile_texts));
    return path;
}

std::string RequestGenerator::hostile_text() {
    if (once_in(12)) return std::string(1 + below(3000), once_in(2) ? 'a' : '/');
    std::string text(one_of(hostile_texts));
    if (once_in(4)) text += one_of(hostile_texts);
    return text;
}

std::string RequestGenerator::path_of(const Operation& operation) {
    std::string path;
    std::string_view rest = operation.path;
    while (!rest.empty()) {
        const auto open = std::min(rest.find('{'), rest.size());
        path += rest.substr(0, open);
        rest.remove_prefix(open);
        if (rest.empty()) break;
        const std::string name(rest.substr(1, rest.find('}') - 1));
        rest.remove_prefix(name.size() + 2);
        const auto known = known_.find(name);
        if (known != known_.end() && !once_in(4)) {
            path += percent_encoded(one_of(known->second));
        } else {
            const auto text = hostile_text();
            path += text.empty() ? "0" : percent_encoded(text);
        }
    }
    if (once_in(5) && path.ends_with('/') && path.size() > 1) path.pop_back();
    return path;
}

// As text: of a parameter or a header.
std::string RequestGenerator::text_for(const Value& parameter, bool valid) {
    if (!valid) return hostile_text();
    if (const auto* example = at(parameter, "example"); example != nullptr && once_in(2))
        return example->IsString() ? example->GetString() : written(*example);
    const auto value = valid_value(parameter["schema"], 0);
    return value.IsString() ? value.GetString() : written(value);
}

std::string RequestGenerator::query_of(const Operation& operation) {
    std::string query;
    const auto add = [&](std::string_view name, std::string_view value) {
        query += (query.empty() ? "?" : "&") + percent_encoded(name) + "=" + percent_encoded(value);
    };
    if (const auto* parameters = at(*operation.about, "parameters"))
        for (const auto& parameter : parameters->GetArray())
            if (text_of(parameter["in"]) == "query" && once_in(4)) {
                add(text_of(parameter["name"]), text_for(parameter, !once_in(4)));
                if (once_in(20)) add(text_of(parameter["name"]), hostile_text());
            }
    if (once_in(40)) add(hostile_text(), hostile_text());
    if (once_in(80)) query += "?%zz&=&&a=%";
    return query;
}

std::string RequestGenerator::body_of(const Value& request, GeneratedRequest& made) {
    const auto* media = at(request["content"], "application/json");
    constexpr std::string_view types[] = {"application/json", "text/plain", "application/x-ndjson",
                                          "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"};
    if (once_in(6)) made.headers.emplace_back("Content-Type", std::string(one_of(types)));
    if (media != nullptr) return json_body(*media);
    std::string bytes;
    for (std::uint64_t left = below(200); left > 0; --left) bytes += static_cast<char>(below(256));
    return bytes;
}

std::string RequestGenerator::json_body(const Value& media) {
    const auto kind = below(10);
    if (kind == 0) return std::string(one_of(hostile_bodies));
    Value value;
    const auto* example = at(media, "example");
    if (example != nullptr && once_in(3))
        value.CopyFrom(*example, scratch_.GetAllocator());
    else
        value = valid_value(media["schema"], 0);
    if (kind < 5) {
        for (std::uint64_t times = 1 + below(2); times > 0; --times) spoil(value);
    } else if (kind == 5) {
        return broken_text(written(value));
    }
    return written(value);
}

std::string RequestGenerator::broken_text(std::string json) {
    switch (below(5)) {
        case 0:
            json.resize(below(json.size() + 1));
            break;
        case 1:
            json[below(json.size())] = static_cast<char>(below(256));
            break;
        case 2:
            json += one_of(hostile_bodies);
            break;
        case 3: {
            const std::size_t depth = once_in(3) ? 100'000 : 60 + below(10);
            json = std::string(depth, '[') + json + std::string(depth, ']');
            break;
        }
        default: {
            std::string nested;
            const std::size_t depth = 50 + below(100);
            for (std::size_t i = 0; i < depth; ++i) nested += "{\"env\":";
            json = nested + json + std::string(depth, '}');
            break;
        }
    }
    return json;
}

// One member less, one more, or another value somewhere.
void RequestGenerator::spoil(Value& root) {
    std::vector<Value*> nodes;
    collect_nodes(root, nodes);
    Value& node = *one_of(nodes);
    auto& memory = scratch_.GetAllocator();
    if (node.IsObject() && node.MemberCount() > 0 && once_in(2)) {
        node.RemoveMember(node.MemberBegin() + static_cast<std::ptrdiff_t>(below(node.MemberCount())));
    } else if (node.IsObject() && once_in(2)) {
        node.AddMember(Value(to_valid_utf8(hostile_text()), memory), hostile_value(), memory);
    } else if (node.IsArray() && node.Size() > 0 && node.Size() < 10 && once_in(3)) {
        const auto size = node.Size();
        for (rapidjson::SizeType i = 0; i < size; ++i) node.PushBack(Value(node[i], memory), memory);
    } else {
        node = hostile_value();
    }
}

Value RequestGenerator::hostile_value() {
    constexpr double numbers[] = {0, -1, 0.5, 1e-9, 1e18, 1e300, -1e300, 9007199254740993.0, 2147483648.0};
    constexpr std::int64_t whole[] = {0,
                                      1,
                                      -1,
                                      2147483647,
                                      2147483648,
                                      4294967296,
                                      std::int64_t{1} << 53,
                                      std::numeric_limits<std::int64_t>::max(),
                                      std::numeric_limits<std::int64_t>::min()};
    auto& memory = scratch_.GetAllocator();
    switch (below(8)) {
        case 0:
            return Value();
        case 1:
            return Value(once_in(2));
        case 2:
            return Value(one_of(numbers));
        case 3:
            return Value(one_of(whole));
        case 4:
            return Value(rapidjson::kArrayType);
        case 5:
            return Value(rapidjson::kObjectType);
        case 6:
            return Value(std::string(once_in(8) ? 70'000 : 300, 'x'), memory);
        default:
            return Value(to_valid_utf8(hostile_text()), memory);
    }
}

const Value& RequestGenerator::resolved(const Value& schema) const {
    const auto* reference = at(schema, "$ref");
    if (reference == nullptr) return schema;
    const auto name = text_of(*reference).substr(std::string_view("#/components/schemas/").size());
    return document_["components"]["schemas"][std::string(name)];
}

Value RequestGenerator::valid_value(const Value& given, int depth) {
    const Value& schema = resolved(given);
    auto& memory = scratch_.GetAllocator();
    if (const auto* words = at(schema, "enum"))
        return Value((*words)[static_cast<rapidjson::SizeType>(below(words->Size()))], memory);
    if (const auto* choices = at(schema, "anyOf"))
        return valid_value((*choices)[static_cast<rapidjson::SizeType>(below(choices->Size()))], depth);
    if (const auto* example = at(schema, "example"); example != nullptr && (at(schema, "pattern") || once_in(2)))
        return Value(*example, memory);
    const auto* types = at(schema, "type");
    if (types == nullptr) return hostile_value();
    const auto type =
        types->IsArray() ? text_of((*types)[static_cast<rapidjson::SizeType>(below(types->Size()))]) : text_of(*types);
    if (type == "string") return valid_text(schema);
    if (type == "integer") return valid_number(schema, true);
    if (type == "number") return valid_number(schema, false);
    if (type == "boolean") return Value(once_in(2));
    if (type == "null") return Value();
    if (type == "object") return valid_object(schema, depth);
    Value list(rapidjson::kArrayType);
    const auto* least = at(schema, "minItems");
    const auto size = (least != nullptr ? least->GetUint64() : 0) + (depth < 3 ? below(3) : 0);
    for (std::uint64_t i = 0; i < size; ++i) list.PushBack(valid_value(schema["items"], depth + 1), memory);
    return list;
}

Value RequestGenerator::valid_text(const Value& schema) {
    auto& memory = scratch_.GetAllocator();
    const auto* format = at(schema, "format");
    if (format != nullptr && text_of(*format) == "email") return Value(fmt::format("g{}@example.org", number_), memory);
    if (const auto* pattern = at(schema, "pattern"); pattern != nullptr) {  // without an example: hexadecimal digits
        std::string hex;
        for (int i = 0; i < 64; ++i) hex += "0123456789abcdef"[below(16)];
        return Value(hex, memory);
    }
    const auto* least = at(schema, "minLength");
    const auto* most = at(schema, "maxLength");
    const std::uint64_t from = least != nullptr ? least->GetUint64() : 0;
    std::uint64_t length = from + below(12);
    if (most != nullptr && (once_in(8) || length > most->GetUint64())) length = most->GetUint64();
    constexpr std::string_view letters[] = {"a", "b", "z", "7", "-", "\xc3\xa9", "\xf0\x9f\x98\x80", "Q"};
    std::string text;
    for (std::uint64_t i = 0; i < length; ++i) text += once_in(3) ? one_of(letters) : "k";
    return Value(text, memory);
}

Value RequestGenerator::valid_number(const Value& schema, bool whole) {
    const auto* least = at(schema, "minimum");
    const auto* most = at(schema, "maximum");
    const double from = least != nullptr ? least->GetDouble() : -1000;
    const double to = most != nullptr ? most->GetDouble() : std::max(from, 1.0) * 4;
    double value = from + std::min(to - from, 10.0) * static_cast<double>(below(1001)) / 1000;
    if (once_in(6)) value = from;
    if (once_in(6)) value = to;
    return whole ? Value(static_cast<std::int64_t>(value)) : Value(value);
}

Value RequestGenerator::valid_object(const Value& schema, int depth) {
    auto& memory = scratch_.GetAllocator();
    Value object(rapidjson::kObjectType);
    const auto* required = at(schema, "required");
    const auto is_required = [&](const Value& name) {
        return required != nullptr &&
               std::any_of(required->Begin(), required->End(), [&](const Value& one) { return one == name; });
    };
    if (const auto* properties = at(schema, "properties"))
        for (const auto& property : properties->GetObject())
            if (is_required(property.name) || once_in(depth == 0 ? 6 : 3))
                object.AddMember(Value(property.name, memory), valid_value(property.value, depth + 1), memory);
    const auto* others = at(schema, "additionalProperties");
    if (others != nullptr && others->IsObject())
        for (std::uint64_t i = below(3); i > 0; --i)
            object.AddMember(Value(fmt::format("K{}", i), memory), valid_value(*others, depth + 1), memory);
    return object;
}

}  // namespace windlass::api::test
