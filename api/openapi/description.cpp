#include "api/openapi/description.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <set>

#include "api/routes.h"
#include "shared/json.h"

namespace windlass::embedded {
std::span<const File> openapi_texts();
}

namespace windlass::api {
namespace {

using rapidjson::Value;

std::string_view name_of(Access access) {
    switch (access) {
        case Access::unset:
            break;
        case Access::anyone:
            return "anyone";
        case Access::session:
            return "session";
        case Access::user:
            return "user";
        case Access::job_control:
            return "job-control";
        case Access::admin:
            return "admin";
    }
    return "unset";
}

const Value* member(const Value& object, std::string_view name) {
    const auto found = object.FindMember(Value(rapidjson::StringRef(name.data(), name.size())));
    return found == object.MemberEnd() ? nullptr : &found->value;
}

// The error shapes of render_problem(), as common.json names them.
std::string_view error_shape(Family family) {
    switch (family) {
        case Family::jobs:
        case Family::queue:
        case Family::operations:
            break;
        case Family::courses:
            return "envelope";
        case Family::monitoring:
            return "text";
        case Family::accounts:
        case Family::images:
            return "fields";
    }
    return "problem";
}

// "/api/results/{id}/files/{path...}": the names in braces, and the path without dots.
struct PathForm {
    std::string path;
    std::vector<std::string> parameters;
};
PathForm form_of(std::string_view path) {
    PathForm form;
    while (!path.empty()) {
        const auto open = std::min(path.find('{'), path.size());
        form.path += path.substr(0, open);
        path.remove_prefix(open);
        if (path.empty()) break;
        auto name = path.substr(1, path.find('}') - 1);
        path.remove_prefix(name.size() + 2);
        if (name.ends_with("...")) name.remove_suffix(3);
        form.parameters.emplace_back(name);
        form.path += fmt::format("{{{}}}", name);
    }
    return form;
}

class Describer {
  public:
    Describer(std::span<const Route> routes, std::span<const embedded::File> texts) : routes_(routes) {
        for (const auto& file : texts) {
            auto parsed = parse_json(file.bytes);
            if (!parsed)
                fault("{} is not JSON: {}", file.name, parsed.error().message);
            else
                texts_.emplace(file.name.substr(0, file.name.find('.')), std::move(parsed).value());
        }
    }

    Description describe() && {
        if (!texts_.contains("common")) fault("common.json is missing");
        if (!faults_.empty()) return {std::move(out_), std::move(faults_)};
        out_.SetObject();
        set(out_, "openapi", text("3.1.0"));
        put_info();
        put_tags();
        put_paths();
        put_components();
        check_references(out_);
        find_what_no_route_has();
        return {std::move(out_), std::move(faults_)};
    }

  private:
    template <class... Parts>
    void fault(fmt::format_string<Parts...> sentence, Parts&&... parts) {
        faults_.push_back(fmt::format(sentence, std::forward<Parts>(parts)...));
    }
    Value text(std::string_view words) {
        return Value(words.data(), static_cast<rapidjson::SizeType>(words.size()), out_.GetAllocator());
    }
    void set(Value& object, std::string_view name, Value value) {
        object.AddMember(text(name), value, out_.GetAllocator());
    }
    void push(Value& array, Value value) { array.PushBack(value, out_.GetAllocator()); }
    Value copy(const Value& value) { return Value(value, out_.GetAllocator()); }
    void copy_if_there(Value& into, const Value& from, std::string_view name) {
        if (const auto* value = member(from, name)) set(into, name, copy(*value));
    }
    const Value& common(std::string_view name) const { return *member(texts_.at("common"), name); }
    const rapidjson::Document* text_of_family(Family family) const {
        const auto found = texts_.find(windlass::api::name_of(family));
        return found == texts_.end() ? nullptr : &found->second;
    }

    void put_info() {
        Value info = copy(common("info"));
        set(info, "version", text(WINDLASS_VERSION));
        set(out_, "info", std::move(info));
        Value server(rapidjson::kObjectType);
        set(server, "url", text("/"));
        Value servers(rapidjson::kArrayType);
        push(servers, std::move(server));
        set(out_, "servers", std::move(servers));
    }

    void put_tags() {
        Value tags(rapidjson::kArrayType);
        std::set<Family> seen;
        for (const Route& route : routes_) {
            if (!seen.insert(route.family).second) continue;
            Value tag(rapidjson::kObjectType);
            set(tag, "name", text(windlass::api::name_of(route.family)));
            if (const auto* of_family = text_of_family(route.family)) copy_if_there(tag, *of_family, "description");
            push(tags, std::move(tag));
        }
        set(out_, "tags", std::move(tags));
    }

