#include "answer_check.h"

#include <fmt/format.h>
#include <rapidjson/pointer.h>
#include <rapidjson/schema.h>
#include <algorithm>

#include <charconv>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "api/openapi/description.h"
#include "api/routes.h"
#include "shared/json.h"

namespace windlass::api::test {
namespace {

using rapidjson::Value;

const rapidjson::Document& document() {
    return published_description().document;
}

// RapidJSON wants an address also of a text of no characters.
auto reference_to(std::string_view text) {
    return rapidjson::StringRef(text.empty() ? "" : text.data(), text.size());
}

const Value* at(const Value* value, std::initializer_list<std::string_view> path) {
    for (const auto name : path) {
        if (value == nullptr || !value->IsObject()) return nullptr;
        const auto found = value->FindMember(Value(reference_to(name)));
        value = found == value->MemberEnd() ? nullptr : &found->value;
    }
    return value;
}

std::string_view schema_name(const Value& reference) {
    return text_of(reference).substr(std::string_view("#/components/schemas/").size());
}

void collect_references(const Value& schema, std::set<std::string, std::less<>>& names) {
    if (schema.IsArray())
        for (const auto& item : schema.GetArray()) collect_references(item, names);
    if (!schema.IsObject()) return;
    for (const auto& entry : schema.GetObject()) {
        if (text_of(entry.name) == "$ref" && entry.value.IsString()) {
            const std::string name(schema_name(entry.value));
            if (names.insert(name).second) collect_references(document()["components"]["schemas"][name], names);
        } else {
            collect_references(entry.value, names);
        }
    }
}

// RapidJSON wants all that a schema refers to in one document.
struct Compiled {
    explicit Compiled(const Value& schema) {
        text.SetObject();
        auto& memory = text.GetAllocator();
        std::set<std::string, std::less<>> names;
        collect_references(schema, names);
        Value schemas(rapidjson::kObjectType);
        for (const auto& name : names)
            schemas.AddMember(Value(name, memory), Value(document()["components"]["schemas"][name], memory), memory);
        Value components(rapidjson::kObjectType);
        components.AddMember("schemas", schemas, memory);
        // In the root itself, so that a fault names the rule that is broken and not a "$ref".
        const auto* reference = at(&schema, {"$ref"});
        const Value& root =
            reference == nullptr ? schema : document()["components"]["schemas"][schema_name(*reference).data()];
        for (const auto& rule : root.GetObject())
            text.AddMember(Value(rule.name, memory), Value(rule.value, memory), memory);
        text.AddMember("components", components, memory);
        compiled = std::make_unique<rapidjson::SchemaDocument>(text);
    }
    rapidjson::Document text;
    std::unique_ptr<rapidjson::SchemaDocument> compiled;
};

const rapidjson::SchemaDocument& compiled(const Value& schema) {
    static std::mutex mutex;
    static std::map<const Value*, std::unique_ptr<Compiled>> known;  // schemas of the one document: they stay
    const std::lock_guard lock(mutex);
    auto& entry = known[&schema];
    if (!entry) entry = std::make_unique<Compiled>(schema);
    return *entry->compiled;
}

std::string_view media_type(std::string_view content_type) {
    return content_type.substr(0, content_type.find(';'));
}
bool is_json(std::string_view type) {
    return type == "application/json" || type.ends_with("+json");
}

std::string fault_of_body(const Value& content, std::string_view type, const std::string& body) {
    const auto* schema = at(&content, {type, "schema"});
    if (schema == nullptr) return {};
    if (!is_json(type)) {
        if (type.starts_with("text/") && !type.starts_with("text/plain") && !is_valid_utf8(body))
            return "the text is not UTF-8";
        return {};
    }
    JsonRules rules;
    rules.allow_nul = true;  // what jobs print may hold it
    const auto value = parse_json(body, rules);
    if (!value) return "the body is not JSON: " + value.error().message;
    return fault_of_value(*schema, *value);
}

std::string header_of(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers)
        if (key == name) return value;
    return {};
}

std::string fault_of_headers(const Response& response) {
    const auto need = [&](int status, std::string_view name) {
        return response.status == status && header_of(response, name).empty() ? fmt::format("it lacks {}", name)
                                                                              : std::string();
    };
    for (auto fault :
         {need(401, "WWW-Authenticate"), need(405, "Allow"), need(429, "Retry-After"), need(503, "Retry-After")})
        if (!fault.empty()) return fault;
    return {};
}

// An error that belongs to no operation: an unknown path, or a method that the path does not know.
std::string fault_without_operation(const Request& request, const RouteMatch& match, const Response& response,
                                    const std::string& body) {
    // A browser asks on behalf of a page of another site (CORS): that is no operation of ours.
    if (request.method == "OPTIONS" && response.status == 204 &&
        !header_of(response, "Access-Control-Allow-Methods").empty())
        return {};
    const int expected = match.allow.empty() ? 404 : 405;
    if (response.status != expected && response.status != 429)
        return fmt::format("{} instead of {}", response.status, expected);
    const Family family = family_of_path(request.path);
    const Value* content = nullptr;  // of any operation of the family: the shape is the same
    for (const auto& path : document()["paths"].GetObject())
        for (const auto& operation : path.value.GetObject())
            if (text_of(operation.value["tags"][0]) == name_of(family))
                content = at(&operation.value, {"responses", "default", "content"});
    if (content == nullptr) return {};  // a family without a route so far
    const auto type = media_type(response.content_type);
    if (at(content, {type}) == nullptr) return fmt::format("{} is no type of an error of this family", type);
    return fault_of_body(*content, type, body);
}

std::string fault_of_parameter(const Value& parameter, const std::string& text) {
    const auto& schema = parameter["schema"];
    const auto* type = at(&schema, {"type"});
    Value value;
    double number = 0;
    if (type != nullptr && (text_of(*type) == "integer" || text_of(*type) == "number")) {
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (failed != std::errc() || end != text.data() + text.size()) return "it is no number";
        if (text_of(*type) == "integer")
            value.SetInt64(static_cast<std::int64_t>(number));
        else
            value.SetDouble(number);
    } else {
        value = Value(reference_to(text));
    }
    return fault_of_value(schema, value);
}

// What succeeded, and is not what the document says one may ask for.
std::string fault_of_request(const Value& operation, const Request& request) {
    const auto* parameters = at(&operation, {"parameters"});
    for (const auto& [name, text] : request.query) {
        const Value* known = nullptr;
        if (parameters != nullptr)
            for (const auto& parameter : parameters->GetArray())
                if (text_of(parameter["in"]) == "query" && text_of(parameter["name"]) == name) known = &parameter;
        if (known == nullptr) return fmt::format("the parameter {} is not documented, and was taken", name);
        if (const auto fault = fault_of_parameter(*known, text); !fault.empty())
            return fmt::format("{}={} was taken, but {}", name, text, fault);
    }
    if (text_of(operation["operationId"]) == "submitBatch") return {};  // its items are judged one by one
    const auto* content = at(&operation, {"requestBody", "content"});
    if (content == nullptr || request.body.find_first_not_of(" \t\r\n") == std::string::npos) return {};
    if (at(content, {"application/json"}) == nullptr) return {};
    const auto sent = media_type(request.header("Content-Type"));
    if (!is_json(sent) && at(content, {sent}) != nullptr) return {};  // another form of the same: of lines, of a form
    const auto fault = fault_of_body(*content, "application/json", request.body);
    return fault.empty() ? fault : "this was taken, but by the document " + fault;
}

}  // namespace

