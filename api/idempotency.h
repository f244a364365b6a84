// Idempotency-Key: a POST that creates something is carried out once, however often it is sent.
//
// The same key with the same request gets the first answer again (Idempotency-Replayed: true), with another request
// 422, while the first one is under way 409. Kept for 24 hours, for one account and one route.
//
// What is kept: neither the key nor a plain hash of the request (which may hold a password), but
//     key          SHA-256 of account, route and key
//     body_sha256  SHA-256 of the key and of path, query and body: of no use to whoever does not know the key
// Requests without an account (open registration) share the scope of account 0, and strangers must not learn of each
// other's keys: there the request is part of the key. So another body is another request, never a 422.
//
// Submits are remembered by the scheduler, in the transaction of the jobs. Everything else is remembered by the api, in
// the transaction that creates the thing (record()).
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include "api/front/exchange.h"
#include "api/principal.h"
#include "api/problem.h"
#include "shared/database/session_pool.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

struct Route;

struct IdempotencyKey {
    UserId account;
    std::string route;
    std::string key;
    std::string body_sha256;
};
// nullopt: the request has none. 400: it is not 1 to 255 printable ASCII characters.
OrProblem<std::optional<IdempotencyKey>> read_idempotency_key(const Request& request, const Route& route,
                                                              const Principal& principal);

class Idempotency {
  public:
    explicit Idempotency(SessionPool& pool) : pool_(pool) {}

    // The right to carry this request out; held until its answer is complete. Null: somebody has it.
    std::shared_ptr<void> claim(const IdempotencyKey& key);

    // What an earlier request with this key left. `answer` is empty when the scheduler remembers it (a submit).
    struct Earlier {
        bool same_request = false;
        std::optional<Response> answer;
    };
    Result<std::optional<Earlier>> find(const IdempotencyKey& key, WallTime now);

    // Inside the transaction that creates the thing. conflict: another process was faster.
    static Status record(Session& session, const IdempotencyKey& key, const Response& answer, WallTime now);

  private:
    struct Claims {
        std::mutex mutex;
        std::unordered_set<std::string> keys;
    };

    SessionPool& pool_;
    std::shared_ptr<Claims> claims_ = std::make_shared<Claims>();
};

}  // namespace windlass::api
