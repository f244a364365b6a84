#include "api/family.h"

#include <gtest/gtest.h>

#include "api/routes.h"

namespace windlass::api {
namespace {

Problem two_fields() {
    Problem problem = bad_field("/email", "This field is required.");
    problem.errors.push_back({"", "Nothing fits."});
    return problem;
}

TEST(Family, each_says_in_its_own_words_that_something_did_not_work) {
    const Problem absent = not_found("There is no \"x\".");
    EXPECT_EQ(render_problem(Family::courses, absent, "r").body, R"({"error":true,"message":"There is no \"x\"."})");
    EXPECT_EQ(render_problem(Family::monitoring, absent, "r").body, "There is no \"x\".");
    EXPECT_EQ(render_problem(Family::monitoring, absent, "r").content_type, "text/plain; charset=utf-8");
    EXPECT_EQ(render_problem(Family::accounts, absent, "r").body, R"({"detail":"There is no \"x\"."})");
    EXPECT_EQ(render_problem(Family::images, two_fields(), "r").body,
              R"({"email":["This field is required."],"non_field_errors":["Nothing fits."]})");
    EXPECT_EQ(render_problem(Family::jobs, absent, "r").content_type, "application/problem+json");
}

TEST(Family, status_headers_and_retry_after_are_the_same_in_all) {
    Problem busy = try_again_later("Later.", 7);
    busy.headers.emplace_back("X-Y", "z");
    for (const auto family : {Family::jobs, Family::queue, Family::operations, Family::courses, Family::monitoring,
                              Family::accounts, Family::images}) {
        const auto response = render_problem(family, busy, "r");
        EXPECT_EQ(response.status, 503);
        const std::vector<std::pair<std::string, std::string>> expected = {{"X-Y", "z"}, {"Retry-After", "7"}};
        EXPECT_EQ(response.headers, expected) << name_of(family);
    }
}

TEST(Family, an_unknown_path_belongs_to_the_family_it_looks_like) {
    EXPECT_EQ(family_of_path("/v1/nothing"), Family::courses);
    EXPECT_EQ(family_of_path("/api/jobs"), Family::monitoring);
    EXPECT_EQ(family_of_path("/api/jobs/"), Family::jobs);
    EXPECT_EQ(family_of_path("/api/login"), Family::monitoring);
    EXPECT_EQ(family_of_path("/api/login/"), Family::accounts);
    EXPECT_EQ(family_of_path("/api/user/"), Family::accounts);
    EXPECT_EQ(family_of_path("/api/users/7/"), Family::jobs);
    EXPECT_EQ(family_of_path("/api/user/images/3/x"), Family::images);
    EXPECT_EQ(family_of_path("/api/admin/users"), Family::accounts);
    EXPECT_EQ(family_of_path("/api/admin/livelog"), Family::monitoring);
    EXPECT_EQ(family_of_path("/nowhere"), Family::jobs);
}

TEST(Family, the_path_of_every_route_looks_like_its_own_error_shape) {
    // Otherwise a wrong method and an unknown path below it would be refused in different words.
    for (const auto& route : routes()) {
        const auto shape = [](Family family) {
            return family == Family::queue || family == Family::operations ? Family::jobs : family;
        };
        EXPECT_EQ(name_of(shape(family_of_path(route.path))), name_of(shape(route.family))) << route.path;
    }
}

}  // namespace
}  // namespace windlass::api
