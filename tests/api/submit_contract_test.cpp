// Submitting: batches whose items name each other, files, references, quotas; and doing it once.
#include <gtest/gtest.h>

#include "api_fixture.h"
#include "shared/digest.h"

namespace windlass::api::test {
namespace {

constexpr const char* batch_path = "/api/jobs/submit/batch/";
const std::string three = R"("code":"","data":"","running_commands":"true")";

class Submits : public ApiTest {
  protected:
    std::string one(const std::string& members) { return "{" + three + members + "}"; }
    Answer post(const std::string& members, Headers headers = {}) {
        return send("POST", "/api/jobs/submit/", one(members), ada.token, std::move(headers));
    }
    std::string pointer(const Answer& answer) {
        const auto json = answer.json();
        return json.HasMember("errors") ? json["errors"][0]["pointer"].GetString() : "no errors in " + answer.body;
    }
    Account ada = make_account("ada");
    Account bob = make_account("bob");
    Account boss = make_account("boss", Role::admin);
};

TEST_F(Submits, a_batch_keeps_its_names_as_indexes_in_one_message) {
    const auto answer = send("POST", batch_path,
                             "[" + one(R"(,"name":"last","after":[{"name":"first"},{"name":"second","when":"any"}])") +
                                 "," + one(R"(,"name":"first")") + "," + one(R"(,"bad":1)") + "," +
                                 one(R"(,"name":"second","after":[{"name":"first","when":"failed"}])") + "]",
                             ada.token);
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_TRUE(answer.json()[2].HasMember("error"));
    ASSERT_EQ(scheduler_->submits.size(), 1u);
    const auto& jobs = scheduler_->submits[0].jobs;
    ASSERT_EQ(jobs.size(), 3u);
    EXPECT_EQ(jobs[0].after, (std::vector<protocol::SubmitDependency>{{{}, 1, DependencyCondition::ok},
                                                                      {{}, 2, DependencyCondition::any}}))
        << "counted among the good ones";
    EXPECT_EQ(jobs[2].after, (std::vector<protocol::SubmitDependency>{{{}, 1, DependencyCondition::failed}}));
    const auto shown = get("/api/jobs/100000001/", ada.token).json();
    EXPECT_STREQ(shown["status"].GetString(), "blocked");
    EXPECT_STREQ(shown["after"][0]["job"].GetString(), "100000002");
    EXPECT_STREQ(shown["after"][1]["when"].GetString(), "any");
}

TEST_F(Submits, a_circle_in_a_batch_is_told_to_each_of_its_items) {
    const std::string body = "[" + one(R"(,"name":"a","after":[{"name":"b"}])") + "," +
                             one(R"(,"name":"b","after":[{"name":"a"}])") + "," + one("") + "]";
    const auto answer = send("POST", batch_path, body, ada.token);
    const auto list = answer.json();
    EXPECT_STREQ(list[0]["error"]["errors"][0]["pointer"].GetString(), "/after/0");
    EXPECT_NE(std::string(list[1]["error"]["detail"].GetString()).find("circle"), std::string::npos);
    EXPECT_TRUE(list[2].HasMember("id"));
    const auto whole = send("POST", std::string(batch_path) + "?all_or_nothing=true", body, ada.token);
    EXPECT_EQ(whole.status, 422);
    EXPECT_EQ(pointer(whole), "/0/after/0");
    EXPECT_EQ(scheduler_->submits.size(), 1u);
}

TEST_F(Submits, a_single_job_waits_for_ids_of_ones_own_jobs_only) {
    const auto own = submit(ada), theirs = submit(bob);
    EXPECT_EQ(post(R"(,"after":[{"job":")" + own.text() + R"("}])").status, 200);
    for (const std::string& id : {theirs.text(), std::string("42")}) {
        const auto answer = post(R"(,"after":[{"job":")" + own.text() + R"("},{"job":")" + id + R"("}])");
        EXPECT_EQ(answer.status, 422) << id;
        EXPECT_EQ(pointer(answer), "/after/1/job");
    }
    EXPECT_EQ(pointer(post(R"(,"after":[{"name":"x"}])")), "/after/0/name");
    EXPECT_EQ(send("POST", "/api/jobs/submit/", one(R"(,"after":[{"job":)" + theirs.text() + "}]"), boss.token).status,
              200)
        << "an admin may wait for anybody's";
    const auto batch = send("POST", batch_path,
                            "[" + one(R"(,"name":"a","after":[{"job":42}])") + "," +
                                one(R"(,"name":"b","after":[{"name":"a"}])") + "]",
                            ada.token)
                           .json();
    EXPECT_STREQ(batch[0]["error"]["errors"][0]["pointer"].GetString(), "/after/0/job");
    EXPECT_TRUE(batch[1].HasMember("error")) << "it waits for a bad one";
}

TEST_F(Submits, images_and_data_sets_that_the_site_never_had_are_refused_by_name) {
    const std::string wish = R"(,"image":"Übung","datasets":["iris","Löhne"])";
    const auto refused = post(wish);
    EXPECT_EQ(refused.status, 422);
    EXPECT_EQ(refused.json()["errors"].Size(), 3u);
    EXPECT_EQ(pointer(refused), "/image");
    execute("insert into site_offer (worker, kind, name, digest) values (1, 1, 'Übung', 'x')");
    execute("insert into site_offer (worker, kind, name, digest) values (1, 2, 'iris', '')");
    EXPECT_EQ(pointer(post(wish)), "/datasets/1");
    execute("insert into site_offer (worker, kind, name, digest) values (1, 2, 'Löhne', '')");
    EXPECT_EQ(post(wish).status, 200);
}

TEST_F(Submits, files_in_the_submit_become_uploads_and_hashes_must_be_ones_own) {
    const auto answer = post(R"(,"files":{"a.txt":"abc","b":{"base64":"AAE="}})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    const std::string hash = sha256_hex("abc");
    EXPECT_EQ(scheduler_->submits[0].jobs[0].spec.files.at("a.txt"), hash);
    EXPECT_EQ(get("/api/blobs/" + hash + "/", ada.token).body, "abc");
    EXPECT_EQ(post(R"(,"files":{"x":{"sha256":")" + hash + R"("}})").status, 200);
    const auto theirs =
        send("POST", "/api/jobs/submit/", one(R"(,"files":{"x":{"sha256":")" + hash + R"("}})"), bob.token);
    EXPECT_EQ(theirs.status, 422) << "knowing a hash is no permission";
    EXPECT_EQ(pointer(theirs), "/files/x/sha256");
}

TEST_F(Submits, the_trace_of_the_request_goes_along_if_it_is_one) {
    const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const auto traced = [&](const Headers& headers) {
        EXPECT_EQ(send("POST", "/api/jobs/submit/", one(""), ada.token, headers).status, 200);
        return scheduler_->submits.back().jobs[0].spec.traceparent;
    };
    EXPECT_EQ(traced({{"traceparent", trace}}), trace);
    EXPECT_EQ(traced({{"Traceparent", trace}}), trace);
    EXPECT_EQ(traced({}), "");
    EXPECT_EQ(traced({{"traceparent", "00-nothing"}}), "") << "what is none is ignored";
    EXPECT_EQ(traced({{"traceparent", trace}, {"traceparent", trace}}), "") << "and so are two";
    const auto answer = send("POST", "/api/jobs/submit/batch/", "[" + one("") + "," + one("") + "]", ada.token,
                             {{"traceparent", trace}});
    ASSERT_EQ(answer.status, 200) << answer.body;
    for (const auto& job : scheduler_->submits.back().jobs) EXPECT_EQ(job.spec.traceparent, trace);
    const auto first = scheduler_->submits.front().jobs.size();
    EXPECT_EQ(first, 1u);
    const std::string id = answer.json()[0]["id"].GetString();
    EXPECT_EQ(send("POST", "/api/jobs/" + id + "/rerun/", "", ada.token).status, 200);
    EXPECT_EQ(scheduler_->submits.back().jobs[0].spec.traceparent, "") << "that was another request";
}

TEST_F(Submits, one_shows_what_was_asked_for) {
    const auto id = submit(ada, R"(,"queue":"night","tags":["a"],"retry_on":{"exit_codes":[75]},"retry_delay_s":2,
        "not_before":"2030-01-15T08:00:00Z","requires":{"arch":"x86"},"resources":{"gpu":1},"outputs":["*.log"])");
    const auto json = get("/api/jobs/" + id.text() + "/", ada.token).json();
    EXPECT_STREQ(json["queue"].GetString(), "night");
    EXPECT_STREQ(json["tags"][0].GetString(), "a");
    EXPECT_EQ(json["retry_on"]["exit_codes"][0].GetInt(), 75);
    EXPECT_EQ(json["retry_delay_s"].GetDouble(), 2);
    EXPECT_STREQ(json["not_before"].GetString(), "2030-01-15T08:00:00.000Z");
    EXPECT_STREQ(json["requires"]["arch"].GetString(), "x86");
    EXPECT_EQ(json["resources"]["gpu"].GetInt(), 1);
    EXPECT_STREQ(json["outputs"][0].GetString(), "*.log");
    EXPECT_FALSE(json.HasMember("after"));
}

TEST_F(Submits, the_quota_goes_along_and_a_refusal_says_which_one) {
    send("PUT", "/api/quotas/tier:Basic/", R"({"queued":10,"running":2})", boss.token);
    send("PUT", "/api/quotas/user:ada/", R"({"queued":20,"cpu_s_per_day":60})", boss.token);
    ASSERT_EQ(post("").status, 200);
    const Quota& quota = scheduler_->submits.back().quota;
    EXPECT_EQ(quota.queued, 20) << "one's own";
    EXPECT_EQ(quota.running, 2) << "the tier's";
    EXPECT_EQ(quota.cpu_per_day, Seconds{60});
    EXPECT_FALSE(quota.stored_bytes);

    using Why = protocol::SubmitRefused::Why;
    struct Row {
        Why why;
        int status;
        const char* type;
    };
    for (const auto& [why, status, type] :
         {Row{Why::queued_quota, 429, "queued-quota"}, Row{Why::cpu_quota, 429, "cpu-quota"},
          Row{Why::no_such_queue, 422, "no-such-queue"}, Row{Why::no_such_job, 422, "no-such-job"},
          Row{Why::key_in_use, 409, "key-in-use"}, Row{Why::key_of_another, 422, "key-of-another-request"},
          Row{Why::no_such_blob, 422, "no-such-blob"}}) {
        scheduler_->refusal = protocol::SubmitRefused{{}, why, "A sentence.", 60'500};
        const auto answer = post("");
        EXPECT_EQ(answer.status, status) << type;
        EXPECT_EQ(answer.json()["type"].GetString(), "urn:windlass:problem:" + std::string(type));
        EXPECT_EQ(answer.header("Retry-After"), status == 429 ? "61" : "") << type;
        EXPECT_STREQ(answer.json()["detail"].GetString(), "A sentence.");
    }
}

TEST_F(Submits, stored_bytes_are_counted_here) {
    send("PUT", "/api/quotas/user:ada/", R"({"stored_bytes":5})", boss.token);
    EXPECT_EQ(post(R"(,"files":{"a":"abc"})").status, 200);
    const auto more = post(R"(,"files":{"a":"abc","b":"def"})");
    EXPECT_EQ(more.status, 429) << "abc is there already, def is too much";
    EXPECT_STREQ(more.json()["type"].GetString(), "urn:windlass:problem:stored-quota");
    EXPECT_EQ(more.header("Retry-After"), "60");
    EXPECT_EQ(post(R"(,"files":{"a":"abc"})").status, 200);
}

TEST_F(Submits, why_has_fields_for_programs) {
    const auto id = submit(ada);
    scheduler_->explained.reason = "queue_held";
    scheduler_->explained.own_jobs_ahead = 3;
    scheduler_->explained.users_ahead = 2;
    scheduler_->explained.waits_for = {JobId{7}};
    scheduler_->explained.estimated_start = WallTime{Seconds{1'800'000'000}};
    const auto json = get("/api/jobs/" + id.text() + "/why/", ada.token).json();
    EXPECT_STREQ(json["reason"].GetString(), "queue_held");
    EXPECT_EQ(json["own_jobs_ahead"].GetInt(), 3);
    EXPECT_EQ(json["users_ahead"].GetInt(), 2);
    EXPECT_STREQ(json["waits_for"][0].GetString(), "7");
    EXPECT_TRUE(json["not_before"].IsNull());
    EXPECT_STREQ(json["estimated_start"].GetString(), "2027-01-15T08:00:00.000Z");
}

}  // namespace
}  // namespace windlass::api::test
