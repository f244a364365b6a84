// Plain text answers of the monitoring family.
#pragma once

#include <string>
#include <utility>

#include "api/call.h"

namespace windlass::api {

inline Reply text_reply(std::string text, int status = 200) {
    Response response;
    response.status = status;
    response.content_type = "text/plain; charset=utf-8";
    response.body = std::move(text);
    return response;
}

}  // namespace windlass::api
