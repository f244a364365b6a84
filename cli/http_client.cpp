#include "cli/http_client.h"

#include <fmt/format.h>
#include <httplib.h>

#include <string_view>

namespace windlass::cli {
namespace {

constexpr Seconds connect_patience{5};

std::string reason(httplib::Error error) {
    switch (error) {
        case httplib::Error::Connection:
            return "connection refused, or no such host";
        case httplib::Error::ConnectionTimeout:
            return "no answer to the connection attempt";
        case httplib::Error::Read:
            return "the connection broke, or the answer took too long";
        case httplib::Error::Write:
            return "the connection broke while sending";
        case httplib::Error::SSLConnection:
            return "no TLS connection could be made";
        case httplib::Error::SSLServerVerification:
            return "its certificate is not trusted here";
        default:
            return httplib::to_string(error);
    }
}

}  // namespace

struct HttpClient::Inside {
    explicit Inside(const std::string& address) : url(address), client(address) {
        client.set_connection_timeout(connect_patience);
        client.set_follow_location(false);
        client.set_keep_alive(true);
        client.set_tcp_nodelay(true);
        client.set_url_encode(false);  // paths are encoded by us
    }
    std::string url;
    httplib::Client client;
};

HttpClient::HttpClient(const std::string& url) : inside_(std::make_unique<Inside>(url)) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

Result<HttpAnswer> HttpClient::send(const HttpRequest& request) {
    httplib::Request out;
    out.method = request.method;
    out.path = request.path;
    out.body = request.body;
    out.set_header("Accept", "application/json, text/plain;q=0.5, */*;q=0.1");
    out.set_header("User-Agent", "windlass/" WINDLASS_VERSION);
    if (!request.body.empty()) out.set_header("Content-Type", request.content_type);
    if (!request.bearer.empty()) out.set_header("Authorization", "Bearer " + request.bearer);
    if (!request.idempotency_key.empty()) out.set_header("Idempotency-Key", request.idempotency_key);
    for (const auto& [name, value] : request.headers) out.set_header(name, value);
    inside_->client.set_read_timeout(request.patience);
    inside_->client.set_write_timeout(request.patience);
    const auto result = inside_->client.send(out);
    if (!result)
        return make_error(ErrorKind::unavailable,
                          fmt::format("the server at {} gave no answer ({}). Is it running? `windlass dev` starts one; "
                                      "--url or WINDLASS_URL name another",
                                      inside_->url, reason(result.error())));
    HttpAnswer answer{result->status, result->get_header_value("Content-Type"), result->body, {}};
    for (const auto& [name, value] : result->headers) {
        std::string lower = name;
        for (char& c : lower)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        answer.headers.emplace(std::move(lower), value);
    }
    return answer;
}

}  // namespace windlass::cli
