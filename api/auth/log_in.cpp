#include "api/auth/log_in.h"

#include <optional>
#include <utility>

#include "api/audit/audited.h"
#include "api/auth/presented_credential.h"
#include "api/login_throttle.h"
#include "api/names.h"
#include "api/password_hasher.h"

namespace windlass::api {
namespace {

using Kind = LoginVerdict::Kind;

// By id when there is an account, so that username and e-mail address share one counter. A name cannot look like an id
// with a '#'.
std::string throttle_key(const LoginBody& login, const std::optional<LoginAccount>& account) {
    return account ? "#" + account->id.text() : name_key(login.username).substr(0, 200);
}

// For the audit. What was typed as a name may be a password: only names that exist are recorded.
void note(const Call& call, std::string detail) {
    call.note->detail = std::move(detail);
}
void note_account(const Call& call, const LoginAccount& account) {
    call.note->account = account.id;
    call.note->actor = account.username;
}

OrProblem<Reply> conclude(const Call& call, const std::optional<LoginAccount>& account, const Verdict& verdict,
                          const std::string& key, const RenderLogin& render) {
    if (!account) {
        note(call, "unknown name");
        return render(call, {Kind::unknown, {}});
    }
    if (!verdict.correct) {
        note(call, "wrong password");
        return render(call, {Kind::wrong_password, {}});
    }
    call.app.throttle.succeeded(key, call.request.remote_address, call.app.clock.now().steady);
    if (verdict.better_hash && account->password_hash)
        WINDLASS_TRY_STATUS(
            call.app.accounts.replace_password_hash(account->id, *account->password_hash, *verdict.better_hash));
    return render(call, {Kind::good, *account});
}

}  // namespace

OrProblem<Reply> log_in(const Call& call, LoginBody login, RenderLogin render) {
    // Or a page could log its visitors in as somebody who then reads what they do here.
    if (is_from_foreign_page(call.request, call.app.settings.allowed_origins))
        return make_problem(403, "A page of another site may not log its visitors in here.");
    WINDLASS_TRY(const auto account, call.app.accounts.by_login_name(login.username));
    if (account) note_account(call, *account);
    const std::string key = throttle_key(login, account);
    if (const auto wait = call.app.throttle.admit(key, call.request.remote_address, call.app.clock.now().steady)) {
        note(call, "held back");
        Problem problem = make_problem(429, "Too many failed logins. Wait before you try again.");
        problem.retry_after_s = wait->count();
        return problem;
    }
    Later later;
    later.start = [call, account, key, render = std::move(render),
                   password = std::move(login.password)](const Resumer& resume) {
        const auto queued = call.app.passwords.verify(password, account ? account->password_hash : std::nullopt,
                                                      [call, resume, account, key, render](const Verdict& verdict) {
                                                          resume(call.then([call, account, key, verdict, render] {
                                                              return conclude(call, account, verdict, key, render);
                                                          }));
                                                      });
        if (!queued) resume(call.then([error = queued.error()]() -> OrProblem<Reply> { return problem_of(error); }));
    };
    return Reply(std::move(later));
}

}  // namespace windlass::api
