// POST /api/tags/add_tag and remove_tag.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

class JobTags : public ApiTest {
  protected:
    JobTags() {
        for (const char* body : {R"({"Id":1,"UserName":"ada"})", R"({"Id":2,"UserName":"bob"})"})
            EXPECT_EQ(send("PUT", "/api/job_start", body, boss_.token).status, 200);
    }
    Answer add(const std::string& job, const std::string& body, const Account& who) {
        return send("POST", "/api/tags/add_tag?job=" + job, body, who.token);
    }
    Answer remove(const std::string& job, std::int64_t tag, const Account& who) {
        return send("POST", "/api/tags/remove_tag?job=" + job, fmt::format(R"({{"Id":{}}})", tag), who.token);
    }
    std::int64_t tag(const std::string& job, const std::string& name, const Account& who) {
        const auto answer = add(job, fmt::format(R"({{"Name":"{}"}})", name), who);
        EXPECT_EQ(answer.status, 200) << answer.body;
        return answer.status == 200 ? answer.json()["Id"].GetInt64() : 0;
    }
    // Of the job in the list as `who` sees it: "name name".
    std::string tags_of(std::int64_t job, const Account& who) {
        const auto list = get("/api/jobs", who.token).json();
        std::string names;
        for (const auto& one : list["Jobs"].GetArray())
            if (one["Id"].GetInt64() == job)
                for (const auto& entry : one["Tags"].GetArray())
                    names += (names.empty() ? "" : " ") + std::string(entry["Name"].GetString());
        return names;
    }
    std::size_t found(const std::string& query, const Account& who) {
        return get("/api/jobs" + query, who.token).json()["Jobs"].Size();
    }
    Account boss_ = make_account("boss", Roles(Role::admin));
    Account ada_ = make_account("ada"), bob_ = make_account("bob");
};

TEST_F(JobTags, a_tag_is_put_on_ones_own_job_and_stays_until_it_is_removed) {
    const auto answer = add("1", R"({"name":" interesting ","Type":"admin","CreatedBy":"root"})", ada_);
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.body, R"({"Id":1,"Name":"interesting","Type":"user","CreatedBy":"ada"})");
    EXPECT_EQ(tag("1", "interesting", ada_), 1) << "the same again is the same tag";
    EXPECT_EQ(tags_of(1, ada_), "interesting");
    const auto gone = remove("1", 1, ada_);
    EXPECT_EQ(gone.status, 200);
    EXPECT_EQ(gone.body, "");
    EXPECT_EQ(tags_of(1, ada_), "");
    EXPECT_EQ(remove("1", 1, ada_).status, 404);
}

TEST_F(JobTags, of_an_admin_have_their_type_and_stand_beside_those_of_users) {
    const auto own = tag("1", "x", ada_);
    const auto answer = add("1", R"({"Name":"x"})", boss_);
    EXPECT_EQ(answer.json()["Type"], "admin");
    EXPECT_NE(answer.json()["Id"].GetInt64(), own);
    EXPECT_EQ(tags_of(1, ada_), "x x");
}

TEST_F(JobTags, only_the_maker_or_an_admin_removes_one) {
    const auto of_boss = tag("1", "b", boss_), of_ada = tag("1", "a", ada_);
    EXPECT_EQ(remove("1", of_boss, ada_).status, 403);
    EXPECT_EQ(remove("1", of_ada, boss_).status, 200);
    EXPECT_EQ(remove("1", of_boss, boss_).status, 200);
    EXPECT_EQ(tags_of(1, ada_), "");
}

TEST_F(JobTags, on_somebody_elses_job_are_403_and_on_none_404) {
    EXPECT_EQ(add("2", R"({"Name":"x"})", ada_).status, 403);
    EXPECT_EQ(add("3", R"({"Name":"x"})", ada_).status, 404);
    EXPECT_EQ(add("3", R"({"Name":"x"})", boss_).status, 404);
    const auto id = tag("2", "x", bob_);
    EXPECT_EQ(remove("2", id, ada_).status, 403);
    EXPECT_EQ(remove("1", id, ada_).status, 404) << "the job does not have it";
    EXPECT_EQ(remove("1", 99, ada_).status, 404);
    EXPECT_EQ(tags_of(2, bob_), "x");
}

TEST_F(JobTags, bad_ones_are_refused_as_text) {
    for (const char* body : {"", "[]", "{}", R"({"Name":""})", R"({"Name":" "})", R"({"Name":1})", R"({"Id":1})"})
        EXPECT_EQ(add("1", body, ada_).status, 400) << body;
    EXPECT_EQ(add("1", R"({"Name":")" + std::string(101, 'x') + "\"}", ada_).status, 400);
    for (const char* job : {"", "x", "-1", "0", "1.5", "99999999999999999999"}) {
        const auto answer = add(job, R"({"Name":"x"})", ada_);
        EXPECT_EQ(answer.status, 400) << job;
        EXPECT_EQ(answer.response.content_type.substr(0, 10), "text/plain");
    }
    EXPECT_EQ(send("POST", "/api/tags/add_tag", R"({"Name":"x"})", ada_.token).status, 400);
    EXPECT_EQ(send("POST", "/api/tags/remove_tag?job=1", R"({"Id":"1"})", ada_.token).status, 400);
    EXPECT_EQ(send("POST", "/api/tags/remove_tag?job=1", R"({"Name":"x"})", ada_.token).status, 400);
    EXPECT_EQ(tags_of(1, ada_), "");
}

TEST_F(JobTags, a_job_has_at_most_a_hundred) {
    for (int i = 0; i < 100; ++i) tag("1", fmt::format("t{}", i), ada_);
    EXPECT_EQ(add("1", R"({"Name":"one more"})", ada_).status, 400);
    EXPECT_EQ(add("1", R"({"Name":"t7"})", ada_).status, 200) << "it has that one";
}

TEST_F(JobTags, a_list_is_narrowed_to_the_jobs_that_have_all_of_them) {
    const JobId own = submit(ada_);
    scheduler_->start(own);
    const auto both = tag("1", "both", ada_), one = tag("1", "one", ada_);
    EXPECT_EQ(tag(own.text(), "both", ada_), both) << "our own jobs have tags too";
    EXPECT_EQ(found(fmt::format("?Tags={}", both), ada_), 2u);
    EXPECT_EQ(found(fmt::format("?Tags={},{}", both, one), ada_), 1u);
    EXPECT_EQ(found(fmt::format("?Tags={},{}", both, both), ada_), 2u);
    EXPECT_EQ(found(fmt::format("?Tags={},999", both), ada_), 0u);
    EXPECT_EQ(tags_of(own.value, ada_), "both");
}

TEST_F(JobTags, a_user_is_told_of_the_tags_that_concern_it) {
    tag("1", "of ada", ada_);
    tag("1", "of boss on ada", boss_);
    tag("2", "of bob", bob_);
    const auto seen = [&](const Account& who) {
        const auto list = get("/api/jobs", who.token).json();
        std::string names;
        for (const auto& entry : list["Config"]["Tags"].GetArray())
            names += std::string(entry["Name"].GetString()) + ";";
        return names;
    };
    EXPECT_EQ(seen(ada_), "of ada;of boss on ada;");
    EXPECT_EQ(seen(bob_), "of bob;");
    EXPECT_EQ(seen(boss_), "of ada;of bob;of boss on ada;");
}

}  // namespace
}  // namespace windlass::api::test
