#include "api/router.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "api/handlers.h"
#include "api/routes.h"

namespace windlass::api {
namespace {

Router router_of_the_server() {
    auto router = Router::make(routes(), exact_paths());
    EXPECT_TRUE(router) << router.error().message;
    return std::move(router).value();
}

TEST(Routes, every_route_says_who_may_call_it_and_what_it_is_for) {
    std::set<std::string> seen;
    for (const auto& route : routes()) {
        EXPECT_NE(route.access, Access::unset) << route.path;
        EXPECT_NE(route.handler, nullptr) << route.path;
        EXPECT_FALSE(route.summary.empty()) << route.path;
        EXPECT_FALSE(name_of(route.family).empty()) << route.path;
        EXPECT_EQ(route.access == Access::anyone, route.scope == Scope::none) << route.path;
        EXPECT_TRUE(seen.insert(std::string(route.method) + " " + std::string(route.path)).second)
            << route.path << " twice";
    }
}

TEST(Routes, only_these_are_open_to_strangers) {
    std::set<std::string_view> open;
    for (const auto& route : routes())
        if (route.access == Access::anyone) open.insert(route.path);
    EXPECT_EQ(open,
              (std::set<std::string_view>{"/api/users/create/", "/api/users/authenticate/", "/healthz", "/readyz",
                                          "/metrics", "/api/schema/", "/api/docs/", "/api/docs/{asset}/",
                                          // the other logins, a logout that needs none, registration
                                          "/v1/login/", "/v1/logout/", "/api/login", "/api/login/",
                                          "/api/user/jwt-login/", "/api/user/token/", "/auth/oauth/login/",
                                          "/auth/oauth/callback/", "/api/register/", "/api/password/",
                                          // the pages of the dashboard and what they must know before anybody logs in
                                          "/", "/dashboard/{version}/{path...}", "/api/site/",
                                          // of the monitoring family: is it there, and please let me in
                                          "/api/ping/", "/api/notify/admin/"}));
}

TEST(Routes, every_documented_row_of_the_family_is_there) {
    const auto router = router_of_the_server();
    const std::pair<const char*, const char*> documented[] = {
        {"POST", "/api/users/create/"},
        {"DELETE", "/api/users/delete/7/"},
        {"GET", "/api/users/"},
        {"POST", "/api/users/authenticate/"},
        {"POST", "/api/jobs/submit/"},
        {"GET", "/api/jobs/getqueue/"},
        {"GET", "/api/jobs/"},
        {"GET", "/api/jobs/7/"},
        {"GET", "/api/results/"},
        {"GET", "/api/results/7/"},
        {"POST", "/api/jobs/submit/batch/"},
        {"DELETE", "/api/jobs/7/"},
        {"GET", "/api/jobs/7/why/"},
        {"GET", "/api/jobs/7/log/"},
        {"GET", "/api/jobs/7/events/"},
        {"GET", "/api/jobs/7/attempts/"},
        {"GET", "/healthz"},
        {"GET", "/readyz"},
        {"GET", "/metrics"},
    };
    for (const auto& [method, path] : documented)
        EXPECT_NE(router.find(method, path).route, nullptr) << method << " " << path;
}

TEST(Routes, both_slash_forms_of_every_path_are_the_same_route) {
    const auto router = router_of_the_server();
    for (const auto& route : routes()) {
        if (route.path == "/") continue;  // has no form without it
        std::string path(route.path);
        for (const std::string_view parameter : {"{id}", "{path...}"})
            if (const auto at = path.find(parameter); at != std::string::npos) path.replace(at, parameter.size(), "7");
        const std::string without = path.back() == '/' ? path.substr(0, path.size() - 1) : path;
        const bool two = std::count(exact_paths().begin(), exact_paths().end(), without) > 0;
        const bool exact = two && path.back() != '/';  // another resource than the same with a slash
        if (!exact) {
            EXPECT_EQ(router.find(route.method, without + "/").route, &route) << path;
        }
        if (!two || exact) {
            EXPECT_EQ(router.find(route.method, without).route, &route) << path;
        }
        if (two && !exact) {
            EXPECT_NE(router.find(route.method, without).route, &route) << path;
        }
    }
}

TEST(Router, head_finds_get) {
    const auto router = router_of_the_server();
    EXPECT_EQ(router.find("HEAD", "/api/jobs/7/").route, router.find("GET", "/api/jobs/7/").route);
    EXPECT_EQ(router.find("HEAD", "/api/jobs/submit/").route, nullptr);
}

TEST(Router, a_wrong_method_names_the_right_ones) {
    const auto router = router_of_the_server();
    EXPECT_EQ(router.find("POST", "/api/jobs/7/").allow, "GET, HEAD, DELETE");
    EXPECT_EQ(router.find("GET", "/api/jobs/submit").allow, "POST");
    EXPECT_EQ(router.find("OPTIONS", "/healthz").allow, "GET, HEAD");
    EXPECT_EQ(router.find("GET", "/api/nothing/").allow, "");
}

TEST(Router, parameters_are_the_segments) {
    const auto router = router_of_the_server();
    EXPECT_EQ(router.find("GET", "/api/jobs/42/log").parameters[0], "42");
    const auto file = router.find("GET", "/api/results/42/files/a/b c/d.txt");
    ASSERT_NE(file.route, nullptr);
    EXPECT_EQ(file.parameters[0], "42");
    EXPECT_EQ(file.parameters[1], "a/b c/d.txt");
}

TEST(Router, a_literal_wins_over_a_parameter) {
    const auto router = router_of_the_server();
    EXPECT_EQ(router.find("GET", "/api/jobs/getqueue").route->handler, list_queue);
    EXPECT_EQ(router.find("GET", "/api/jobs/1").route->handler, show_job);
}

TEST(Router, odd_paths_are_unknown) {
    const auto router = router_of_the_server();
    for (const char* path : {"", "//", "api/jobs/", "/api//jobs/", "//api/jobs/", "/api/jobs//", "/api/jobs/7//",
                             "/api/jobs/7/log/x", "/API/jobs/", "/api/results/7/files/", "/api/login"})
        EXPECT_EQ(router.find("GET", path).route, nullptr) << path;
}

OrProblem<Reply> nothing(const Call&) {
    return Reply(Response{});
}

TEST(Router, a_route_without_access_does_not_start_the_server) {
    const Route forgotten[] = {{"GET", "/api/x/", Family::jobs, Access::unset, Scope::none, nothing, "x"}};
    const auto router = Router::make(forgotten);
    ASSERT_FALSE(router);
    EXPECT_EQ(router.error().message, "route GET /api/x/: nobody said who may call it");
}

TEST(Router, a_route_without_handler_or_twice_does_not_start_the_server) {
    const Route empty[] = {{"GET", "/api/x/", Family::jobs, Access::anyone, Scope::none, nullptr, "x"}};
    EXPECT_FALSE(Router::make(empty));
    const Route twice[] = {{"GET", "/api/x/", Family::jobs, Access::anyone, Scope::none, nothing, "x"},
                           {"GET", "/api/x", Family::jobs, Access::anyone, Scope::none, nothing, "x"}};
    EXPECT_FALSE(Router::make(twice));
}

TEST(Router, a_route_that_needs_a_credential_names_its_scope) {
    const Route without[] = {{"GET", "/api/x/", Family::jobs, Access::user, Scope::none, nothing, "x"}};
    EXPECT_FALSE(Router::make(without));
    const Route needless[] = {{"GET", "/api/x/", Family::jobs, Access::anyone, Scope::admin, nothing, "x"}};
    EXPECT_FALSE(Router::make(needless));
}

TEST(Router, an_exact_path_is_another_resource_without_its_slash) {
    const Route routes[] = {{"GET", "/api/x/", Family::jobs, Access::anyone, Scope::none, nothing, "with"},
                            {"GET", "/api/x", Family::monitoring, Access::anyone, Scope::none, nothing, "without"},
                            {"PUT", "/api/x", Family::monitoring, Access::anyone, Scope::none, nothing, "put"}};
    EXPECT_FALSE(Router::make(routes)) << "unless it is said that they differ, they are the same path";
    const std::string_view exact[] = {"/api/x"};
    const auto router = Router::make(routes, exact);
    ASSERT_TRUE(router);
    EXPECT_EQ(router->find("GET", "/api/x/").route->summary, "with");
    EXPECT_EQ(router->find("GET", "/api/x").route->summary, "without");
    EXPECT_EQ(router->find("PUT", "/api/x/").allow, "GET, HEAD");
    EXPECT_EQ(router->find("POST", "/api/x").allow, "GET, HEAD, PUT");
}

}  // namespace
}  // namespace windlass::api
