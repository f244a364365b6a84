// The handlers of accounts that routes/accounts.cpp names; one file per resource.
#pragma once

#include "api/call.h"

namespace windlass::api {

// registration.cpp
OrProblem<Reply> register_account(const Call& call);
// own_account.cpp
OrProblem<Reply> show_own_account(const Call& call);
OrProblem<Reply> change_own_account(const Call& call);
// account_list.cpp
OrProblem<Reply> list_accounts(const Call& call);
// administration.cpp
OrProblem<Reply> show_account(const Call& call);
OrProblem<Reply> change_account(const Call& call);
OrProblem<Reply> list_roles(const Call& call);
// passwords.cpp
OrProblem<Reply> make_password_link(const Call& call);
OrProblem<Reply> use_password_link(const Call& call);
OrProblem<Reply> change_own_password(const Call& call);
// tiers.cpp
OrProblem<Reply> list_tiers(const Call& call);
OrProblem<Reply> put_tier(const Call& call);
OrProblem<Reply> delete_tier(const Call& call);
// user_roles.cpp
OrProblem<Reply> show_user_roles(const Call& call);
OrProblem<Reply> change_user_roles(const Call& call);

}  // namespace windlass::api
