// GET /api/admin/users: all accounts, with what admins decide by.
#include "api/accounts/handlers.h"
#include "api/accounts/render_account.h"
#include "api/accounts_repository.h"
#include "api/json_list.h"

namespace windlass::api {

OrProblem<Reply> list_accounts(const Call& call) {
    constexpr int per_step = 500;
    return list_reply(call,
                      [&accounts = call.app.accounts, after = UserId{}](JsonWriter& json) mutable -> Result<bool> {
                          WINDLASS_TRY(const auto page, accounts.details(after, per_step));
                          for (const auto& account : page) {
                              json.StartObject();
                              write_documented_members(json, account);
                              write_own_members(json, account);
                              write_admin_members(json, account);
                              json.EndObject();
                              after = account.id;
                          }
                          return page.size() == per_step;
                      });
}

}  // namespace windlass::api