    void put_paths() {
        std::vector<std::pair<std::string, Value>> paths;  // in the order of the table
        for (const Route& route : routes_) {
            const auto form = form_of(route.path);
            auto place = std::find_if(paths.begin(), paths.end(), [&](const auto& p) { return p.first == form.path; });
            if (place == paths.end()) place = paths.emplace(paths.end(), form.path, Value(rapidjson::kObjectType));
            std::string method(route.method);
            std::transform(method.begin(), method.end(), method.begin(), [](char c) { return c | 0x20; });
            set(place->second, method, operation(route, form));
        }
        Value all(rapidjson::kObjectType);
        for (auto& [path, item] : paths) set(all, path, std::move(item));
        set(out_, "paths", std::move(all));
    }

    Value operation(const Route& route, const PathForm& form) {
        const std::string key = fmt::format("{} {}", route.method, route.path);
        const auto family = windlass::api::name_of(route.family);
        Value out(rapidjson::kObjectType);
        set(out, "tags", Value(rapidjson::kArrayType));
        push(out["tags"], text(family));
        set(out, "summary", text(route.summary));
        const auto* of_family = text_of_family(route.family);
        const auto* operations = of_family == nullptr ? nullptr : member(*of_family, "operations");
        const auto* docs = operations == nullptr ? nullptr : member(*operations, key);
        static const Value nothing(rapidjson::kObjectType);
        if (docs == nullptr) {
            fault("{} has no documentation: add it to api/openapi/families/{}.json", key, family);
            docs = &nothing;
        } else {
            documented_.insert(key);
            refuse_others(key, *docs, {"id", "description", "parameters", "headers", "request", "answers"});
            if (member(*docs, "id") == nullptr || member(*docs, "answers") == nullptr)
                fault("{}: the documentation needs id and answers", key);
        }
        if (const auto* id = member(*docs, "id")) {
            if (!ids_.insert(id->GetString()).second) fault("{}: the id {} is another's", key, id->GetString());
            set(out, "operationId", copy(*id));
        }
        copy_if_there(out, *docs, "description");
        put_security(out, route);
        put_parameters(out, key, route, form, *docs, of_family);
        if (const auto* request = member(*docs, "request")) set(out, "requestBody", request_body(key, *request));
        set(out, "responses", answers(key, route, form, *docs));
        return out;
    }

    void put_security(Value& out, const Route& route) {
        Value security(rapidjson::kArrayType);
        if (route.access != Access::anyone) {
            for (const auto& scheme : common("security").GetObject()) {
                if (text_of(scheme.name) == "signed_link" && route.links == Links::no) continue;
                Value one(rapidjson::kObjectType);
                set(one, text_of(scheme.name), Value(rapidjson::kArrayType));
                push(security, std::move(one));
            }
        }
        set(out, "security", std::move(security));
        set(out, "x-windlass-access", text(name_of(route.access)));
        if (route.scope != Scope::none) set(out, "x-windlass-scope", text(windlass::api::name_of(route.scope)));
    }

    void put_parameters(Value& out, const std::string& key, const Route& route, const PathForm& form, const Value& docs,
                        const Value* of_family) {
        Value list(rapidjson::kArrayType);
        const auto* own = member(docs, "parameters");
        const auto* shared = of_family == nullptr ? nullptr : member(*of_family, "parameters");
        const auto put_one = [&](std::string_view name, std::string_view where) {
            const Value* about = own == nullptr ? nullptr : member(*own, name);
            if (about == nullptr && shared != nullptr) about = member(*shared, name);
            if (about == nullptr) return fault("{}: nothing is said about its parameter {}", key, name);
            push(list, parameter(key, name, where, *about));
        };
        for (const auto& name : form.parameters) put_one(name, "path");
        for (const auto& name : route.query)
            if (name != any_query) put_one(name, "query");
        if (const auto* headers = member(docs, "headers"))
            for (const auto& header : headers->GetObject())
                push(list, parameter(key, text_of(header.name), "header", header.value));
        if (route.links != Links::no)
            for (const auto& part : common("signed_link_parameters").GetObject())
                push(list, parameter(key, text_of(part.name), "query", part.value));
        if (route.creates == Creates::yes)
            push(list, parameter(key, "Idempotency-Key", "header", common("idempotency_key")));
        if (own != nullptr)
            for (const auto& entry : own->GetObject())
                if (std::find(form.parameters.begin(), form.parameters.end(), text_of(entry.name)) ==
                        form.parameters.end() &&
                    std::find(route.query.begin(), route.query.end(), text_of(entry.name)) == route.query.end())
                    fault("{}: it has no parameter {}", key, entry.name.GetString());
        if (!list.Empty()) set(out, "parameters", std::move(list));
    }

