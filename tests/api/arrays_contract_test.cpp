// Arrays and their members, doing a job again, and cancelling many.
#include <gtest/gtest.h>

#include "api_fixture.h"

namespace windlass::api::test {
namespace {

class Arrays : public ApiTest {
  protected:
    std::vector<std::string> list(const std::string& target, const char* field) {
        std::vector<std::string> all;
        const auto answer = get(target, ada.token);
        EXPECT_EQ(answer.status, 200) << target << answer.body;
        const auto document = answer.json();
        for (const auto& item : document.GetArray()) all.emplace_back(item[field].GetString());
        return all;
    }
    Answer post(const std::string& path, const std::string& body) { return send("POST", path, body, ada.token); }
    std::string at(JobId id, const std::string& tail = "") { return "/api/jobs/" + id.text() + "/" + tail; }
    Account ada = make_account("ada");
    Account bob = make_account("bob");
    Account boss = make_account("boss", Role::admin);
};

TEST_F(Arrays, one_shows_its_counters_and_runs_while_a_member_does) {
    const auto id = submit(ada, R"(,"array":{"count":5,"max_fails":2})");
    EXPECT_EQ(scheduler_->submits[0].jobs[0].array_count, 5);
    EXPECT_EQ(scheduler_->submits[0].jobs[0].max_fails, 2);
    EXPECT_STREQ(get(at(id), ada.token).json()["status"].GetString(), "queued");
    for (const int number : {0, 1, 2}) scheduler_->start_member(id, number);
    scheduler_->end_member(id, 0, JobState::succeeded);
    scheduler_->end_member(id, 1, JobState::failed);
    const auto json = get(at(id), ada.token).json();
    EXPECT_STREQ(json["status"].GetString(), "running");
    const auto& array = json["array"];
    EXPECT_EQ(array["count"].GetInt(), 5);
    EXPECT_EQ(array["max_fails"].GetInt(), 2);
    EXPECT_EQ(array["queued"].GetInt(), 2);
    EXPECT_EQ(array["running"].GetInt(), 1);
    EXPECT_EQ(array["succeeded"].GetInt(), 1);
    EXPECT_EQ(array["failed"].GetInt(), 1);
    EXPECT_EQ(get("/api/quotas/me/", ada.token).json()["usage"]["queued"].GetInt(), 2);
    EXPECT_EQ(get("/api/quotas/me/", ada.token).json()["usage"]["running"].GetInt(), 1);
}

TEST_F(Arrays, members_are_there_from_the_start_in_every_route) {
    const auto id = submit(ada, R"(,"name":"sweep","array":[{"A":"1"},{"A":"2"}])");
    const JobId second{id.value + 2};
    const auto waiting = get(at(second), ada.token).json();
    EXPECT_STREQ(waiting["status"].GetString(), "queued");
    EXPECT_STREQ(waiting["name"].GetString(), "sweep");
    EXPECT_STREQ(waiting["array_id"].GetString(), id.text().c_str());
    EXPECT_EQ(waiting["array_index"].GetInt(), 1);
    for (const char* tail : {"events/", "attempts/", "log/", "why/"})
        EXPECT_EQ(get(at(second, tail), ada.token).status, 200) << tail;
    EXPECT_EQ(get("/api/results/" + second.text() + "/", ada.token).json()["results"].MemberCount(), 0u);
    scheduler_->start_member(id, 1);
    EXPECT_STREQ(get(at(second), ada.token).json()["status"].GetString(), "running");
    scheduler_->end_member(id, 1, JobState::succeeded);
    EXPECT_STREQ(get(at(second), ada.token).json()["outcome"].GetString(), "exited");
    EXPECT_EQ(get("/api/results/" + second.text() + "/", ada.token).json()["results"]["exit_code"].GetInt(), 0);
    for (const char* tail : {"", "events/", "attempts/", "log/", "why/"})
        EXPECT_EQ(get(at(second, tail), bob.token).status, 404) << tail;
    EXPECT_EQ(get(at(JobId{id.value + 3}), ada.token).status, 404) << "one beyond the end";
}

TEST_F(Arrays, members_are_listed_by_status_and_in_pages) {
    const auto id = submit(ada, R"(,"array":{"count":700})");
    for (const int number : {0, 1, 2}) scheduler_->start_member(id, number);
    scheduler_->end_member(id, 1, JobState::failed);
    EXPECT_EQ(list(at(id, "members/"), "id").size(), 700u);
    EXPECT_EQ(list(at(id, "members/?status=failed"), "id"), std::vector{JobId{id.value + 2}.text()});
    EXPECT_EQ(list(at(id, "members/?status=running"), "id").size(), 2u);
    EXPECT_EQ(list(at(id, "members/?status=queued"), "id").size(), 697u);
    EXPECT_EQ(list(at(id, "members/?status=lost"), "id").size(), 0u);
    std::vector<std::string> seen;
    std::string target = at(id, "members/?limit=300&status=queued");
    for (int pages = 0; !target.empty() && pages < 6; ++pages) {
        const auto page = get(target, ada.token);
        const auto json = page.json();
        EXPECT_LE(json.Size(), 300u);
        for (const auto& item : json.GetArray()) seen.emplace_back(item["id"].GetString());
        const auto link = page.header("Link");
        target = link.empty() ? "" : link.substr(1, link.find('>') - 1);
    }
    EXPECT_EQ(seen.size(), 697u);
    EXPECT_EQ(get(at(id, "members/"), bob.token).status, 404);
    EXPECT_EQ(get(at(submit(ada), "members/"), ada.token).status, 404) << "no array";
    for (const char* query : {"limit=0", "status=done", "q=x", "after=x"})
        EXPECT_EQ(get(at(id, std::string("members/?") + query), ada.token).status, 400) << query;
}

TEST_F(Arrays, a_member_is_cancelled_alone_and_the_array_with_all) {
    const auto id = submit(ada, R"(,"array":{"count":3})");
    const JobId member{id.value + 2};
    const auto answer = send("DELETE", at(member, "?reason=not%20needed"), {}, ada.token);
    EXPECT_EQ(answer.status, 202);
    EXPECT_STREQ(answer.json()["status"].GetString(), "cancelled");
    EXPECT_EQ(scheduler_->cancels.back().reason, "not needed");
    EXPECT_EQ(send("DELETE", at(member), {}, ada.token).status, 200) << "it has ended";
    EXPECT_STREQ(get(at(id), ada.token).json()["status"].GetString(), "queued");
    EXPECT_EQ(send("DELETE", at(id), R"({"reason":"enough"})", ada.token).status, 202);
    EXPECT_EQ(scheduler_->cancels.back().reason, "enough");
    EXPECT_STREQ(get(at(JobId{id.value + 3}), ada.token).json()["status"].GetString(), "cancelled");
    EXPECT_EQ(send("DELETE", at(id), R"({"why":"x"})", ada.token).status, 400);
    EXPECT_EQ(send("DELETE", at(id), "{\"reason\":\"" + std::string(201, 'x') + "\"}", ada.token).status, 400);
}

TEST_F(Arrays, a_rerun_is_the_same_job_with_what_is_changed) {
    send("PUT", "/api/quotas/user:ada/", R"({"queued":7})", boss.token);
    const auto first = post("/api/jobs/submit/",
                            R"j({"code":"print(1)","data":"d","running_commands":"sh code","name":"n","queue":"night",
        "env":{"A":"1","B":"2"},"tags":["t"],"max_attempts":3,"not_before":"2020-01-01T00:00:00Z"})j");
    const JobId id{std::stoll(first.id())};
    const auto again = post(at(id, "rerun/"), R"({"env":{"A":"9"},"data":"other","limits":{"cpus":2}})");
    ASSERT_EQ(again.status, 200) << again.body;
    const auto& item = scheduler_->submits.back().jobs[0];
    EXPECT_EQ(scheduler_->bodies.back(), "print(1)other");
    EXPECT_EQ(item.rerun_of, id);
    EXPECT_EQ(item.spec.running_commands, "sh code");
    EXPECT_EQ(item.spec.queue, "night");
    EXPECT_EQ(item.spec.tags, std::vector<std::string>{"t"});
    EXPECT_EQ(item.spec.max_attempts, 3);
    EXPECT_EQ(item.spec.env, (std::map<std::string, std::string>{{"A", "9"}})) << "a map is replaced as a whole";
    EXPECT_EQ(item.spec.limits.cpu_millis, 2000);
    EXPECT_FALSE(item.spec.not_before);
    EXPECT_EQ(scheduler_->submits.back().quota.queued, 7);
    EXPECT_STREQ(get("/api/jobs/" + again.id() + "/", ada.token).json()["rerun_of"].GetString(), id.text().c_str());
    EXPECT_EQ(send("POST", at(id, "rerun/"), {}, boss.token).status, 200);
    EXPECT_EQ(scheduler_->submits.back().owner, ada.id) << "it stays its owner's";
    EXPECT_EQ(send("POST", at(id, "rerun/"), {}, bob.token).status, 404);
    EXPECT_EQ(post(at(id, "rerun/"), R"({"nope":1})").status, 400);
    EXPECT_EQ(post(at(id, "rerun/"), R"({"only":"failed"})").status, 400) << "no array";
    EXPECT_EQ(post(at(id, "rerun/"), "[]").status, 400);
    EXPECT_EQ(post(at(id, "rerun/"), R"({"running_commands":""})").status, 400);
}

TEST_F(Arrays, only_the_failed_members_are_done_again_under_their_indexes) {
    const auto id = submit(ada, R"(,"array":[{"A":"a"},{"A":"b"},{"A":"c"},{"A":"d"}])");
    EXPECT_EQ(post(at(id, "rerun/"), R"({"only":"failed"})").status, 422) << "none failed yet";
    for (const int number : {0, 1, 2, 3}) scheduler_->start_member(id, number);
    scheduler_->end_member(id, 0, JobState::succeeded);
    scheduler_->end_member(id, 1, JobState::lost);
    scheduler_->end_member(id, 2, JobState::cancelled);
    scheduler_->end_member(id, 3, JobState::failed);
    ASSERT_EQ(post(at(id, "rerun/"), R"({"only":"failed"})").status, 200);
    const auto& item = scheduler_->submits.back().jobs[0];
    EXPECT_EQ(item.array_count, 2);
    using Params = std::vector<std::map<std::string, std::string>>;
    EXPECT_EQ(item.params,
              (Params{{{"A", "b"}, {"WINDLASS_ARRAY_INDEX", "1"}}, {{"A", "d"}, {"WINDLASS_ARRAY_INDEX", "3"}}}));
    ASSERT_EQ(post(at(id, "rerun/"), "").status, 200);
    EXPECT_EQ(scheduler_->submits.back().jobs[0].array_count, 4) << "all of it";
    EXPECT_EQ(post(at(id, "rerun/"), R"({"only":"lost"})").status, 400);
    EXPECT_EQ(post(at(id, "rerun/"), R"({"only":"failed","array":{"count":2}})").status, 400);

    ASSERT_EQ(post(at(JobId{id.value + 2}, "rerun/"), "").status, 200);
    const auto& single = scheduler_->submits.back().jobs[0];
    EXPECT_EQ(single.array_count, 0);
    EXPECT_EQ(single.spec.env.at("A"), "b");
    EXPECT_EQ(single.spec.env.at("WINDLASS_ARRAY_INDEX"), "1");
    EXPECT_EQ(single.spec.env.at("WINDLASS_ARRAY_ID"), id.text());
}

TEST_F(Arrays, many_are_cancelled_by_their_ids) {
    const auto waiting = submit(ada), running = submit(ada), ended = submit(ada), theirs = submit(bob);
    scheduler_->start(running);
    send("DELETE", at(ended), {}, ada.token);
    const auto answer =
        post("/api/jobs/cancel/", R"({"ids":[")" + waiting.text() + R"(",)" + running.text() + ",\"" + ended.text() +
                                      "\",\"" + theirs.text() + R"(",42],"reason":"all"})");
    EXPECT_EQ(answer.body, R"({"cancelled":1,"requested":1,"not_active":1,"not_found":2})");
    EXPECT_EQ(scheduler_->cancels.back().reason, "all");
    EXPECT_STREQ(get(at(theirs), bob.token).json()["status"].GetString(), "queued");
    EXPECT_EQ(post("/api/jobs/cancel/", R"({"ids":[]})").body, R"({"cancelled":0,"requested":0,"not_active":0})");
}

