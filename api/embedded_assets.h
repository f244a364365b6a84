// Files of a page that are part of the program, as answers: their type by their name, gzipped where the client takes
// it.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "api/front/exchange.h"
#include "shared/embedded.h"

namespace windlass::api {

struct Asset {
    std::string_view content_type;
    std::string_view bytes;
    std::string_view gzipped;  // empty: it is not there in this form
};

// By the names of the files; those of no known type, and the .gz beside each, are not among them.
std::map<std::string, Asset, std::less<>> assets_among(std::span<const embedded::File> files);

// Empty: there is none of this name.
std::string_view file_named(std::span<const embedded::File> files, std::string_view name);

// An answer that may be kept for ever: another content must have another address.
Response asset_response(const Asset& asset, const Request& request);

// Whether the client takes the content coding gzip (RFC 9110, 12.5.3).
bool takes_gzip(std::string_view accept_encoding);

}  // namespace windlass::api
