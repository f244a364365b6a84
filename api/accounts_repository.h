// The SQL of accounts. Threads: any; each call borrows one session.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

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
    // By username or e-mail address, in any spelling.
    Result<std::optional<LoginAccount>> by_login_name(const std::string& name);
    // In the order of their ids, those after `after`.
    Result<std::vector<AccountSummary>> page(UserId after, int limit);
    Result<std::optional<UserId>> first_admin();
    Status set_password_hash(UserId account, const std::string& hash);

    // Is the database there?
    Status ping();

  private:
    SessionPool& pool_;
};

}  // namespace windlass::api
