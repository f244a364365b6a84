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
};

class Server {
  public:
    // Finds address and credential (credentials.h); nothing is sent yet.
    static Result<Server> find(const std::string& url_flag);
    explicit Server(Credentials credentials);

    // Answers other than 2xx become errors that say what the server said and what to do next.
    Result<ServerAnswer> get(const std::string& path, Seconds patience = Seconds{60});
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

// A member as text; empty when it is missing or not a string (numbers are written out).
std::string member_text(const rapidjson::Value& object, const char* key);

}  // namespace windlass::cli