TEST_F(Arrays, many_are_cancelled_by_what_they_have_in_common) {
    const auto tagged = submit(ada, R"(,"tags":["x"])"), named = submit(ada, R"(,"name":"Sweep 7","queue":"night")");
    const auto other = submit(ada), theirs = submit(bob, R"(,"tags":["x"])");
    const auto cancel = [&](const std::string& filter) {
        return post("/api/jobs/cancel/", "{\"filter\":" + filter + "}");
    };
    EXPECT_EQ(cancel(R"({"tag":"x"})").json()["cancelled"].GetInt(), 1);
    EXPECT_STREQ(get(at(tagged), ada.token).json()["status"].GetString(), "cancelled");
    EXPECT_STREQ(get(at(theirs), bob.token).json()["status"].GetString(), "queued");
    EXPECT_EQ(cancel(R"({"queue":"night","q":"nothing"})").json()["cancelled"].GetInt(), 0);
    EXPECT_EQ(cancel(R"({"queue":"night","q":"sWEEP"})").json()["cancelled"].GetInt(), 1);
    EXPECT_STREQ(get(at(named), ada.token).json()["status"].GetString(), "cancelled");
    scheduler_->start(other);
    EXPECT_EQ(cancel(R"({"status":"queued"})").json()["requested"].GetInt(), 0);
    EXPECT_EQ(cancel(R"({"status":"running"})").json()["requested"].GetInt(), 1);
    const auto boss_says = send("POST", "/api/jobs/cancel/", R"({"filter":{"user":"bob"}})", boss.token);
    EXPECT_EQ(boss_says.json()["cancelled"].GetInt(), 1);
}

