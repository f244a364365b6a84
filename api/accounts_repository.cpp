#include "api/accounts_repository.h"

#include "api/accounts/end_sessions.h"

namespace windlass::api {
namespace {

Status as_status(Result<std::int64_t> changed) {
    return changed ? Status() : Status(std::move(changed).error());
}

// Login names match either column, so a username must not be somebody else's address, nor the reverse. `self` may have
// both.
Result<std::optional<Taken>> find_taken(Session& session, const std::string& username_key, const std::string& email_key,
                                        UserId self = {}) {
    WINDLASS_TRY(const auto rows,
                 session.query("select username_key, email_key from account where (username_key = :username "
                               "or username_key = :email or email_key = :username or email_key = :email) "
                               "and id <> :self",
                               username_key, email_key, self.value));
    if (rows.empty()) return std::optional<Taken>();
    for (const Row& row : rows)
        if (row.text(0) == username_key || row.text(1) == username_key) return std::optional(Taken::username);
    return std::optional(Taken::email);
}

// Until the end of the transaction nobody else makes an account, renames one, or decides who is an admin: what is
// looked up from here on stays true until the commit. Before any row of an account, so that two never wait for each
// other.
Status hold_accounts(Session& session) {
    return as_status(session.execute("update id_counter set next = next where name = 'account'"));
}

Result<bool> is_last_admin(Session& session, UserId account) {
    WINDLASS_TRY(const auto others,
                 session.query("select count(*) from account where id <> :id and disabled_us is null "
                               "and (roles & :admin) <> 0",
                               account.value, Roles(Role::admin).mask));
    return others.front().integer(0) == 0;
}

// Deleted accounts have such keys: neither a username nor an address may contain a colon.
std::string deleted_key(UserId account) {
    return "deleted:" + account.text();
}

// Not behind `returning` of an update: SQLite 3.40.1 takes every `is null` there for false.
const std::string details_columns =
    "id, username, email, first_name, last_name, name, company, roles, tier, coalesce(length(password_hash), 0), "
    "coalesce(disabled_us, 0), created_us, last_login_us ";

const std::string find_sql = "select " + details_columns + "from account where id = :id and username_key <> :gone";

AccountDetails details_of(const Row& row) {
    AccountDetails account;
    account.id = UserId{row.integer(0)};
    account.username = row.text(1);
    account.email = row.text(2);
    account.first_name = row.text(3);
    account.last_name = row.text(4);
    account.name = row.text(5);
    account.company = row.text(6);
    account.roles = Roles(row.integer(7));
    account.tier = row.text(8);
    account.has_password = row.truth(9);
    account.disabled = row.truth(10);
    account.created = from_unix_us(row.integer(11));
    if (const auto login = row.integer_or_null(12)) account.last_login = from_unix_us(*login);
    return account;
}

std::optional<AccountDetails> first_of(const std::vector<Row>& rows) {
    return rows.empty() ? std::nullopt : std::optional(details_of(rows.front()));
}

// The tier's name as it is written, held so that it is not removed before the commit.
Result<std::optional<std::string>> hold_tier(Session& session, const std::string& name) {
    WINDLASS_TRY(const auto rows,
                 session.query("update tier set name = name where name_key = :key returning name", name_key(name)));
    return rows.empty() ? std::nullopt : std::optional(rows.front().text(0));
}

AccountDetails with(AccountDetails account, const AccountChange& change) {
    if (change.name) {
        account.name = *change.name;
        const auto person = split_name(*change.name);
        account.first_name = person.first;
        account.last_name = person.last;
    }
    if (change.first_name) account.first_name = *change.first_name;
    if (change.last_name) account.last_name = *change.last_name;
    if ((change.first_name || change.last_name) && !change.name)
        account.name = joined_name({account.first_name, account.last_name});
    account.email = change.email.value_or(account.email);
    account.company = change.company.value_or(account.company);
    account.roles = change.roles.value_or(account.roles);
    account.tier = change.tier.value_or(account.tier);
    account.disabled = change.disabled.value_or(account.disabled);
    return account;
}

}  // namespace

Result<std::variant<UserId, Taken>> AccountsRepository::create(const NewAccount& account, WallTime now,
                                                               const Also& also) {
    using Answer = std::variant<UserId, Taken>;
    const std::string username_key = name_key(account.username);
    const std::string email_key = name_key(account.email);
    const PersonalName person = account.person ? *account.person : split_name(account.name);
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    // Also what hold_accounts() does.
    WINDLASS_TRY(const auto ids,
                 session->query("update id_counter set next = next + 1 where name = 'account' returning next - 1"));
    WINDLASS_CHECK(ids.size() == 1, "the counter of account ids is missing from id_counter");
    WINDLASS_TRY(const auto taken, find_taken(*session, username_key, email_key));
    if (taken) return Answer(*taken);
    const UserId id{ids.front().integer(0)};
    WINDLASS_TRY_STATUS(as_status(session->execute(
        "insert into account (id, username, username_key, email, email_key, first_name, last_name, name, company, "
        "password_hash, roles, tier, created_us, disabled_us) values (:id, :username, :username_key, :email, "
        ":email_key, :first_name, :last_name, :name, :company, :password_hash, :roles, 'Basic', :created_us, null)",
        id.value, account.username, username_key, account.email, email_key, person.first, person.last, account.name,
        account.company, account.password_hash, account.roles.mask, to_unix_us(now))));
    if (also) WINDLASS_TRY_STATUS(also(*session, id));
    WINDLASS_TRY_STATUS(transaction.commit());
    return Answer(id);
}

Result<Removal> AccountsRepository::remove(UserId account, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY_STATUS(hold_accounts(*session));
    const std::string gone = deleted_key(account);
    WINDLASS_TRY(const auto rows, session->query("select roles, disabled_us from account where id = :id "
                                                 "and username_key <> :gone",
                                                 account.value, gone));
    if (rows.empty()) return Removal::unknown;
    if (Roles(rows.front().integer(0)).has(Role::admin) && rows.front().is_null(1)) {
        WINDLASS_TRY(const bool last, is_last_admin(*session, account));
        if (last) return Removal::last_admin;
    }
    WINDLASS_TRY_STATUS(
        as_status(session->execute("update account set disabled_us = :now, username_key = :gone, email_key = :gone, "
                                   "password_hash = null where id = :id",
                                   to_unix_us(now), gone, account.value)));
    WINDLASS_TRY_STATUS(
        as_status(session->execute("update api_token set revoked_us = :now where account = :id and revoked_us is null",
                                   to_unix_us(now), account.value)));
    WINDLASS_TRY_STATUS(as_status(session->execute("delete from password_link where account = :id", account.value)));
    WINDLASS_TRY_STATUS(end_sessions(*session, account, {}, now));
    WINDLASS_TRY_STATUS(transaction.commit());
    return Removal::removed;
}

Result<std::optional<AccountDetails>> AccountsRepository::find(UserId account) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(find_sql, account.value, deleted_key(account)));
    return first_of(rows);
}

