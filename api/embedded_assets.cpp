#include "api/embedded_assets.h"

namespace windlass::api {
namespace {

std::string_view type_of(std::string_view name) {
    if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
    if (name.ends_with(".css")) return "text/css; charset=utf-8";
    if (name.ends_with(".svg")) return "image/svg+xml";
    return {};
}

}  // namespace

std::string_view file_named(std::span<const embedded::File> files, std::string_view name) {
    for (const auto& file : files)
        if (file.name == name) return file.bytes;
    return {};
}

std::map<std::string, Asset, std::less<>> assets_among(std::span<const embedded::File> files) {
    std::map<std::string, Asset, std::less<>> assets;
    for (const auto& file : files) {
        const auto type = type_of(file.name);
        if (type.empty()) continue;
        assets.emplace(file.name, Asset{type, file.bytes, file_named(files, std::string(file.name) + ".gz")});
    }
    return assets;
}

Response asset_response(const Asset& asset, const Request& request) {
    Response response;
    response.content_type = asset.content_type;
    response.headers = {{"Cache-Control", "public, max-age=31536000, immutable"}, {"Vary", "Accept-Encoding"}};
    if (!asset.gzipped.empty() && takes_gzip(request.header("Accept-Encoding"))) {
        response.headers.emplace_back("Content-Encoding", "gzip");
        response.body = asset.gzipped;
    } else {
        response.body = asset.bytes;
    }
    return response;
}

bool takes_gzip(std::string_view accept_encoding) {
    const auto at = accept_encoding.find("gzip");
    if (at == std::string_view::npos) return false;
    const auto weight = accept_encoding.substr(at + 4, accept_encoding.find(',', at) - at - 4);
    return weight.find("q=0") == std::string_view::npos || weight.find_first_of("123456789") != std::string_view::npos;
}

}  // namespace windlass::api
