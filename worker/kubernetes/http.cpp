#include "worker/kubernetes/http.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>

namespace windlass::worker::kubernetes {
namespace {

constexpr long connect_patience_ms = 5'000;

struct EasyDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct ListDeleter {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

struct Transfer {
    const HttpRequest& request;
    std::string body;
    bool enough = false;  // nothing more is waited for
};

std::size_t take(char* data, std::size_t size, std::size_t count, void* to) {
    auto& transfer = *static_cast<Transfer*>(to);
    const std::size_t bytes = size * count;
    if (transfer.body.size() + bytes > transfer.request.most_bytes) return 0;
    transfer.body.append(data, bytes);
    transfer.enough = transfer.request.until_line && transfer.body.find('\n') != std::string::npos;
    return transfer.enough ? 0 : bytes;
}

// Called at least once a second, and with every byte.
int go_on(void* of, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(of);
    transfer.enough = transfer.enough || (transfer.request.stop != nullptr && transfer.request.stop->load());
    return transfer.enough ? 1 : 0;
}

std::string token_in(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string token{std::istreambuf_iterator<char>(file), {}};
    while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
    return token;
}

}  // namespace

Result<HttpAnswer> ask(const HttpRequest& request) {
    static std::once_flag started;
    std::call_once(started, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    const std::unique_ptr<CURL, EasyDeleter> easy(curl_easy_init());
    if (!easy) return make_error(ErrorKind::unavailable, "libcurl gives no handle");
    const std::string token = token_in(request.token_file);
    if (token.empty())
        return make_error(ErrorKind::unavailable,
                          "there is no token in worker.kubernetes_token_file " + request.token_file);
    CURL* const curl = easy.get();
    Transfer transfer{request, {}, false};
    std::unique_ptr<curl_slist, ListDeleter> headers(curl_slist_append(nullptr, "Accept: application/json, */*"));
    curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");  // of the environment: the token is for the API server alone
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.patience.count()));
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_patience_ms);
    curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "windlass-worker");
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token.c_str());
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, go_on);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    if (!request.body.empty()) {
        headers.reset(curl_slist_append(headers.release(), "Content-Type: application/json"));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.c_str());
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    const CURLcode failed = curl_easy_perform(curl);
    if (failed != CURLE_OK && !transfer.enough)
        return make_error(ErrorKind::unavailable,
                          fmt::format("the API server gave no answer: {}", curl_easy_strerror(failed)));
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return HttpAnswer{static_cast<int>(status), std::move(transfer.body)};
}

}  // namespace windlass::worker::kubernetes
