// GET /, the files of the dashboard, and what it asks for beyond the families: /api/site/, /api/jobs/counts/,
// /api/jobs/?details=true and ?user=, /api/usage/.
#include <gtest/gtest.h>

#include <regex>

#include "api_fixture.h"

namespace windlass::api::test {
namespace {

class Dashboard : public ApiTest {
  protected:
    Account ada = make_account("ada");
    Account bob = make_account("bob");
    Account boss = make_account("boss", Role::admin);
};

TEST_F(Dashboard, its_page_is_strict_and_its_parts_are_here) {
    const auto page = get("/", "");
    ASSERT_EQ(page.status, 200);
    EXPECT_EQ(page.response.content_type, "text/html; charset=utf-8");
    const auto policy = page.header("Content-Security-Policy");
    EXPECT_TRUE(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; ")) << policy;
    EXPECT_EQ(policy.find("unsafe"), std::string::npos);
    EXPECT_EQ(page.body.find("://"), std::string::npos) << "nothing of another host";
    EXPECT_EQ(page.body.find("{{"), std::string::npos);
    EXPECT_EQ(page.body.find("<style"), std::string::npos);
    EXPECT_FALSE(std::regex_search(page.body, std::regex("<script[^>]*>[^<]"))) << "no script in the page";
    const std::regex part("(?:src|href)=\"(/dashboard/[^\"]+)\"");
    int parts = 0;
    for (std::sregex_iterator at(page.body.begin(), page.body.end(), part); at != std::sregex_iterator();
         ++at, ++parts) {
        const std::string path = (*at)[1];
        const auto asset = get(path, "");
        EXPECT_EQ(asset.status, 200) << path;
        EXPECT_EQ(asset.header("Cache-Control"), "public, max-age=31536000, immutable");
        EXPECT_EQ(send("GET", path, {}, {}, {{"Accept-Encoding", "gzip;q=0"}}).header("Content-Encoding"), "");
    }
    EXPECT_GE(parts, 5);
}

TEST_F(Dashboard, its_page_is_not_sent_again_to_who_has_it) {
    const auto first = get("/", "");
    const auto again = send("GET", "/", {}, {}, {{"If-None-Match", first.header("ETag")}});
    EXPECT_EQ(again.status, 304);
    EXPECT_EQ(again.body, "");
}

TEST_F(Dashboard, parts_of_another_version_are_not_there) {
    EXPECT_EQ(get("/dashboard/000000000000/main.js", "").status, 404);
}

TEST_F(Dashboard, the_site_says_how_one_comes_in_without_a_credential) {
    const auto site = get("/api/site/", "");
    ASSERT_EQ(site.status, 200);
    const auto json = site.json();
    EXPECT_FALSE(json["openid_connect"].GetBool());
    EXPECT_TRUE(json["features"].IsArray());
}

TEST_F(Dashboard, counts_are_ones_own_and_an_admins_are_everybodys) {
    const auto first = submit(ada);
    submit(ada);
    submit(bob);
    scheduler_->start(first);
    const auto own = get("/api/jobs/counts/", ada.token).json();
    EXPECT_EQ(own["queued"].GetInt(), 1);
    EXPECT_EQ(own["running"].GetInt(), 1);
    EXPECT_EQ(own["at_least"].Size(), 0u);
    scheduler_->finish(first, JobState::succeeded, {});
    const auto all = get("/api/jobs/counts/", boss.token).json();
    EXPECT_EQ(all["queued"].GetInt(), 2);
    EXPECT_EQ(all["running"].GetInt(), 0);
    EXPECT_EQ(all["succeeded"].GetInt(), 1);
    EXPECT_EQ(get("/api/jobs/counts/?user=bob", boss.token).json()["queued"].GetInt(), 1);
    EXPECT_EQ(get("/api/jobs/counts/?user=bob", ada.token).status, 403);
    EXPECT_EQ(get("/api/jobs/counts/?user=nobody", boss.token).status, 404);
}

TEST_F(Dashboard, an_array_counts_once_and_runs_while_a_member_does) {
    const auto answer = send("POST", "/api/jobs/submit/",
                             R"({"code":"","data":"","running_commands":"x","array":{"count":5}})", ada.token);
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(get("/api/jobs/counts/", ada.token).json()["queued"].GetInt(), 1);
    scheduler_->start_member(JobId{std::stoll(answer.id())}, 0);
    const auto counts = get("/api/jobs/counts/", ada.token).json();
    EXPECT_EQ(counts["queued"].GetInt(), 0);
    EXPECT_EQ(counts["running"].GetInt(), 1);
}

TEST_F(Dashboard, counting_a_state_stops_where_it_would_become_slow) {
    for (int block = 0; block < 2; ++block) {
        std::string rows;
        for (int i = 0; i < 5'000; ++i) {
            const auto id = std::to_string(200'000'000 + block * 5'000 + i);
            rows += (i == 0 ? "(" : ",(") + id + "," + std::to_string(ada.id.value) + ",4,1,0,0,0,1,2,3)";
        }
        execute(
            "insert into job_past (id, owner, state, attempt, failures, losses, cancel_requested, started_us, "
            "finished_us, event_seq) values " +
            rows);
    }
    const auto counts = get("/api/jobs/counts/", ada.token).json();
    EXPECT_EQ(counts["succeeded"].GetInt(), 10'000);
    ASSERT_EQ(counts["at_least"].Size(), 1u);
    EXPECT_STREQ(counts["at_least"][0].GetString(), "succeeded");
}

TEST_F(Dashboard, a_list_with_details_says_what_a_table_shows) {
    const auto answer = send("POST", "/api/jobs/submit/",
                             R"({"code":"","data":"","running_commands":"x","name":"n","tags":["b","a"]})", ada.token);
    ASSERT_EQ(answer.status, 200);
    const auto list = get("/api/jobs/?details=true&limit=10", ada.token).json();
    ASSERT_EQ(list.Size(), 1u);
    EXPECT_STREQ(list[0]["name"].GetString(), "n");
    EXPECT_STREQ(list[0]["owner_name"].GetString(), "ada");
    EXPECT_STREQ(list[0]["queue"].GetString(), "default");
    EXPECT_TRUE(list[0]["started"].IsNull());
    ASSERT_EQ(list[0]["tags"].Size(), 2u);
    EXPECT_EQ(get("/api/jobs/?details=false", ada.token).json()[0].MemberCount(), 3u);
    EXPECT_EQ(get("/api/jobs/?details=maybe", ada.token).status, 400);
}

TEST_F(Dashboard, an_admin_narrows_the_list_to_one_account) {
    submit(ada);
    const auto theirs = submit(bob);
    const auto list = get("/api/jobs/?user=BOB", boss.token).json();
    ASSERT_EQ(list.Size(), 1u);
    EXPECT_EQ(list[0]["id"].GetString(), theirs.text());
    EXPECT_EQ(get("/api/jobs/?user=bob", ada.token).status, 403);
    EXPECT_EQ(get("/api/jobs/?user=ada", boss.token).json().Size(), 1u);
}

TEST_F(Dashboard, usage_says_who_waits_and_who_runs) {
    scheduler_->start(submit(bob));
    submit(ada);
    submit(ada);
    const auto usage = get("/api/usage/", boss.token).json();
    ASSERT_EQ(usage.Size(), 2u);
    EXPECT_STREQ(usage[0]["username"].GetString(), "bob");
    EXPECT_EQ(usage[0]["running"].GetInt(), 1);
    EXPECT_EQ(usage[0]["cpus"].GetDouble(), 1.0);
    EXPECT_EQ(usage[1]["queued"].GetInt(), 2);
    EXPECT_EQ(get("/api/usage/", ada.token).status, 403);
}

}  // namespace
}  // namespace windlass::api::test
