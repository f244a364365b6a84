// One Windlass server as a person's command sees it: JSON in, JSON out, errors as sentences.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cli/credentials.h"
#include "cli/http_client.h"
#include "shared/json.h"
#include "shared/result.h"

namespace windlass::cli {

struct ServerAnswer {
    int status = 0;
    std::string text;              // the body as it came
    rapidjson::Document document;  // null when the body was not JSON
    std::string next;              // path of the page behind this one (Link: rel="next"); empty: this is the last
};

class Server {
  public:
    static constexpr std::size_t no_limit = static_cast<std::size_t>(-1);

    // Finds address and credential (credentials.h); nothing is sent yet.
    static Result<Server> find(const std::string& url_flag);
    explicit Server(Credentials credentials);

    // Answers other than 2xx become errors that say what the server said and what to do next.
    Result<ServerAnswer> get(const std::string& path, Seconds patience = Seconds{60});
    // A list, page by page as the server links them, as one: also over pages that are short, or empty. Ends when there
    // are `most` rows. An answer that is no list is returned as it came.
    Result<ServerAnswer> get_list(const std::string& path, std::size_t most = no_limit);
    Result<ServerAnswer> post(const std::string& path, const std::string& json,
                              const std::string& idempotency_key = {});
    Result<ServerAnswer> remove(const std::string& path);
    Result<ServerAnswer> request(const std::string& method, const std::string& path, const std::string& json);
    Result<HttpAnswer> head(const std::string& path);
    // Bytes, whole or (`range`: a Content-Range) a piece of them.
    Status put_bytes(const std::string& path, const std::string& bytes, const std::string& range);
    // Server-Sent Events from behind `last_id` on (empty: from the beginning), as they come, until `on_bytes` returns
    // false or the server has ended the answer: its status, 200 or 204. Longer silence than `patience` is unavailable.
    Result<int> follow(const std::string& path, const std::string& last_id, Seconds patience,
                       const std::function<bool(std::string_view)>& on_bytes);

    const Credentials& credentials() const { return credentials_; }
    bool has_token() const { return !credentials_.token.empty(); }

  private:
    Result<ServerAnswer> send(HttpRequest request);
    Result<HttpAnswer> answer_to(HttpRequest request);

    Credentials credentials_;
    HttpClient http_;
};

// What a refusal means. Reads RFC 9457 problem+json: detail, and each of errors[] with its pointer. Exposed for its
// test.
Error error_of_answer(const HttpAnswer& answer, const std::string& what, bool had_token);

// Where a Link header of RFC 8288 leads for rel="next"; empty when it does not, or leads to another server.
std::string next_page(const std::string& link);

// A member as text; empty when it is missing or not a string (numbers are written out).
std::string member_text(const rapidjson::Value& object, const char* key);

}  // namespace windlass::cli
