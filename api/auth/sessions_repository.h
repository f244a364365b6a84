// The SQL of sessions: one row for each login. Whoever ends the row ends every token of it.
// Threads: any; each call borrows one connection.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/principal.h"
#include "shared/database/session_pool.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

struct NewSession {
    std::string id;
    UserId account;
    std::string refresh_hash;
    WallTime expires;
    std::string address;
    std::string label;  // the browser or program, as it called itself
};
struct LiveSession {
    Principal principal;
    WallTime expires;
};
struct SessionView {
    std::string id;
    WallTime created;
    WallTime expires;
    WallTime last_used;
    std::string address;
    std::string label;
};

class SessionsRepository {
  public:
    explicit SessionsRepository(SessionPool& pool) : pool_(pool) {}

    // Also notes the login in the account, and sweeps out its sessions that ended long ago.
    Status open(const NewSession& session, WallTime now);
    // Neither ended nor expired, of an account that is not disabled. Notes the use, at most once a minute.
    Result<std::optional<LiveSession>> live(const std::string& id, WallTime now);
    Result<std::optional<LiveSession>> of_refresh_token(const std::string& refresh_hash, WallTime now);
    // Those that are live, the newest first.
    Result<std::vector<SessionView>> list(UserId account, WallTime now);
    // Whose it was; nullopt: there is no such live session, or it belongs to somebody else than `of`.
    Result<std::optional<UserId>> end(const std::string& id, std::optional<UserId> of, WallTime now);

  private:
    Result<std::optional<LiveSession>> found(Session& session, const std::vector<Row>& rows, WallTime now);

    SessionPool& pool_;
};

}  // namespace windlass::api