std::string fault_of_value(const Value& schema, const Value& value) {
    rapidjson::SchemaValidator validator(compiled(schema));
    if (value.Accept(validator)) return {};
    rapidjson::StringBuffer where;
    validator.GetInvalidDocumentPointer().StringifyUriFragment(where);
    return fmt::format("{} breaks the rule \"{}\"", where.GetString(), validator.GetInvalidSchemaKeyword());
}

RouteMatch match_of(const std::string& method, const std::string& path) {
    static const auto router = Router::make(routes(), exact_paths());
    if (!router) std::abort();  // the server under test was made of the same
    return router->find(method, path);
}

const Value* operation_of(const RouteMatch& match) {
    if (match.route == nullptr) return nullptr;
    std::string path(match.route->path);
    if (const auto dots = path.find("...}"); dots != std::string::npos) path.erase(dots, 3);
    std::string method(match.route->method);
    for (char& c : method) c = static_cast<char>(c | 0x20);
    return at(&document(), {"paths", path, method});
}

std::string fault_of_answer(const Request& request, const Response& response, const std::string& body, bool whole) {
    // Schemas are made when first needed, and a test may have several clients at once.
    static std::mutex one_at_a_time;
    const std::lock_guard lock(one_at_a_time);
    const auto wrong = [&](const std::string& fault) {
        return fault.empty() ? fault
                             : fmt::format("{} {} -> {} {}: {}\n  sent: {}\n  got: {}", request.method, request.target,
                                           response.status, response.content_type, fault, request.body.substr(0, 2000),
                                           body.substr(0, 2000));
    };
    if (const auto fault = fault_of_headers(response); !fault.empty()) return wrong(fault);
    const auto match = match_of(request.method, request.path);
    if (match.route == nullptr) return wrong(fault_without_operation(request, match, response, body));
    // What a service answers that is only forwarded is not ours to describe.
    if (std::ranges::find(match.route->query, any_query) != match.route->query.end()) return {};
    const auto* operation = operation_of(match);
    if (operation == nullptr) return wrong("the document does not have this route");
    const auto* answer = at(operation, {"responses", std::to_string(response.status)});
    if (answer == nullptr) return wrong("this status is not documented");
    const auto* content = at(answer, {"content"});
    if (content == nullptr) {
        if (!body.empty()) return wrong("it has a body, and the document says none");
    } else {
        const auto type = media_type(response.content_type);
        // Of a text that is empty, and of no body at all, HTTP leaves the type out.
        const bool untyped =
            type.empty() && body.empty() && (request.method == "HEAD" || at(content, {"text/plain"}) != nullptr);
        if (!untyped && at(content, {type}) == nullptr) return wrong("this content type is not documented");
        if (!untyped && whole && header_of(response, "Content-Encoding").empty())
            if (const auto fault = fault_of_body(*content, type, body); !fault.empty()) return wrong(fault);
    }
    return response.status < 300 ? wrong(fault_of_request(*operation, request)) : std::string();
}

}  // namespace windlass::api::test
