#include "shared/result.h"

#include <cstring>

namespace windlass {

Error errno_error(std::string_view what, int error_number) {
    const ErrorKind kind = error_number == EACCES || error_number == EPERM ? ErrorKind::denied
                           : error_number == ENOENT                        ? ErrorKind::not_found
                                                                           : ErrorKind::internal;
    char text[128] = {};
    return {kind, std::string(what) + ": " + strerror_r(error_number, text, sizeof text)};
}

void (*on_broken)(std::string_view what) = nullptr;

void broken(const char* file, int line, std::string_view what) {
    if (on_broken != nullptr) on_broken(what);
    std::fprintf(stderr, "windlass: broken assumption at %s:%d: %.*s\n", file, line, static_cast<int>(what.size()),
                 what.data());
    std::abort();
}

}  // namespace windlass
