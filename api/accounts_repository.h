// The SQL of accounts. Threads: any; each call borrows one session.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/names.h"
#include "api/principal.h"
#include "shared/database/session_pool.h"
#include "shared/ids.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

struct NewAccount {
    std::string username;
    std::string email;
    std::string name;
    std::string company;
    std::optional<PersonalName> person = {};   // none: split from the name
    std::optional<std::string> password_hash;  // none: cannot log in
    Roles roles = Role::user;
};
struct AccountSummary {
    UserId id;
    std::string username;
    std::string email;
    std::string name;
    std::string company;
};
// All that admins and the person itself may know. Never the hash.
struct AccountDetails {
    UserId id;
    std::string username;
    std::string email;
    std::string first_name;
    std::string last_name;
    std::string name;
    std::string company;
    Roles roles;
    std::string tier;
    bool has_password = false;
    bool disabled = false;
    WallTime created{};
    std::optional<WallTime> last_login;
};
// What is absent stays. A change of first_name or last_name fills name, and the other way round.
struct AccountChange {
    std::optional<std::string> first_name;
    std::optional<std::string> last_name;
    std::optional<std::string> name;
    std::optional<std::string> email;
    std::optional<std::string> company;
    std::optional<Roles> roles;
    std::optional<std::string> tier;  // in any spelling
    std::optional<bool> disabled;
};
enum class ChangeRefusal { unknown, email_taken, last_admin, no_such_tier };
struct Changed {
    AccountDetails account;
    bool sessions_ended = false;  // because roles or `disabled` are others than before
};
struct LoginAccount {
    UserId id;
    std::string username;
    Roles roles;
    std::optional<std::string> password_hash;
};

enum class Taken { username, email };  // by another account, in any spelling
enum class Removal { removed, unknown, last_admin };

class AccountsRepository {
  public:
    explicit AccountsRepository(SessionPool& pool) : pool_(pool) {}

    // `also` is done in the same transaction.
    using Also = std::function<Status(Session& session, UserId account)>;
    Result<std::variant<UserId, Taken>> create(const NewAccount& account, WallTime now, const Also& also = {});
    // The account can do nothing any more, its name and address are free again, its credentials are revoked. The row
    // stays: its jobs name it as their owner. The last admin stays too.
    Result<Removal> remove(UserId account, WallTime now);
    // Disabled ones too, but no deleted ones. By id, or by username or e-mail address in any spelling.
    Result<std::optional<AccountDetails>> find(UserId account);
    Result<std::optional<AccountDetails>> find_by_name(const std::string& name);
    // As far as the row says; nullopt: there is none, or it is disabled.
    Result<std::optional<Principal>> principal_by_id(UserId account);
    // In the order of their ids, those after `after`.
    Result<std::vector<AccountDetails>> details(UserId after, int limit);
    // Whole or not at all. The last enabled admin stays an enabled admin, whatever others do at the same moment.
    Result<std::variant<Changed, ChangeRefusal>> change(UserId account, const AccountChange& change, WallTime now);

    // By username or e-mail address, in any spelling.
    Result<std::optional<LoginAccount>> by_login_name(const std::string& name);
    // In the order of their ids, those after `after`.
    Result<std::vector<AccountSummary>> page(UserId after, int limit);
    Result<std::optional<UserId>> first_admin();
    // The same password in another hash, when it was made at another cost.
    // Only if `old` is still what is stored: a change of the password at the same moment wins.
    Status replace_password_hash(UserId account, const std::string& old, const std::string& hash);
    // Another password: ends the account's sessions but `kept` (empty: all).
    Status change_password(UserId account, const std::string& hash, std::string_view kept, WallTime now);

    // Is the database there?
    Status ping();

  private:
    SessionPool& pool_;
};

}  // namespace windlass::api
