// HTTP out. The only place of the command that knows the library underneath (cpp-httplib).
// Redirects are never followed: no answer of the server asks for one, and a credential must not wander.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/result.h"
#include "shared/time.h"

namespace windlass::cli {

struct HttpRequest {
    std::string method = "GET";
    std::string path;  // with the query
    std::string body;
    std::string content_type = "application/json";             // sent when there is a body
    std::string bearer;                                        // the token; empty: none is sent
    std::string idempotency_key;                               // empty: none is sent
    std::string last_event_id;                                 // empty: none is sent
    Seconds patience{60};                                      // for each read; connecting has 5 s
    std::vector<std::pair<std::string, std::string>> headers;  // further ones
};

struct HttpAnswer {
    int status = 0;
    std::string content_type;
    std::string body;
    std::multimap<std::string, std::string> headers;  // names in lower case

    // Of this name in lower case; empty: there is none.
    std::string header(const std::string& name) const {
        const auto found = headers.find(name);
        return found == headers.end() ? std::string() : found->second;
    }
};

class HttpClient {
  public:
    explicit HttpClient(const std::string& url);  // in normal form (server_url.h)
    ~HttpClient();
    HttpClient(HttpClient&&) noexcept;
    HttpClient& operator=(HttpClient&&) noexcept;

    // An error (unavailable) only when no whole answer came; every status is an answer.
    Result<HttpAnswer> send(const HttpRequest& request);
    // A GET for Server-Sent Events. The body of a 200 goes to `on_bytes` as it comes, until it returns false; that of
    // any other answer is in the answer. An error (unavailable) also when the answer broke off.
    Result<HttpAnswer> follow(const HttpRequest& request, const std::function<bool(std::string_view)>& on_bytes);

  private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

}  // namespace windlass::cli
