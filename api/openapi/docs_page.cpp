#include "api/openapi/docs_page.h"

#include <fmt/format.h>

#include <map>
#include <vector>

#include "api/embedded_assets.h"
#include "api/handlers.h"
#include "api/openapi/description.h"
#include "shared/digest.h"

namespace windlass::embedded {
std::span<const File> docs_page_files();
}

namespace windlass::api {
namespace {

// Everything the page needs is here, and it can reach nothing else.
constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// "swagger-ui.css" -> "swagger-ui.1a2b3c4d5e6f.css": another content has another name, so it may be kept for ever.
std::string hashed_name(std::string_view name, std::string_view bytes) {
    const auto dot = name.rfind('.');
    return fmt::format("{}.{}{}", name.substr(0, dot), sha256_hex(bytes).substr(0, 12), name.substr(dot));
}

struct Page {
    std::string html;
    std::map<std::string, Asset, std::less<>> assets;  // by their hashed names
};

Page make_page() {
    const auto files = embedded::docs_page_files();
    Page page{std::string(file_named(files, "index.html")), {}};
    if (page.html.empty()) page.html = plain_page(published_description().document);
    for (const auto& [file, asset] : assets_among(files)) {
        const auto name = hashed_name(file, asset.bytes);
        page.assets.emplace(name, asset);
        const auto place = fmt::format("{{{{{}}}}}", file);
        if (const auto at = page.html.find(place); at != std::string::npos)
            page.html.replace(at, place.size(), "/api/docs/" + name);
    }
    return page;
}

const Page& page() {
    static const Page made = make_page();
    return made;
}

std::string html(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string text_member(const rapidjson::Value& object, const char* name) {
    const auto found = object.FindMember(name);
    return found == object.MemberEnd() ? std::string()
                                       : html({found->value.GetString(), found->value.GetStringLength()});
}

}  // namespace

std::string plain_page(const rapidjson::Value& document) {
    std::string out =
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Windlass: the HTTP "
        "interface</title>\n"
        "</head>\n<body>\n<h1>Windlass: the HTTP interface</h1>\n<p>All of it, with what goes in and out: "
        "<a href=\"/api/schema/?format=yaml\">YAML</a>, <a href=\"/api/schema/?format=json\">JSON</a>.</p>\n";
    for (const auto& tag : document["tags"].GetArray()) {
        out +=
            fmt::format("<h2>{}</h2>\n<p>{}</p>\n<table>\n", text_member(tag, "name"), text_member(tag, "description"));
        for (const auto& path : document["paths"].GetObject()) {
            for (const auto& method : path.value.GetObject()) {
                if (method.value["tags"][0] != tag["name"]) continue;
                std::string name = method.name.GetString();
                for (char& c : name) c = static_cast<char>(c & ~0x20);
                out += fmt::format("<tr><td>{}</td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>\n", name,
                                   html(path.name.GetString()), text_member(method.value, "summary"),
                                   text_member(method.value, "x-windlass-access"));
            }
        }
        out += "</table>\n";
    }
    return out + "</body>\n</html>\n";
}

OrProblem<Reply> show_docs(const Call&) {
    Response response;
    response.content_type = "text/html; charset=utf-8";
    response.body = page().html;
    response.headers = {{"Content-Security-Policy", std::string(page_policy)},
                        {"Referrer-Policy", "no-referrer"},
                        {"Cache-Control", "no-cache"}};
    return Reply(std::move(response));
}

OrProblem<Reply> docs_asset(const Call& call) {
    const auto found = page().assets.find(call.path[0]);
    if (found == page().assets.end()) return not_found("The page has no such part.");
    return Reply(asset_response(found->second, call.request));
}

}  // namespace windlass::api
