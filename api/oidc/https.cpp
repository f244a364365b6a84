#include "api/oidc/https.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>
#include <mutex>

#include "shared/percent_encoding.h"

namespace windlass::api {
namespace {

constexpr std::size_t largest_answer = 1024 * 1024;
constexpr long patience_ms = 10'000;
constexpr long connect_patience_ms = 5'000;

struct EasyDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};

bool may_be_asked(const std::string& url) {
    if (url.starts_with("https://")) return true;
    for (const std::string_view local : {"http://127.0.0.1", "http://localhost", "http://[::1]"}) {
        if (!url.starts_with(local)) continue;
        const auto rest = std::string_view(url).substr(local.size());
        if (rest.empty() || rest.front() == ':' || rest.front() == '/') return true;
    }
    return false;
}

std::size_t take(char* data, std::size_t size, std::size_t count, void* to) {
    auto& body = *static_cast<std::string*>(to);
    if (body.size() + size * count > largest_answer) return 0;
    body.append(data, size * count);
    return size * count;
}

}  // namespace

Result<HttpsAnswer> fetch(const HttpsRequest& request) {
    static std::once_flag started;
    std::call_once(started, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    if (!may_be_asked(request.url))
        return make_error(ErrorKind::invalid, fmt::format("{} is not asked: only https is", request.url));
    const std::unique_ptr<CURL, EasyDeleter> easy(curl_easy_init());
    if (!easy) return make_error(ErrorKind::unavailable, "libcurl gives no handle");
    HttpsAnswer answer;
    CURL* const curl = easy.get();
    curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, patience_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_patience_ms);
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE, static_cast<long>(largest_answer));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "windlass");
    if (!request.form.empty()) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.form.c_str());
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.form.size()));
    }
    if (!request.user.empty()) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, request.user.c_str());
        curl_easy_setopt(curl, CURLOPT_PASSWORD, request.password.c_str());
    }
    if (!request.bearer.empty()) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, request.bearer.c_str());
    }
    if (const CURLcode failed = curl_easy_perform(curl); failed != CURLE_OK)
        return make_error(ErrorKind::unavailable, fmt::format("{}: {}", request.url, curl_easy_strerror(failed)));
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    answer.status = static_cast<int>(status);
    return answer;
}

std::string form_of(const std::vector<std::pair<std::string, std::string>>& fields) {
    std::string form;
    for (const auto& [name, value] : fields)
        form += fmt::format("{}{}={}", form.empty() ? "" : "&", percent_encoded(name), percent_encoded(value));
    return form;
}

}  // namespace windlass::api
