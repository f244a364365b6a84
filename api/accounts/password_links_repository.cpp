#include "api/accounts/password_links_repository.h"

#include "api/accounts/end_sessions.h"

namespace windlass::api {
namespace {

Status as_status(Result<std::int64_t> changed) {
    return changed ? Status() : Status(std::move(changed).error());
}

}  // namespace

Result<bool> PasswordLinksRepository::add(UserId account, const std::string& secret_hash, WallTime now,
                                          WallTime expires) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    // Holds the account: two links made at the same moment come one after the other.
    WINDLASS_TRY(const auto held, session->execute("update account set name = name where id = :id "
                                                   "and disabled_us is null",
                                                   account.value));
    if (held == 0) return false;
    WINDLASS_TRY_STATUS(as_status(session->execute(
        "delete from password_link where account = :account or expires_us <= :now", account.value, to_unix_us(now))));
    WINDLASS_TRY_STATUS(as_status(session->execute(
        "insert into password_link (secret_hash, account, created_us, expires_us, used_us) values (:hash, :account, "
        ":now, :expires, null)",
        secret_hash, account.value, to_unix_us(now), to_unix_us(expires))));
    WINDLASS_TRY_STATUS(transaction.commit());
    return true;
}

Result<std::optional<PasswordLink>> PasswordLinksRepository::find(const std::string& secret_hash, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select a.id, a.username, a.email from password_link l join account a on a.id = "
                                "l.account where l.secret_hash = :hash and l.used_us is null and l.expires_us > :now "
                                "and a.disabled_us is null",
                                secret_hash, to_unix_us(now)));
    if (rows.empty()) return std::optional<PasswordLink>();
    const Row& row = rows.front();
    return std::optional(PasswordLink{UserId{row.integer(0)}, row.text(1), row.text(2)});
}

Result<bool> PasswordLinksRepository::use(const std::string& secret_hash, const std::string& password_hash,
                                          WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY(const auto links,
                 session->query("update password_link set used_us = :now where secret_hash = :hash and used_us is null "
                                "and expires_us > :now returning account",
                                to_unix_us(now), secret_hash));
    if (links.empty()) return false;
    const UserId account{links.front().integer(0)};
    WINDLASS_TRY(const auto changed, session->execute("update account set password_hash = :hash where id = :id "
                                                      "and disabled_us is null",
                                                      password_hash, account.value));
    if (changed == 0) return false;
    WINDLASS_TRY_STATUS(end_sessions(*session, account, {}, now));
    WINDLASS_TRY_STATUS(transaction.commit());
    return true;
}

}  // namespace windlass::api
