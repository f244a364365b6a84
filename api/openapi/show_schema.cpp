// GET /api/schema/: the OpenAPI document, as YAML or JSON.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "api/front/header_text.h"
#include "api/handlers.h"
#include "api/openapi/description.h"
#include "api/openapi/yaml.h"
#include "shared/digest.h"

namespace windlass::api {
namespace {

struct Form {
    std::string_view media_type;
    std::string_view format;  // of ?format=
};
// The first one of a format is what a client gets that does not care.
constexpr std::array<Form, 4> forms = {{
    {"application/vnd.oai.openapi", "yaml"},
    {"application/yaml", "yaml"},
    {"application/json", "json"},
    {"application/vnd.oai.openapi+json", "json"},
}};

struct Text {
    std::string body;
    std::string etag;
};
Text made(std::string body) {
    std::string etag = fmt::format("\"{}\"", sha256_hex(body).substr(0, 32));
    return {std::move(body), std::move(etag)};
}
const Text& text_of_format(std::string_view format) {
    static const Text yaml = made(to_yaml(published_description().document));
    static const Text json = [] {
        rapidjson::StringBuffer buffer;
        JsonWriter writer(buffer);
        published_description().document.Accept(writer);
        return made(std::string(text_of(buffer)));
    }();
    return format == "json" ? json : yaml;
}

// One entry of Accept: "application/json;q=0.5". What cannot be read counts as not wanted.
struct Range {
    std::string_view type;
    double weight = 1;
};
Range range_of(std::string_view entry) {
    Range range{trimmed(entry.substr(0, entry.find(';')))};
    for (auto at = entry.find(';'); at != std::string_view::npos; at = entry.find(';', at + 1)) {
        const auto parameter = trimmed(entry.substr(at + 1, entry.find(';', at + 1) - at - 1));
        if (!parameter.starts_with("q=")) continue;
        const auto number = parameter.substr(2);
        const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), range.weight);
        if (failed != std::errc() || end != number.data() + number.size()) range.weight = 0;
    }
    return range;
}

// The form that `accept` likes best among those of `format` (empty: all); the first of them if it names none.
const Form& chosen_form(std::string_view accept, std::string_view format) {
    const Form* best = nullptr;
    double best_weight = 0;
    for (std::size_t at = 0; at < accept.size();) {
        const auto end = std::min(accept.find(',', at), accept.size());
        const auto range = range_of(accept.substr(at, end - at));
        at = end + 1;
        const auto form = std::find_if(forms.begin(), forms.end(), [&](const Form& one) {
            return one.media_type == range.type && (format.empty() || one.format == format);
        });
        if (form == forms.end() || range.weight <= best_weight) continue;
        best = &*form;
        best_weight = range.weight;
    }
    if (best != nullptr) return *best;
    return *std::find_if(forms.begin(), forms.end(),
                         [&](const Form& one) { return format.empty() || one.format == format; });
}

}  // namespace

OrProblem<Reply> show_schema(const Call& call) {
    const auto format = call.query("format");
    if (!format.empty() && format != "yaml" && format != "json")
        return bad_field("?format", "format must be yaml or json.");
    const Form& form = chosen_form(call.request.header("Accept"), format);
    const Text& text = text_of_format(form.format);
    Response response;
    response.content_type = fmt::format("{}; charset=utf-8", form.media_type);
    response.headers = {
        {"ETag", text.etag}, {"Cache-Control", "no-cache"}, {"Vary", "Accept"}, {"Content-Language", "en"}};
    if (call.request.header("If-None-Match") == text.etag)
        response.status = 304;
    else
        response.body = text.body;
    return Reply(std::move(response));
}

}  // namespace windlass::api