Result<std::optional<AccountDetails>> AccountsRepository::find_by_name(const std::string& name) {
    static const std::string sql =
        "select " + details_columns + "from account where username_key = :key or email_key = :key";
    // What deleted accounts have for keys is no name of anybody.
    if (name.find(':') != std::string::npos) return std::optional<AccountDetails>();
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(sql, name_key(name)));
    return first_of(rows);
}

Result<std::vector<AccountDetails>> AccountsRepository::details(UserId after, int limit) {
    static const std::string sql =
        "select " + details_columns +
        "from account where id > :after and username_key not like 'deleted:%' order by id limit :limit";
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(sql, after.value, limit));
    std::vector<AccountDetails> page;
    page.reserve(rows.size());
    for (const Row& row : rows) page.push_back(details_of(row));
    return page;
}

Result<std::variant<Changed, ChangeRefusal>> AccountsRepository::change(UserId account, const AccountChange& change,
                                                                        WallTime now) {
    using Answer = std::variant<Changed, ChangeRefusal>;
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY_STATUS(hold_accounts(*session));
    WINDLASS_TRY(const auto rows, session->query(find_sql, account.value, deleted_key(account)));
    if (rows.empty()) return Answer(ChangeRefusal::unknown);
    const AccountDetails before = details_of(rows.front());
    Changed changed{with(before, change)};
    AccountDetails& after = changed.account;
    const auto rules = [](const AccountDetails& of) { return of.roles.has(Role::admin) && !of.disabled; };
    if (rules(before) && !rules(after)) {
        WINDLASS_TRY(const bool last, is_last_admin(*session, account));
        if (last) return Answer(ChangeRefusal::last_admin);
    }
    if (change.tier) {
        WINDLASS_TRY(const auto tier, hold_tier(*session, *change.tier));
        if (!tier) return Answer(ChangeRefusal::no_such_tier);
        after.tier = *tier;
    }
    const std::string email_key = name_key(after.email);
    if (change.email) {
        WINDLASS_TRY(const auto taken, find_taken(*session, email_key, email_key, account));
        if (taken) return Answer(ChangeRefusal::email_taken);
    }
    WINDLASS_TRY_STATUS(as_status(session->execute(
        "update account set email = :email, email_key = :email_key, first_name = :first, last_name = :last, "
        "name = :name, company = :company, roles = :roles, tier = :tier, "
        "disabled_us = case when :disabled = 0 then null else coalesce(disabled_us, :now) end where id = :id",
        after.email, email_key, after.first_name, after.last_name, after.name, after.company, after.roles.mask,
        after.tier, after.disabled, to_unix_us(now), account.value)));
    changed.sessions_ended = before.roles != after.roles || before.disabled != after.disabled;
    if (changed.sessions_ended) WINDLASS_TRY_STATUS(end_sessions(*session, account, {}, now));
    WINDLASS_TRY_STATUS(transaction.commit());
    return Answer(std::move(changed));
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
                                "and username_key not like 'deleted:%' order by id limit :limit",
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

Status AccountsRepository::replace_password_hash(UserId account, const std::string& old, const std::string& hash) {
    WINDLASS_TRY(const auto session, pool_.lease());
    return as_status(
        session->execute("update account set password_hash = :hash where id = :id and "
                         "password_hash = :old and disabled_us is null",
                         hash, account.value, old));
}

Status AccountsRepository::change_password(UserId account, const std::string& hash, std::string_view kept,
                                           WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY_STATUS(as_status(session->execute(
        "update account set password_hash = :hash where id = :id and disabled_us is null", hash, account.value)));
    WINDLASS_TRY_STATUS(end_sessions(*session, account, kept, now));
    return transaction.commit();
}

Result<std::optional<Principal>> AccountsRepository::principal_by_id(UserId account) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select roles, tier, username from account where id = :id and disabled_us is null",
                                account.value));
    if (rows.empty()) return std::optional<Principal>();
    Principal principal;
    principal.id = account;
    principal.roles = Roles(rows.front().integer(0));
    principal.tier = rows.front().text(1);
    principal.username = rows.front().text(2);
    return std::optional(std::move(principal));
}

Status AccountsRepository::ping() {
    WINDLASS_TRY(const auto session, pool_.lease(Milliseconds{500}));
    WINDLASS_TRY(const auto rows, session->query("select 1"));
    WINDLASS_CHECK(rows.size() == 1, "select 1 gives one row");
    return {};
}

}  // namespace windlass::api
