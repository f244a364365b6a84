#include "api/auth/tokens_repository.h"

#include "api/auth/api_token.h"
#include "shared/digest.h"
#include "shared/log.h"

namespace windlass::api {
namespace {

constexpr Seconds use_is_noted_every{60};

Status as_status(Result<std::int64_t> changed) {
    return changed ? Status() : Status(std::move(changed).error());
}

std::optional<std::int64_t> stored(const std::optional<WallTime>& time) {
    return time ? std::optional(to_unix_us(*time)) : std::nullopt;
}

std::optional<WallTime> read(const std::optional<std::int64_t>& stored) {
    return stored ? std::optional(from_unix_us(*stored)) : std::nullopt;
}

Result<TokenView> view_of(const Row& row) {
    TokenView view;
    view.id = row.integer(0);
    view.prefix = row.text(1);
    view.label = row.text(2);
    WINDLASS_TRY(view.scopes, parse_scopes(row.text(3)));
    if (const auto roles = row.integer_or_null(4)) view.roles = Roles(*roles);
    view.created = from_unix_us(row.integer(5));
    view.expires = read(row.integer_or_null(6));
    view.last_used = read(row.integer_or_null(7));
    return view;
}

}  // namespace

Result<TokenView> TokensRepository::add(const NewToken& token, WallTime now, int most) {
    TokenView view{0,           shown_prefix(token.token), token.label, token.scopes, token.roles, now, token.expires,
                   std::nullopt};
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY(const auto ids,
                 session->query("update id_counter set next = next + 1 where name = 'api_token' returning next - 1"));
    WINDLASS_CHECK(ids.size() == 1, "the counter of API tokens is missing from id_counter");
    view.id = ids.front().integer(0);
    std::optional<std::int64_t> roles;
    if (token.roles) roles = token.roles->mask;
    WINDLASS_TRY_STATUS(as_status(session->execute(
        "insert into api_token (id, token_hash, prefix, account, label, scopes, roles, created_us, expires_us, "
        "last_used_us, revoked_us) values (:id, :hash, :prefix, :account, :label, :scopes, :roles, :now, :expires, "
        "null, null)",
        view.id, token_hash_hex(token.token), view.prefix, token.account.value, token.label, words_of(token.scopes),
        roles, to_unix_us(now), stored(token.expires))));
    if (most > 0)
        WINDLASS_TRY_STATUS(as_status(session->execute(
            "update api_token set revoked_us = :now where account = :account and label = :label and revoked_us is null "
            "and id not in (select id from api_token where account = :account and label = :label "
            "and revoked_us is null order by id desc limit :most)",
            to_unix_us(now), token.account.value, token.label, most)));
    WINDLASS_TRY_STATUS(transaction.commit());
    return view;
}

Result<std::optional<FoundPrincipal>> TokensRepository::principal_of(const std::string& token, WallTime now) {
    const std::int64_t at = to_unix_us(now);
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(
        const auto rows,
        session->query("select a.id, a.roles, t.expires_us, a.tier, a.username, t.scopes, t.roles, t.id, "
                       "t.last_used_us from api_token t "
                       "join account a on a.id = t.account where t.token_hash = :hash and t.revoked_us is null "
                       "and a.disabled_us is null and (t.expires_us is null or t.expires_us > :now)",
                       token_hash_hex(token), at));
    if (rows.empty()) return std::optional<FoundPrincipal>();
    const Row& row = rows.front();
    FoundPrincipal found;
    found.principal.id = UserId{row.integer(0)};
    found.principal.roles = Roles(row.integer(1));
    if (const auto most = row.integer_or_null(6))
        found.principal.roles = roles_of_token(found.principal.roles, Roles(*most));
    found.principal.tier = row.text(3);
    found.principal.username = row.text(4);
    WINDLASS_TRY(found.principal.scopes, parse_scopes(row.text(5)));
    found.principal.token = row.integer(7);
    found.expires = read(row.integer_or_null(2));
    if (at - row.integer_or_null(8).value_or(0) >= Microseconds{use_is_noted_every}.count()) {
        const auto noted =
            session->execute("update api_token set last_used_us = :now where id = :id", at, found.principal.token);
        // What is asked for does not depend on it.
        if (!noted) log::debug("noting the use of an API token: {}", noted.error().message);
    }
    return std::optional(std::move(found));
}

Result<std::vector<TokenView>> TokensRepository::list(UserId account, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select id, prefix, label, scopes, roles, created_us, expires_us, last_used_us "
                                "from api_token where account = :account and revoked_us is null "
                                "and (expires_us is null or expires_us > :now) order by id desc limit 10000",
                                account.value, to_unix_us(now)));
    std::vector<TokenView> list;
    list.reserve(rows.size());
    for (const Row& row : rows) {
        WINDLASS_TRY(auto view, view_of(row));
        list.push_back(std::move(view));
    }
    return list;
}

Result<std::optional<TokenView>> TokensRepository::find(std::int64_t id, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select id, prefix, label, scopes, roles, created_us, expires_us, last_used_us "
                                "from api_token where id = :id and revoked_us is null "
                                "and (expires_us is null or expires_us > :now)",
                                id, to_unix_us(now)));
    if (rows.empty()) return std::optional<TokenView>();
    WINDLASS_TRY(auto view, view_of(rows.front()));
    return std::optional(std::move(view));
}

Result<std::optional<UserId>> TokensRepository::revoke(std::int64_t id, std::optional<UserId> of, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("update api_token set revoked_us = :now where id = :id and revoked_us is null "
                                "and (account = :owner or :owner = 0) returning account",
                                to_unix_us(now), id, of ? of->value : 0));
    if (rows.empty()) return std::optional<UserId>();
    return std::optional(UserId{rows.front().integer(0)});
}

}  // namespace windlass::api