    Value parameter(const std::string& key, std::string_view name, std::string_view where, const Value& about) {
        refuse_others(key, about, {"schema", "description", "example", "required"});
        Value out(rapidjson::kObjectType);
        set(out, "name", text(name));
        set(out, "in", text(where));
        const auto* required = member(about, "required");
        if (where == "path" || (required != nullptr && required->IsTrue())) set(out, "required", Value(true));
        copy_if_there(out, about, "description");
        if (const auto* of = member(about, "schema"))
            set(out, "schema", schema(*of));
        else
            fault("{}: the parameter {} has no schema", key, name);
        copy_if_there(out, about, "example");
        return out;
    }

    // What stands for a schema in the texts, in full.
    Value schema(const Value& shorthand) {
        if (!shorthand.IsString()) return with_full_references(shorthand);
        auto name = text_of(shorthand);
        const bool list = name.ends_with("[]");
        if (list) name.remove_suffix(2);
        Value out = reference(name);
        if (!list) return out;
        Value array(rapidjson::kObjectType);
        set(array, "type", text("array"));
        set(array, "items", std::move(out));
        return array;
    }
    Value reference(std::string_view name) {
        Value out(rapidjson::kObjectType);
        set(out, "$ref", text(fmt::format("#/components/schemas/{}", name)));
        return out;
    }
    Value with_full_references(const Value& value) {
        if (value.IsArray()) {
            Value out(rapidjson::kArrayType);
            for (const auto& item : value.GetArray()) push(out, with_full_references(item));
            return out;
        }
        if (!value.IsObject()) return copy(value);
        Value out(rapidjson::kObjectType);
        for (const auto& entry : value.GetObject()) {
            if (text_of(entry.name) == "$ref" && entry.value.IsString())
                out.AddMember(text("$ref"), text(fmt::format("#/components/schemas/{}", entry.value.GetString())),
                              out_.GetAllocator());
            else
                set(out, text_of(entry.name), with_full_references(entry.value));
        }
        return out;
    }

    Value media(const Value& about) {
        Value out(rapidjson::kObjectType);
        if (const auto* of = member(about, "schema")) set(out, "schema", schema(*of));
        copy_if_there(out, about, "example");
        return out;
    }

    // {type: {schema, example}}; one for each type where there are several.
    Value content(const Value& about, std::string_view default_type) {
        Value out(rapidjson::kObjectType);
        const auto one = [&](std::string_view type) { set(out, type, media(about)); };
        const auto* type = member(about, "type");
        if (type == nullptr)
            one(default_type);
        else if (type->IsString())
            one(text_of(*type));
        else
            for (const auto& each : type->GetArray()) one(text_of(each));
        if (const auto* others = member(about, "also"))
            for (const auto& entry : others->GetObject()) set(out, text_of(entry.name), media(entry.value));
        return out;
    }

    Value request_body(const std::string& key, const Value& about) {
        refuse_others(key, about, {"schema", "example", "type", "also", "optional", "description"});
        Value out(rapidjson::kObjectType);
        copy_if_there(out, about, "description");
        const auto* optional = member(about, "optional");
        set(out, "required", Value(optional == nullptr || !optional->IsTrue()));
        set(out, "content", content(about, "application/json"));
        return out;
    }

    Value answers(const std::string& key, const Route& route, const PathForm& form, const Value& docs) {
        std::map<std::string, Value, std::less<>> by_status;
        if (const auto* list = member(docs, "answers"))
            for (const auto& entry : list->GetObject())
                by_status.emplace(entry.name.GetString(), answer(key, route, text_of(entry.name), entry.value));
        const auto also = [&](std::initializer_list<std::string_view> statuses) {
            for (const auto status : statuses)
                if (!by_status.contains(status))
                    by_status.emplace(status,
                                      error(route.family, status, text_of(*member(common("statuses"), status))));
        };
        also({"400", "405", "429", "503", "default"});
        if (route.access != Access::anyone) also({"401", "403"});
        if (!form.parameters.empty()) also({"404"});
        if (route.method != "GET" && route.method != "DELETE") also({"413"});
        if (route.creates == Creates::yes) also({"409", "422"});
        Value out(rapidjson::kObjectType);
        for (auto& [status, answer] : by_status) set(out, status, std::move(answer));
        return out;
    }

