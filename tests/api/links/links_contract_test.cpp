// /api/links/, and what its links open.
#include <gtest/gtest.h>

#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

class Links : public ApiTest {
  protected:
    std::string link_to(const std::string& path, const Account& account) {
        const auto answer =
            send("POST", "/api/links/", R"({"path":")" + path + R"(","expires_in_s":300})", account.token);
        EXPECT_EQ(answer.status, 201) << answer.body;
        std::string url = answer.json()["url"].GetString();
        return url.substr(url.find('/', url.find("://") + 3));
    }
    Account ada = make_account("ada");
    Account bob = make_account("bob");
    const JobId job = submit(ada);
    const std::string result = "/api/results/" + job.text() + "/";
};

TEST_F(Links, a_link_opens_one_thing_without_a_credential) {
    const auto link = link_to(result, ada);
    const auto answer = get(link, "");
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.json()["id"].GetString(), job.text());
    EXPECT_EQ(answer.header("Referrer-Policy"), "no-referrer");
    EXPECT_EQ(get(result, "").status, 401) << "the same path without it";
}

TEST_F(Links, expired_or_altered_it_is_404) {
    const auto link = link_to(result, ada);
    auto altered = link;
    altered.back() = altered.back() == 'A' ? 'B' : 'A';
    EXPECT_EQ(get(altered, "").status, 404);
    EXPECT_EQ(get(altered, ada.token).status, 404) << "also for its owner: a link is a link";
    auto moved = link;
    moved.replace(moved.find(job.text()), job.text().size(), submit(ada).text());
    EXPECT_EQ(get(moved, "").status, 404);
    clock_.advance(Seconds{300});
    EXPECT_EQ(get(link, "").status, 404);
}

TEST_F(Links, it_opens_no_more_than_its_account_may_see) {
    EXPECT_EQ(get(link_to(result, bob), "").status, 404) << "bob cannot see that job";
}

TEST_F(Links, it_ends_with_its_account) {
    const auto link = link_to(result, ada);
    execute("update account set disabled_us = 1 where username_key = 'ada'");
    EXPECT_EQ(get(link, "").status, 404);
}

TEST_F(Links, it_is_good_for_get_alone) {
    const auto link = link_to(result, ada);
    EXPECT_EQ(send("DELETE", "/api/jobs/" + job.text() + "/" + link.substr(link.find('?'))).status, 401);
    EXPECT_EQ(send("POST", link, "{}").status, 405);
}

TEST_F(Links, only_results_files_and_logs_have_links) {
    for (const char* path : {"/api/jobs/", "/api/users/", "/api/tokens/", "/api/results/", "nothing", "/api/results/7",
                             "//x/api/results/7/", "https://elsewhere/api/results/7/"}) {
        const auto answer = send("POST", "/api/links/", R"({"path":")" + std::string(path) + R"("})", ada.token);
        EXPECT_EQ(answer.status, std::string(path) == "/api/results/7" ? 201 : 400) << path << answer.body;
    }
    for (const char* body :
         {R"({"path":"/api/results/7/","expires_in_s":299})", R"({"path":"/api/results/7/","expires_in_s":604801})",
          R"({})", R"({"path":7})", R"({"path":"/api/results/7/","x":1})"})
        EXPECT_EQ(send("POST", "/api/links/", body, ada.token).status, 400) << body;
    EXPECT_EQ(send("POST", "/api/links/", R"({"path":")" + link_to(result, ada) + R"("})", ada.token).status, 400)
        << "a link to a link";
}

}  // namespace
}  // namespace windlass::api::test
