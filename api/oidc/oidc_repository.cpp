#include "api/oidc/oidc_repository.h"

#include <fmt/format.h>

#include "api/names.h"
#include "shared/digest.h"

namespace windlass::api {
namespace {

constexpr Microseconds time_to_come_back = std::chrono::minutes{10};
constexpr int most_tries = 50;

bool is_free(const std::vector<Row>& taken, const std::string& key) {
    for (const Row& row : taken)
        if (row.text(0) == key || row.text(1) == key) return false;
    return true;
}

// What the token offers, made fit for a username here; "user" if nothing of it is.
std::string wanted_username(const IdClaims& claims) {
    for (std::string name : {claims.username, claims.email.substr(0, claims.email.find('@')), claims.subject}) {
        std::string fit;
        for (const char c : name)
            if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                c == '_')
                fit += c;
        fit.resize(std::min<std::size_t>(fit.size(), 40));
        if (!fit.empty() && fault_of_username(fit).empty()) return fit;
    }
    return "user";
}

Result<bool> taken(Session& session, const std::string& key) {
    WINDLASS_TRY(const auto rows, session.query("select username_key, email_key from account where username_key = :key "
                                                "or email_key = :key",
                                                key));
    return !is_free(rows, key);
}

}  // namespace

Status OidcRepository::begin(const OidcAttempt& attempt, const std::string& return_to, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY([[maybe_unused]] const auto forgotten,
                 session->execute("delete from oidc_login where expires_us <= :now", to_unix_us(now)));
    WINDLASS_TRY(
        [[maybe_unused]] const auto inserted,
        session->execute("insert into oidc_login (state_hash, nonce, verifier, return_to, created_us, expires_us) "
                         "values (:state, :nonce, :verifier, :return_to, :now, :expires)",
                         token_hash_hex(attempt.state), attempt.nonce, attempt.verifier, return_to, to_unix_us(now),
                         to_unix_us(now + time_to_come_back)));
    return transaction.commit();
}

Result<std::optional<OidcRepository::Begun>> OidcRepository::take(const std::string& state, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY(
        const auto rows,
        session->query("delete from oidc_login where state_hash = :state returning nonce, verifier, return_to, "
                       "expires_us",
                       token_hash_hex(state)));
    WINDLASS_TRY_STATUS(transaction.commit());
    if (rows.empty() || rows.front().integer(3) <= to_unix_us(now)) return std::optional<Begun>();
    const Row& row = rows.front();
    return std::optional(Begun{{state, row.text(0), row.text(1), {}}, row.text(2)});
}

Result<std::optional<OidcRepository::Found>> OidcRepository::account_of(const IdClaims& claims) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select a.id, a.disabled_us from oidc_identity i join account a on a.id = i.account "
                                "where i.issuer = :issuer and i.subject = :subject",
                                claims.issuer, claims.subject));
    if (rows.empty()) return std::optional<Found>();
    return std::optional(Found{UserId{rows.front().integer(0)}, !rows.front().is_null(1)});
}

Result<UserId> OidcRepository::create_account(const IdClaims& claims, Roles roles, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    const std::string wanted = wanted_username(claims);
    std::string username = wanted;
    for (int i = 2;; ++i) {
        WINDLASS_TRY(const bool used, taken(*session, name_key(username)));
        if (!used) break;
        if (i > most_tries) return make_error(ErrorKind::conflict, "no username is free for this login");
        username = fmt::format("{}-{}", wanted, i);
    }
    // An address that is somebody's here stays theirs.
    std::string email = claims.email;
    bool email_used = email.empty() || !fault_of_email(email).empty();
    if (!email_used) {
        WINDLASS_TRY(email_used, taken(*session, name_key(email)));
    }
    WINDLASS_TRY(const auto ids,
                 session->query("update id_counter set next = next + 1 where name = 'account' returning next - 1"));
    WINDLASS_CHECK(ids.size() == 1, "the counter of account ids is missing from id_counter");
    const UserId id{ids.front().integer(0)};
    if (email_used) email = fmt::format("{}@openid.invalid", id.text());
    const std::string name =
        claims.name.empty() || !fault_of_personal_name(claims.name).empty() ? username : claims.name;
    const PersonalName person = split_name(name);
    WINDLASS_TRY(
        [[maybe_unused]] const auto inserted,
        session->execute("insert into account (id, username, username_key, email, email_key, first_name, "
                         "last_name, name, company, password_hash, roles, tier, created_us, disabled_us) values "
                         "(:id, :username, :username_key, :email, :email_key, :first, :last, :name, '', null, "
                         ":roles, 'Basic', :now, null)",
                         id.value, username, name_key(username), email, name_key(email), person.first, person.last,
                         name, roles.mask, to_unix_us(now)));
    WINDLASS_TRY([[maybe_unused]] const auto linked,
                 session->execute("insert into oidc_identity (issuer, subject, account, created_us) values (:issuer, "
                                  ":subject, :account, :now)",
                                  claims.issuer, claims.subject, id.value, to_unix_us(now)));
    WINDLASS_TRY_STATUS(transaction.commit());
    return id;
}

Status OidcRepository::set_roles(UserId account, Roles roles) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY([[maybe_unused]] const auto changed,
                 session->execute("update account set roles = :roles where id = :id and roles <> :roles", roles.mask,
                                  account.value));
    return {};
}

}  // namespace windlass::api
