#include "api/auth/sessions_repository.h"

#include "shared/log.h"

namespace windlass::api {
namespace {

constexpr Seconds use_is_noted_every{60};
constexpr Seconds kept_after_its_end{30 * 24 * 3600};

Status as_status(Result<std::int64_t> changed) {
    return changed ? Status() : Status(std::move(changed).error());
}

}  // namespace

Status SessionsRepository::open(const NewSession& opened, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    const std::int64_t at = to_unix_us(now);
    WINDLASS_TRY_STATUS(
        as_status(session->execute("delete from session where account = :account and expires_us < :long_ago",
                                   opened.account.value, at - Microseconds{kept_after_its_end}.count())));
    WINDLASS_TRY_STATUS(as_status(session->execute(
        "insert into session (id, account, refresh_hash, created_us, expires_us, last_used_us, ended_us, address, "
        "label) values (:id, :account, :refresh, :now, :expires, :now, null, :address, :label)",
        opened.id, opened.account.value, opened.refresh_hash, at, to_unix_us(opened.expires), opened.address,
        opened.label)));
    WINDLASS_TRY_STATUS(as_status(
        session->execute("update account set last_login_us = :now where id = :id", at, opened.account.value)));
    return transaction.commit();
}

Result<std::optional<LiveSession>> SessionsRepository::live(const std::string& id, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select s.id, a.id, a.roles, a.tier, a.username, s.expires_us, s.last_used_us "
                                "from session s join account a on a.id = s.account where s.id = :id "
                                "and s.ended_us is null and s.expires_us > :now and a.disabled_us is null",
                                id, to_unix_us(now)));
    return found(*session, rows, now);
}

Result<std::optional<LiveSession>> SessionsRepository::of_refresh_token(const std::string& refresh_hash, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select s.id, a.id, a.roles, a.tier, a.username, s.expires_us, s.last_used_us "
                                "from session s join account a on a.id = s.account where s.refresh_hash = :hash "
                                "and s.ended_us is null and s.expires_us > :now and a.disabled_us is null",
                                refresh_hash, to_unix_us(now)));
    return found(*session, rows, now);
}

Result<std::optional<LiveSession>> SessionsRepository::found(Session& session, const std::vector<Row>& rows,
                                                             WallTime now) {
    if (rows.empty()) return std::optional<LiveSession>();
    const Row& row = rows.front();
    LiveSession live;
    live.principal.session = row.text(0);
    live.principal.id = UserId{row.integer(1)};
    live.principal.roles = Roles(row.integer(2));
    live.principal.tier = row.text(3);
    live.principal.username = row.text(4);
    live.expires = from_unix_us(row.integer(5));
    if (now - from_unix_us(row.integer(6)) >= use_is_noted_every) {
        const auto noted = session.execute("update session set last_used_us = :now where id = :id", to_unix_us(now),
                                           live.principal.session);
        // What is asked for does not depend on it.
        if (!noted) log::debug("noting the use of a session: {}", noted.error().message);
    }
    return std::optional(std::move(live));
}

Result<std::vector<SessionView>> SessionsRepository::list(UserId account, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select id, created_us, expires_us, last_used_us, address, label from session "
                                "where account = :account and ended_us is null and expires_us > :now "
                                "order by created_us desc, id limit 1000",
                                account.value, to_unix_us(now)));
    std::vector<SessionView> list;
    list.reserve(rows.size());
    for (const Row& row : rows)
        list.push_back({row.text(0), from_unix_us(row.integer(1)), from_unix_us(row.integer(2)),
                        from_unix_us(row.integer(3)), row.text(4), row.text(5)});
    return list;
}

Result<std::optional<UserId>> SessionsRepository::end(const std::string& id, std::optional<UserId> of, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    // Owner 0 is nobody's: everybody's sessions.
    WINDLASS_TRY(const auto rows,
                 session->query("update session set ended_us = :now where id = :id and ended_us is null "
                                "and expires_us > :now and (account = :owner or :owner = 0) returning account",
                                to_unix_us(now), id, of ? of->value : 0));
    if (rows.empty()) return std::optional<UserId>();
    return std::optional(UserId{rows.front().integer(0)});
}

}  // namespace windlass::api
