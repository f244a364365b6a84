// Accounts: the family of this name, what admins need beyond it, and roles as the monitoring family knows them.
#include "api/accounts/handlers.h"
#include "api/auth/handlers.h"
#include "api/routes.h"
#include "api/site/handlers.h"

namespace windlass::api {
namespace {

constexpr Route table[] = {
    {"POST", "/api/login/", Family::accounts, Access::anyone, Scope::none, accounts_login,
     "Log in with a password; with a slash at the end"},
    {"POST",
     "/api/register/",
     Family::accounts,
     Access::anyone,
     Scope::none,
     register_account,
     "Make an account for oneself",
     {},
     Creates::yes},
    {"GET", "/api/user/", Family::accounts, Access::session, Scope::account_read, show_own_account,
     "One's own account, with its quota and what is used of it"},
    {"PUT", "/api/user/", Family::accounts, Access::session, Scope::account_write, change_own_account,
     "Change one's own first and last name"},
    {"GET", "/api/admin/users/", Family::accounts, Access::admin, Scope::admin, list_accounts,
     "List all accounts, disabled ones too"},
    {"PUT", "/api/user/password/", Family::queue, Access::session, Scope::account_write, change_own_password,
     "Change one's own password; ends all other sessions"},
    {"POST", "/api/password/", Family::queue, Access::anyone, Scope::none, use_password_link,
     "Set a password by a link that an admin made"},
    {"GET", "/api/users/{id}/", Family::queue, Access::session, Scope::account_read, show_account,
     "One account: one's own, or as an admin"},
    {"PATCH", "/api/users/{id}/", Family::queue, Access::admin, Scope::admin, change_account,
     "Change an account: roles, tier, names, address, whether it is disabled"},
    {"POST", "/api/users/{id}/password-link/", Family::queue, Access::admin, Scope::admin, make_password_link,
     "Make a link with which the account's owner sets a password, once"},
    {"GET", "/api/roles/", Family::queue, Access::session, Scope::account_read, list_roles, "What the roles are"},
    {"GET", "/api/environments/", Family::queue, Access::admin, Scope::admin, list_site_things,
     "Images and data sets: which worker has them, who may see them"},
    {"PUT", "/api/environments/images/{name}/", Family::queue, Access::admin, Scope::admin, put_site_image,
     "Say who may see an image, and what it is called"},
    {"DELETE", "/api/environments/images/{name}/", Family::queue, Access::admin, Scope::admin, delete_site_image,
     "Forget what was said about an image"},
    {"PUT", "/api/environments/datasets/{name}/", Family::queue, Access::admin, Scope::admin, put_site_dataset,
     "Say who may see a data set, and what it is called"},
    {"DELETE", "/api/environments/datasets/{name}/", Family::queue, Access::admin, Scope::admin, delete_site_dataset,
     "Forget what was said about a data set"},
    {"GET", "/api/tiers/", Family::queue, Access::session, Scope::account_read, list_tiers, "What the tiers allow"},
    {"PUT", "/api/tiers/{name}/", Family::queue, Access::admin, Scope::admin, put_tier, "Make a tier, or change it"},
    {"DELETE", "/api/tiers/{name}/", Family::queue, Access::admin, Scope::admin, delete_tier,
     "Remove a tier that no account has"},
    {"GET", "/api/config/users/{user}/", Family::monitoring, Access::admin, Scope::admin, show_user_roles,
     "The roles of a user"},
    {"PATCH", "/api/config/users/{user}/", Family::monitoring, Access::admin, Scope::admin, change_user_roles,
     "Set the roles of a user"},
};

}  // namespace

std::span<const Route> accounts_routes() {
    return table;
}

}  // namespace windlass::api