    Value answer(const std::string& key, const Route& route, std::string_view status, const Value& about) {
        if (about.IsString() && status >= "400") return error(route.family, status, text_of(about));
        Value out(rapidjson::kObjectType);
        if (about.IsString()) {
            set(out, "description", copy(about));
            return out;
        }
        refuse_others(key, about, {"description", "schema", "example", "type", "also", "headers"});
        if (member(about, "description") == nullptr) fault("{}: its answer {} has no description", key, status);
        copy_if_there(out, about, "description");
        if (const auto* headers = member(about, "headers")) {
            Value all(rapidjson::kObjectType);
            for (const auto& header : headers->GetObject())
                set(all, text_of(header.name), response_header(text_of(header.value)));
            set(out, "headers", std::move(all));
        }
        if (member(about, "schema") != nullptr || member(about, "type") != nullptr)
            set(out, "content", content(about, "application/json"));
        return out;
    }

    Value response_header(std::string_view description) {
        Value out(rapidjson::kObjectType);
        set(out, "description", text(description));
        Value schema(rapidjson::kObjectType);
        set(schema, "type", text("string"));
        set(out, "schema", std::move(schema));
        return out;
    }

    Value error(Family family, std::string_view status, std::string_view sentence) {
        Value out(rapidjson::kObjectType);
        set(out, "description", text(sentence));
        if (const auto* header = member(common("error_headers"), status)) {
            Value headers(rapidjson::kObjectType);
            for (const auto& entry : header->GetObject())
                set(headers, text_of(entry.name), response_header(text_of(entry.value)));
            set(out, "headers", std::move(headers));
        }
        set(out, "content", content(*member(common("errors"), error_shape(family)), "application/json"));
        return out;
    }

    void put_components() {
        Value schemas(rapidjson::kObjectType);
        for (const auto& [name, document] : texts_) {
            const auto* own = member(document, "schemas");
            if (own == nullptr) continue;
            for (const auto& entry : own->GetObject()) {
                if (member(schemas, text_of(entry.name)) != nullptr)
                    fault("{}.json: the schema {} is there already", name, entry.name.GetString());
                set(schemas, text_of(entry.name), with_full_references(entry.value));
            }
        }
        Value components(rapidjson::kObjectType);
        set(components, "schemas", std::move(schemas));
        set(components, "securitySchemes", copy(common("security")));
        set(out_, "components", std::move(components));
    }

    void check_references(const Value& value) {
        if (value.IsArray())
            for (const auto& item : value.GetArray()) check_references(item);
        if (!value.IsObject()) return;
        for (const auto& entry : value.GetObject()) {
            if (text_of(entry.name) == "$ref" && entry.value.IsString()) {
                const auto name = text_of(entry.value).substr(std::string_view("#/components/schemas/").size());
                if (member(out_["components"]["schemas"], name) == nullptr) fault("there is no schema {}", name);
            }
            check_references(entry.value);
        }
    }

    void find_what_no_route_has() {
        for (const auto& [name, document] : texts_) {
            if (name == "common") continue;
            refuse_others(name + ".json", document, {"description", "parameters", "operations", "schemas"});
            const auto* operations = member(document, "operations");
            if (operations == nullptr) continue;
            for (const auto& entry : operations->GetObject())
                if (!documented_.contains(entry.name.GetString()))
                    fault("{}.json documents {}, which is no route of that family", name, entry.name.GetString());
        }
    }

    void refuse_others(const std::string& where, const Value& object, std::initializer_list<std::string_view> known) {
        for (const auto& entry : object.GetObject())
            if (std::find(known.begin(), known.end(), text_of(entry.name)) == known.end())
                fault("{}: nobody reads \"{}\"", where, entry.name.GetString());
    }

    std::span<const Route> routes_;
    std::map<std::string, rapidjson::Document, std::less<>> texts_;
    rapidjson::Document out_;
    std::vector<std::string> faults_;
    std::set<std::string, std::less<>> documented_;
    std::set<std::string> ids_;
};

}  // namespace

Description describe(std::span<const Route> routes, std::span<const embedded::File> texts) {
    return Describer(routes, texts).describe();
}

const Description& published_description() {
    static const Description description = describe(routes(), embedded::openapi_texts());
    return description;
}

}  // namespace windlass::api
