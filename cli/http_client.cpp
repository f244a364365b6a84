#include "cli/http_client.h"

#include <fmt/format.h>
#include <httplib.h>

#include <cstdint>
#include <string_view>
#include <utility>

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

std::string lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
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

    httplib::Request prepared(const HttpRequest& request) {
        httplib::Request out;
        out.method = request.method;
        out.path = request.path;
        out.body = request.body;
        out.set_header("User-Agent", "windlass/" WINDLASS_VERSION);
        if (!request.body.empty()) out.set_header("Content-Type", request.content_type);
        if (!request.bearer.empty()) out.set_header("Authorization", "Bearer " + request.bearer);
        if (!request.idempotency_key.empty()) out.set_header("Idempotency-Key", request.idempotency_key);
        for (const auto& [name, value] : request.headers) out.set_header(name, value);
        client.set_read_timeout(request.patience);
        client.set_write_timeout(request.patience);
        return out;
    }
    Result<HttpAnswer> send(httplib::Request& request) {
        const auto result = client.send(request);
        if (!result)
            return make_error(ErrorKind::unavailable,
                              fmt::format("the server at {} gave no answer ({}). Is it running? `windlass dev` starts "
                                          "one; --url or WINDLASS_URL name another",
                                          url, reason(result.error())));
        HttpAnswer answer{result->status, result->get_header_value("Content-Type"), result->body, {}};
        for (const auto& [name, value] : result->headers) answer.headers.emplace(lower(name), value);
        return answer;
    }

    std::string url;
    httplib::Client client;
};

HttpClient::HttpClient(const std::string& url) : inside_(std::make_unique<Inside>(url)) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

Result<HttpAnswer> HttpClient::send(const HttpRequest& request) {
    httplib::Request out = inside_->prepared(request);
    out.set_header("Accept", "application/json, text/plain;q=0.5, */*;q=0.1");
    return inside_->send(out);
}

Result<HttpAnswer> HttpClient::follow(const HttpRequest& request,
                                      const std::function<bool(std::string_view)>& on_bytes) {
    httplib::Request out = inside_->prepared(request);
    out.set_header("Accept", "text/event-stream");
    if (!request.last_event_id.empty()) out.set_header("Last-Event-ID", request.last_event_id);
    int status = 0;
    std::string body;
    out.response_handler = [&](const httplib::Response& answer) {
        status = answer.status;
        return true;
    };
    out.content_receiver = [&](const char* bytes, std::size_t size, std::uint64_t, std::uint64_t) {
        if (status == 200) return on_bytes({bytes, size});
        body.append(bytes, size);
        return true;
    };
    auto answer = inside_->send(out);
    if (answer) answer->body = std::move(body);
    return answer;
}

}  // namespace windlass::cli
