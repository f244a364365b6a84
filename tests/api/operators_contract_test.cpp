// /api/queues/, /api/workers/, /api/quotas/, row by row.
#include <gtest/gtest.h>

#include "api_fixture.h"

namespace windlass::api::test {
namespace {

class Operators : public ApiTest {
  protected:
    Operators() {
        scheduler_->queues = {{"default", 1000, std::nullopt, false, "", 4, 2}};
        protocol::WorkerView worker;
        worker.name = "node-1";
        worker.connected = true;
        worker.cpu_millis = 4000;
        worker.cpu_millis_used = 500;
        worker.labels = {{"arch", "x86"}};
        worker.resources = {{"gpu", 2}};
        worker.attempts = {{JobId{7}, 1}};
        scheduler_->workers = {worker};
    }
    Answer put(const std::string& path, const std::string& body) { return send("PUT", path, body, boss.token); }
    Account ada = make_account("ada");
    Account boss = make_account("boss", Role::admin);
};

TEST_F(Operators, what_is_for_admins_is_403_for_others_and_401_for_strangers) {
    struct Row {
        const char* method;
        const char* path;
    };
    for (const auto& [method, path] :
         {Row{"PUT", "/api/queues/x/"}, Row{"DELETE", "/api/queues/x/"}, Row{"POST", "/api/queues/x/hold/"},
          Row{"POST", "/api/queues/x/release/"}, Row{"GET", "/api/workers/"}, Row{"POST", "/api/workers/x/drain/"},
          Row{"POST", "/api/workers/x/resume/"}, Row{"POST", "/api/workers/x/forget/"},
          Row{"POST", "/api/workers/x/enrol/"}, Row{"POST", "/api/workers/x/revoke/"}, Row{"GET", "/api/quotas/"},
          Row{"GET", "/api/quotas/tier:Basic/"}, Row{"PUT", "/api/quotas/tier:Basic/"},
          Row{"DELETE", "/api/quotas/tier:Basic/"}}) {
        EXPECT_EQ(send(method, path, "{}", ada.token).status, 403) << method << path;
        EXPECT_EQ(send(method, path, "{}").status, 401) << method << path;
    }
    for (const char* path :
         {"/api/queues/", "/api/queues/default/", "/api/quotas/me/", "/api/schedules/", "/api/blobs/"}) {
        EXPECT_EQ(get(path, ada.token).status, 200) << path;
        EXPECT_EQ(get(path, "").status, 401) << path;
    }
}

TEST_F(Operators, users_see_queues_without_weights_and_counters) {
    EXPECT_EQ(get("/api/queues/", ada.token).body,
              R"([{"name":"default","held":false,"description":"","max_running":null}])");
    const auto json = get("/api/queues/default/", boss.token).json();
    EXPECT_EQ(json["weight"].GetDouble(), 1);
    EXPECT_EQ(json["queued"].GetInt(), 4);
    EXPECT_EQ(json["running"].GetInt(), 2);
    EXPECT_EQ(get("/api/queues/nope/", boss.token).status, 404);
}

TEST_F(Operators, a_queue_is_made_changed_held_and_removed) {
    const auto made = put("/api/queues/night/", R"({"weight":0.5,"max_running":3,"description":"after hours"})");
    EXPECT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(made.json()["max_running"].GetInt(), 3);
    EXPECT_EQ(scheduler_->queues.back().weight_millis, 500);
    EXPECT_EQ(send("POST", "/api/queues/night/hold/", {}, boss.token).status, 200);
    EXPECT_TRUE(scheduler_->queues.back().held);
    EXPECT_EQ(put("/api/queues/night/", R"({"max_running":null})").status, 200);
    EXPECT_TRUE(scheduler_->queues.back().held) << "what is not said stays";
    EXPECT_FALSE(scheduler_->queues.back().max_running);
    EXPECT_EQ(scheduler_->queues.back().description, "after hours");
    EXPECT_EQ(send("POST", "/api/queues/night/release/", {}, boss.token).json()["held"].GetBool(), false);
    EXPECT_EQ(send("DELETE", "/api/queues/night/", {}, boss.token).status, 204);
    EXPECT_EQ(scheduler_->queues.size(), 1u);
    for (const char* path : {"/api/queues/night/hold/", "/api/queues/night/release/"})
        EXPECT_EQ(send("POST", path, {}, boss.token).status, 404);
    EXPECT_EQ(send("DELETE", "/api/queues/night/", {}, boss.token).status, 404);
    scheduler_->operator_refusal = "The queue default cannot be removed.";
    const auto refused = send("DELETE", "/api/queues/default/", {}, boss.token);
    EXPECT_EQ(refused.status, 409);
    EXPECT_STREQ(refused.json()["detail"].GetString(), "The queue default cannot be removed.");
    for (const char* body : {"", R"({"weight":0})", R"({"weight":1001})", R"({"weight":"1"})", R"({"max_running":-1})",
                             R"({"held":1})", R"({"description":1})", R"({"wait":1})"})
        EXPECT_EQ(put("/api/queues/x/", body).status, 400) << body;
    EXPECT_EQ(put("/api/queues/a%20b/", "{}").status, 400);
}

TEST_F(Operators, a_worker_of_another_machine_is_enrolled_and_revoked) {
    const auto answer = send("POST", "/api/workers/node%20new/enrol/", {}, boss.token);
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_STREQ(answer.json()["name"].GetString(), "node new");
    EXPECT_STREQ(answer.json()["token"].GetString(), "wle1.token");
    EXPECT_STREQ(answer.json()["expires"].GetString(), "2027-01-15T08:00:00.000Z");
    EXPECT_EQ(send("POST", "/api/workers/node-1/revoke/", {}, boss.token).status, 200);
    EXPECT_EQ(scheduler_->operations, (std::vector<std::string>{"enrol node new", "revoke node-1"}));
    scheduler_->operator_refusal = "No worker of another machine can come.";
    for (const char* verb : {"enrol", "revoke"})
        EXPECT_EQ(send("POST", std::string("/api/workers/node-1/") + verb + "/", {}, boss.token).status, 409) << verb;
    scheduler_->away = true;
    for (const char* verb : {"enrol", "revoke"})
        EXPECT_EQ(send("POST", std::string("/api/workers/node-1/") + verb + "/", {}, boss.token).status, 503) << verb;
}

TEST_F(Operators, workers_are_seen_drained_resumed_and_forgotten) {
    const auto json = get("/api/workers/", boss.token).json();
    EXPECT_STREQ(json[0]["name"].GetString(), "node-1");
    EXPECT_EQ(json[0]["cpus"].GetDouble(), 4);
    EXPECT_EQ(json[0]["cpus_used"].GetDouble(), 0.5);
    EXPECT_STREQ(json[0]["labels"]["arch"].GetString(), "x86");
    EXPECT_EQ(json[0]["resources"]["gpu"].GetInt(), 2);
    EXPECT_STREQ(json[0]["attempts"][0]["job"].GetString(), "7");
    for (const char* verb : {"drain", "resume", "forget"}) {
        EXPECT_EQ(send("POST", std::string("/api/workers/node-1/") + verb + "/", {}, boss.token).status, 200);
        EXPECT_EQ(send("POST", std::string("/api/workers/nope/") + verb + "/", {}, boss.token).status, 404);
    }
    EXPECT_EQ(scheduler_->operations, (std::vector<std::string>{"drain node-1", "resume node-1", "forget node-1"}));
    scheduler_->operator_refusal = "It is connected.";
    EXPECT_EQ(send("POST", "/api/workers/node-1/forget/", {}, boss.token).status, 409);
    scheduler_->away = true;
    EXPECT_EQ(get("/api/workers/", boss.token).status, 503);
    EXPECT_EQ(get("/api/queues/", ada.token).status, 503);
}

TEST_F(Operators, quotas_are_set_for_tiers_and_users_and_told) {
    EXPECT_EQ(put("/api/quotas/tier:Basic/", R"({"queued":100,"running":null})").status, 200);
    EXPECT_TRUE(scheduler_->quotas.empty()) << "nobody of the tier has jobs: the next submit tells";
    const auto set = put("/api/quotas/user:ADA/", R"({"running":3,"cpu_s_per_day":3600})");
    EXPECT_EQ(set.body, R"({"subject":"user:ADA","queued":null,"running":3,"cpu_s_per_day":3600,"stored_bytes":null})");
    ASSERT_EQ(scheduler_->quotas.size(), 1u);
    EXPECT_EQ(scheduler_->quotas[0].user, ada.id);
    EXPECT_EQ(scheduler_->quotas[0].quota.queued, 100) << "what holds, the tier's part included";
    EXPECT_EQ(scheduler_->quotas[0].quota.running, 3);
    const auto all = get("/api/quotas/", boss.token).json();
    ASSERT_EQ(all.Size(), 2u);
    EXPECT_STREQ(all[1]["subject"].GetString(), "user:ada");
    EXPECT_EQ(get("/api/quotas/user:ada/", boss.token).json()["running"].GetInt(), 3);
    const auto me = get("/api/quotas/me/", ada.token).json();
    EXPECT_EQ(me["quota"]["queued"].GetInt(), 100);
    EXPECT_EQ(me["usage"]["cpu_s_today"].GetInt(), 0);
    EXPECT_EQ(send("DELETE", "/api/quotas/user:ada/", {}, boss.token).status, 204);
    EXPECT_FALSE(scheduler_->quotas.back().quota.running);
    EXPECT_EQ(send("DELETE", "/api/quotas/user:ada/", {}, boss.token).status, 404);
    EXPECT_EQ(get("/api/quotas/user:ada/", boss.token).status, 404);
    for (const char* path : {"/api/quotas/user:nobody/", "/api/quotas/tier:/", "/api/quotas/ada/"})
        EXPECT_EQ(put(path, "{}").status, 404) << path;
    for (const char* body : {"", R"({"queued":-1})", R"({"queued":1.5})", R"({"running":"1"})", R"({"cpu_s":1})",
                             R"({"cpu_s_per_day":9999999999999999})"})
        EXPECT_EQ(put("/api/quotas/tier:Basic/", body).status, 400) << body;
    scheduler_->away = true;
    EXPECT_EQ(put("/api/quotas/user:ada/", R"({"running":1})").status, 200) << "the table has it";
}

TEST_F(Operators, the_quota_of_a_tier_is_told_of_everybody_in_it_who_has_jobs) {
    const Account other = make_account("other"), idle = make_account("idle"), done = make_account("done");
    execute("update account set tier = 'Gold' where id = " + other.id.text());
    submit(ada);
    submit(other);
    scheduler_->finish(submit(done), JobState::succeeded, {});
    put("/api/quotas/user:ada/", R"({"running":3})");
    scheduler_->quotas.clear();
    EXPECT_EQ(put("/api/quotas/tier:Basic/", R"({"queued":9,"running":1})").status, 200);
    ASSERT_EQ(scheduler_->quotas.size(), 1U) << "neither of other tiers nor of those without jobs";
    EXPECT_EQ(scheduler_->quotas[0].user, ada.id);
    EXPECT_EQ(scheduler_->quotas[0].quota.queued, 9);
    EXPECT_EQ(scheduler_->quotas[0].quota.running, 3) << "the user's own number goes first";
    EXPECT_EQ(send("DELETE", "/api/quotas/tier:Basic/", {}, boss.token).status, 204);
    ASSERT_EQ(scheduler_->quotas.size(), 2U);
    EXPECT_FALSE(scheduler_->quotas[1].quota.queued);
}

}  // namespace
}  // namespace windlass::api::test
