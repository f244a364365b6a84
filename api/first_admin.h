// The first account: somebody must be able to come in after the first start.
#pragma once

#include <string>

#include "api/accounts_repository.h"
#include "api/auth/tokens_repository.h"
#include "api/password_hasher.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

// When no admin is left, makes the account "admin" with a random password. With a `directory` (made if missing) the
// password goes into admin.password there, and admin.token gets an API token that works at the end of this call, both
// mode 0600; a password file of an earlier start is left alone. Without one the password is printed once, to stderr.
Status ensure_first_admin(AccountsRepository& accounts, TokensRepository& tokens, const PasswordHasher& passwords,
                          const std::string& directory, WallTime now);

}  // namespace windlass::api
