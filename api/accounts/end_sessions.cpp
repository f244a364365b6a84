#include "api/accounts/end_sessions.h"

namespace windlass::api {

Status end_sessions(Session& session, UserId account, std::string_view kept, WallTime now) {
    const auto ended = session.execute(
        "update session set ended_us = :now where account = :account and ended_us is null and id <> :kept",
        to_unix_us(now), account.value, kept);
    return ended ? Status() : Status(ended.error());
}

}  // namespace windlass::api
