#include "api/accounts_repository.h"

#include "api/names.h"

namespace windlass::api {
namespace {

Status as_status(Result<std::int64_t> changed) {
    return changed ? Status() : Status(std::move(changed).error());
}

// Login names match either column, so a username must not be somebody else's address, nor the reverse.
Result<std::optional<Taken>> find_taken(Session& session, const std::string& username_key,
                                        const std::string& email_key) {
    WINDLASS_TRY(const auto rows,
                 session.query("select username_key, email_key from account where username_key = :username "
                               "or username_key = :email or email_key = :username or email_key = :email",
                               username_key, email_key));
    if (rows.empty()) return std::optional<Taken>();
    for (const Row& row : rows)
        if (row.text(0) == username_key || row.text(1) == username_key) return std::optional(Taken::username);
    return std::optional(Taken::email);
}

}  // namespace

Result<std::variant<UserId, Taken>> AccountsRepository::create(const NewAccount& account, WallTime now,
                                                               const Also& also) {
    using Answer = std::variant<UserId, Taken>;
    const std::string username_key = name_key(account.username);
    const std::string email_key = name_key(account.email);
    const PersonalName person = split_name(account.name);
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY(const auto taken, find_taken(*session, username_key, email_key));
    if (taken) return Answer(*taken);
    WINDLASS_TRY(const auto ids,
                 session->query("update id_counter set next = next + 1 where name = 'account' returning next - 1"));
    WINDLASS_CHECK(ids.size() == 1, "the counter of account ids is missing from id_counter");
    const UserId id{ids.front().integer(0)};
    auto inserted = session->execute(
        "insert into account (id, username, username_key, email, email_key, first_name, last_name, name, company, "
        "password_hash, roles, tier, created_us, disabled_us) values (:id, :username, :username_key, :email, "
        ":email_key, "
        ":first_name, :last_name, :name, :company, :password_hash, :roles, 'Basic', :created_us, null)",
        id.value, account.username, username_key, account.email, email_key, person.first, person.last, account.name,
        account.company, account.password_hash, account.roles.mask, to_unix_us(now));
    if (!inserted) {
        // Somebody else was faster between the look and the insert.
        if (inserted.error().kind != ErrorKind::conflict) return std::move(inserted).error();
        return Answer(inserted.error().message.starts_with("account.email") ? Taken::email : Taken::username);
    }
    if (also) WINDLASS_TRY_STATUS(also(*session, id));
    WINDLASS_TRY_STATUS(transaction.commit());
    return Answer(id);
}

Result<Removal> AccountsRepository::remove(UserId account, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY(const auto rows,
                 session->query("select roles from account where id = :id and disabled_us is null", account.value));
    if (rows.empty()) return Removal::unknown;
    const std::int64_t admin = Roles(Role::admin).mask;
    if ((rows.front().integer(0) & admin) != 0) {
        WINDLASS_TRY(const auto others,
                     session->query("select count(*) from account where id <> :id and disabled_us is null "
                                    "and (roles & :admin) <> 0",
                                    account.value, admin));
        if (others.front().integer(0) == 0) return Removal::last_admin;
    }
    // No username and no address looks like this: neither may contain a colon.
    const std::string gone = "deleted:" + account.text();
    WINDLASS_TRY_STATUS(
        as_status(session->execute("update account set disabled_us = :now, username_key = :gone, email_key = :gone, "
                                   "password_hash = null where id = :id",
                                   to_unix_us(now), gone, account.value)));
    WINDLASS_TRY_STATUS(
        as_status(session->execute("update api_token set revoked_us = :now where account = :id and revoked_us is null",
                                   to_unix_us(now), account.value)));
    WINDLASS_TRY_STATUS(transaction.commit());
    return Removal::removed;
}

Result<std::optional<LoginAccount>> AccountsRepository::by_login_name(const std::string& name) {
    const std::string key = name_key(name);
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select id, username, roles, password_hash from account "
                                "where (username_key = :key or email_key = :key) and disabled_us is null",
                                key));
    if (rows.empty()) return std::optional<LoginAccount>();
    const Row& row = rows.front();
    return std::optional(LoginAccount{UserId{row.integer(0)}, row.text(1), Roles(row.integer(2)), row.text_or_null(3)});
}

Result<std::vector<AccountSummary>> AccountsRepository::page(UserId after, int limit) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select id, username, email, name, company from account where id > :after "
                                "and disabled_us is null order by id limit :limit",
                                after.value, limit));
    std::vector<AccountSummary> page;
    page.reserve(rows.size());
    for (const Row& row : rows)
        page.push_back({UserId{row.integer(0)}, row.text(1), row.text(2), row.text(3), row.text(4)});
    return page;
}

Result<std::optional<UserId>> AccountsRepository::first_admin() {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select min(id) from account where disabled_us is null and (roles & :admin) <> 0",
                                Roles(Role::admin).mask));
    const auto id = rows.front().integer_or_null(0);
    return id ? std::optional(UserId{*id}) : std::nullopt;
}

Status AccountsRepository::set_password_hash(UserId account, const std::string& hash) {
    WINDLASS_TRY(const auto session, pool_.lease());
    return as_status(session->execute("update account set password_hash = :hash where id = :id and disabled_us is null",
                                      hash, account.value));
}

Status AccountsRepository::ping() {
    WINDLASS_TRY(const auto session, pool_.lease(Milliseconds{500}));
    WINDLASS_TRY(const auto rows, session->query("select 1"));
    WINDLASS_CHECK(rows.size() == 1, "select 1 gives one row");
    return {};
}

}  // namespace windlass::api
