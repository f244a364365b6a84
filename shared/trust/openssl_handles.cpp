#include "shared/trust/openssl_handles.h"

#include <fmt/format.h>
#include <openssl/err.h>

namespace windlass::trust {

std::string openssl_fault() {
    const auto code = ::ERR_peek_error();  // the first one; the later ones are where it was called from
    const char* reason = ::ERR_reason_error_string(code);
    std::string fault = reason != nullptr ? reason : "unknown fault";
    ::ERR_clear_error();
    return fault;
}

Error openssl_error(std::string_view what) {
    return make_error(ErrorKind::internal, fmt::format("{}: {}", what, openssl_fault()));
}

Owned<BIO> reading(std::string_view text) {
    Owned<BIO> bio(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    WINDLASS_CHECK(bio != nullptr, "OpenSSL has no memory for a buffer");
    return bio;
}

Owned<BIO> memory() {
    Owned<BIO> bio(::BIO_new(::BIO_s_mem()));
    WINDLASS_CHECK(bio != nullptr, "OpenSSL has no memory for a buffer");
    return bio;
}

std::string text_in(BIO* memory) {
    char* data = nullptr;
    const auto size = ::BIO_get_mem_data(memory, &data);
    return std::string(data, static_cast<std::size_t>(size));
}

}  // namespace windlass::trust
