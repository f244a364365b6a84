// The dashboard: one page at /, and its scripts and styles under an address that changes with their content.
#include <fmt/format.h>

#include "api/embedded_assets.h"
#include "api/handlers.h"
#include "shared/digest.h"

namespace windlass::embedded {
std::span<const File> dashboard_files();
}

namespace windlass::api {
namespace {

// Scripts and styles of this server only, none in the page itself. Pictures that a job left are shown from memory
// (blob:), because they come as downloads. Nothing is written into the page as markup by any script.
constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types "
    "'none'";

struct Dashboard {
    std::string version;  // of all its files together
    std::string html;
    std::string etag;
    std::map<std::string, Asset, std::less<>> assets;
};

Dashboard make_dashboard() {
    const auto files = embedded::dashboard_files();
    std::string everything;
    for (const auto& file : files) everything += sha256_hex(file.bytes);
    Dashboard made{
        sha256_hex(everything).substr(0, 12), std::string(file_named(files, "index.html")), {}, assets_among(files)};
    constexpr std::string_view place = "{{files}}";
    const std::string base = "/dashboard/" + made.version;
    for (auto at = made.html.find(place); at != std::string::npos; at = made.html.find(place, at))
        made.html.replace(at, place.size(), base);
    made.etag = '"' + made.version + '"';
    return made;
}

const Dashboard& dashboard() {
    static const Dashboard made = make_dashboard();
    return made;
}

}  // namespace

OrProblem<Reply> show_dashboard(const Call& call) {
    Response response;
    response.content_type = "text/html; charset=utf-8";
    response.headers = {{"Content-Security-Policy", std::string(page_policy)},
                        {"Referrer-Policy", "no-referrer"},
                        {"Cache-Control", "no-cache"},
                        {"ETag", dashboard().etag}};
    if (call.request.header("If-None-Match") == dashboard().etag)
        response.status = 304;
    else
        response.body = dashboard().html;
    return Reply(std::move(response));
}

OrProblem<Reply> dashboard_asset(const Call& call) {
    // Directories are only for those who read the sources: a name is there once.
    const std::string_view path = call.path[1];
    const auto found = dashboard().assets.find(path.substr(path.rfind('/') + 1));
    if (call.path[0] != dashboard().version || found == dashboard().assets.end())
        return not_found("The dashboard has no such part, or another version of it. Load the page again.");
    return Reply(asset_response(found->second, call.request));
}

}  // namespace windlass::api
