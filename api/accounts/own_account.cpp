// /api/user/: one's own account.
#include "api/accounts/account_body.h"
#include "api/accounts/handlers.h"
#include "api/accounts/render_account.h"
#include "api/accounts_repository.h"
#include "api/auth/credentials.h"
#include "api/quotas_repository.h"
#include "api/render_quota.h"

namespace windlass::api {
namespace {

Problem gone() {
    return make_problem(401, "The account of this credential is gone.");
}

OrProblem<Reply> shown(const Call& call, const AccountDetails& account) {
    WINDLASS_TRY(const auto quota, call.app.quotas.effective(account.id, call.app.clock.now().steady));
    WINDLASS_TRY(const auto usage, call.app.quotas.usage(account.id, call.app.clock.now().wall));
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    write_documented_members(json, account);
    write_own_members(json, account);
    write_quota_and_usage(json, quota, usage);
    json.EndObject();
    return Reply(json_response(buffer));
}

// Pages send back the whole of what they got: a name that is empty may stay so.
std::optional<std::string> read_name(AccountFields& fields, const rapidjson::Value& body, const char* key,
                                     const std::string& now) {
    const auto member = body.FindMember(key);
    if (member != body.MemberEnd() && member->value.IsString() && text_of(member->value) == now) return std::nullopt;
    return fields.optional(key);
}

}  // namespace

OrProblem<Reply> show_own_account(const Call& call) {
    WINDLASS_TRY(const auto account, call.app.accounts.find(call.principal.id));
    if (!account) return gone();
    return shown(call, *account);
}

OrProblem<Reply> change_own_account(const Call& call) {
    WINDLASS_TRY(const auto body, read_account_body(call.request));
    WINDLASS_TRY(const auto account, call.app.accounts.find(call.principal.id));
    if (!account) return gone();
    Faults faults;
    AccountFields fields(body, faults);
    AccountChange change;
    change.first_name = read_name(fields, body, "first_name", account->first_name);
    change.last_name = read_name(fields, body, "last_name", account->last_name);
    if (faults.any()) return std::move(faults).problem();
    if (!change.first_name && !change.last_name) return shown(call, *account);
    WINDLASS_TRY(const auto changed, call.app.accounts.change(account->id, change, call.app.clock.now().wall));
    const auto* done = std::get_if<Changed>(&changed);
    if (done == nullptr) return gone();
    return shown(call, done->account);
}

}  // namespace windlass::api
