#include "api/authorise.h"

#include <gtest/gtest.h>

#include "api/call.h"

namespace windlass::api {
namespace {

OrProblem<Reply> nothing(const Call&) {
    return Reply(Response{});
}

int status_for(Access access, Roles roles, Scope scope = Scope::jobs_read, Scopes scopes = Scopes::all()) {
    const Route route{"GET", "/api/x/", Family::jobs, access, scope, nothing, "x"};
    Principal principal;
    principal.id = UserId{1};
    principal.roles = roles;
    principal.scopes = scopes;
    const auto refusal = refusal_of(route, principal);
    return refusal ? refusal->status : 200;
}

TEST(Authorise, a_route_needs_its_own_role_or_admin) {
    const Roles none;
    EXPECT_EQ(status_for(Access::session, none), 200);
    EXPECT_EQ(status_for(Access::user, none), 403);
    EXPECT_EQ(status_for(Access::user, Role::user), 200);
    EXPECT_EQ(status_for(Access::user, Role::admin), 200);
    EXPECT_EQ(status_for(Access::user, Role::job_control), 403) << "job-control does not imply user";
    EXPECT_EQ(status_for(Access::job_control, Role::user), 403) << "nor the reverse";
    EXPECT_EQ(status_for(Access::job_control, Role::job_control), 200);
    EXPECT_EQ(status_for(Access::job_control, Role::admin), 200);
    EXPECT_EQ(status_for(Access::admin, Roles(Role::user) | Roles(Role::job_control)), 403);
    EXPECT_EQ(status_for(Access::admin, Role::admin), 200);
}

TEST(Authorise, a_route_that_nobody_opened_is_closed_to_admins_too) {
    EXPECT_EQ(status_for(Access::unset, Role::admin), 403);
}

TEST(Authorise, a_token_opens_only_the_scopes_it_was_made_with) {
    Scopes reading;
    reading.add(Scope::jobs_read);
    EXPECT_EQ(status_for(Access::user, Role::user, Scope::jobs_read, reading), 200);
    EXPECT_EQ(status_for(Access::user, Role::user, Scope::jobs_write, reading), 403);
    EXPECT_EQ(status_for(Access::admin, Role::admin, Scope::admin, reading), 403);
}

TEST(Scopes, words_there_and_back) {
    Scopes two;
    two.add(Scope::jobs_write);
    two.add(Scope::admin);
    EXPECT_EQ(words_of(two), "jobs:write admin");
    EXPECT_EQ(*parse_scopes("admin  jobs:write"), two);
    EXPECT_EQ(*parse_scopes(""), Scopes::all());
    EXPECT_EQ(words_of(Scopes::all()), "");
    EXPECT_FALSE(words_of(Scopes()).empty());
    EXPECT_EQ(*parse_scopes(words_of(Scopes())), Scopes());
    EXPECT_EQ(parse_scopes("jobs:reed").error().message, "\"jobs:reed\" is not a scope");
    EXPECT_FALSE(parse_scopes(" "));
}

TEST(Principal, a_token_lends_no_role_that_its_account_lacks_unless_that_is_an_admin) {
    EXPECT_EQ(roles_of_token(Role::user, Roles(Role::user) | Roles(Role::admin)), Roles(Role::user));
    EXPECT_EQ(roles_of_token(Role::admin, Role::job_control), Roles(Role::job_control));
}

}  // namespace
}  // namespace windlass::api