TEST_F(Arrays, members_are_cancelled_by_their_state_in_pages) {
    const auto id = submit(ada, R"(,"array":{"count":2500})");
    scheduler_->start_member(id, 0);
    const auto array = R"({"filter":{"array":")" + id.text() + "\"";
    EXPECT_EQ(post("/api/jobs/cancel/", array + R"(,"status":"running"}})").json()["requested"].GetInt(), 1);
    scheduler_->cancels.clear();
    EXPECT_EQ(post("/api/jobs/cancel/", array + R"(,"status":"queued"}})").json()["cancelled"].GetInt(), 2499);
    EXPECT_EQ(scheduler_->cancels.size(), 3u) << "in pages of a thousand";
    EXPECT_EQ(post("/api/jobs/cancel/", array + "}}").json()["cancelled"].GetInt(), 1) << "the array itself";
    EXPECT_EQ(send("POST", "/api/jobs/cancel/", array + "}}", bob.token).status, 404);
}

TEST_F(Arrays, malformed_cancels_are_400) {
    for (const char* body :
         {"", "{}", "[]", R"({"ids":[],"filter":{"tag":"x"}})", R"({"ids":"7"})", R"({"ids":["x"]})", R"({"ids":[-1]})",
          R"({"filter":{}})", R"({"filter":{"status":"failed"}})", R"({"filter":{"status":"x"}})",
          R"({"filter":{"tag":""}})", R"({"filter":{"queue":"a b"}})", R"({"filter":{"array":"x"}})",
          R"({"filter":{"array":7,"tag":"x"}})", R"({"filter":{"user":"bob"}})", R"({"filter":{"owner":"bob"}})",
          R"({"filter":{"tag":"x"},"reason":7})"})
        EXPECT_EQ(post("/api/jobs/cancel/", body).status, 400) << body;
    EXPECT_EQ(send("POST", "/api/jobs/cancel/", R"({"filter":{"user":"nobody"}})", boss.token).status, 400);
    EXPECT_TRUE(scheduler_->cancels.empty());
}

}  // namespace
}  // namespace windlass::api::test
