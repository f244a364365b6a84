// /api/jobs/, row by row.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>

#include "api_fixture.h"

namespace windlass::api::test {
namespace {

class Jobs : public ApiTest {
  protected:
    AttemptResult exited(int code) {
        AttemptResult result;
        result.outcome.exit_code = code;
        result.usage.wall = Milliseconds{1204};
        return result;
    }
    std::vector<std::string> ids(const Answer& answer) {
        std::vector<std::string> all;
        const auto document = answer.json();
        for (const auto& item : document.GetArray()) all.emplace_back(item["id"].GetString());
        return all;
    }
    Account ada = make_account("ada");
    Account bob = make_account("bob");
    Account boss = make_account("boss", Role::admin);
};

TEST_F(Jobs, submitting_answers_after_the_commit_with_id_and_location) {
    const auto answer = send("POST", "/api/jobs/submit/",
                             R"j({"code":"print(1)","data":"1,2","running_commands":"sh code","env":{"A":"b"}})j",
                             ada.token, {{"Content-Type", "text/plain"}});
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, R"({"id":"100000001"})");
    EXPECT_EQ(answer.header("Location"), "/api/jobs/100000001/");
    ASSERT_EQ(scheduler_->submits.size(), 1u);
    const auto& message = scheduler_->submits.front();
    EXPECT_EQ(message.owner, ada.id);
    ASSERT_EQ(message.jobs.size(), 1u);
    EXPECT_EQ(message.jobs[0].spec.running_commands, "sh code");
    EXPECT_EQ(message.jobs[0].code_size, 8);
    EXPECT_EQ(message.jobs[0].data_size, 3);
    EXPECT_EQ(scheduler_->bodies.front(), "print(1)1,2");
}

TEST_F(Jobs, a_bad_submission_reaches_nobody) {
    const auto answer = send("POST", "/api/jobs/submit", R"({"code":"c","data":"d"})", ada.token);
    EXPECT_EQ(answer.status, 400);
    EXPECT_STREQ(answer.json()["errors"][0]["pointer"].GetString(), "/running_commands");
    EXPECT_EQ(send("POST", "/api/jobs/submit/",
                   R"({"code":"c","data":"d","running_commands":"x","limits":{"processes":100000}})", ada.token)
                  .status,
              422);
    EXPECT_TRUE(scheduler_->submits.empty());
}

TEST_F(Jobs, the_network_is_for_those_whom_the_operator_allows_it) {
    const std::string asking = R"({"code":"c","data":"d","running_commands":"x","network":"full"})";
    const auto refused = send("POST", "/api/jobs/submit/", asking, ada.token);
    EXPECT_EQ(refused.status, 422);
    EXPECT_STREQ(refused.json()["errors"][0]["pointer"].GetString(), "/network");
    EXPECT_TRUE(scheduler_->submits.empty());

    config_.api.network_full = {"role:admin"};
    EXPECT_EQ(send("POST", "/api/jobs/submit/", asking, ada.token).status, 422);
    EXPECT_EQ(send("POST", "/api/jobs/submit/", asking, boss.token).status, 200);
    ASSERT_EQ(scheduler_->submits.size(), 1u);
    EXPECT_EQ(scheduler_->submits[0].jobs[0].spec.network, Network::full);

    const auto batch = send("POST", "/api/jobs/submit/batch/",
                            "[" + asking + R"(,{"code":"c","data":"d","running_commands":"y"}])", ada.token);
    const auto items = batch.json();
    EXPECT_EQ(items[0]["error"]["status"].GetInt(), 422);
    EXPECT_TRUE(items[1].HasMember("id"));
}

TEST_F(Jobs, the_network_is_allowed_by_the_tier_of_the_account) {
    config_.api.network_full = {"tier:Premium"};
    const std::string asking = R"({"code":"c","data":"d","running_commands":"x","network":"full"})";
    EXPECT_EQ(send("POST", "/api/jobs/submit/", asking, ada.token).status, 422);
    const auto lease = pool_->lease();
    ASSERT_TRUE(lease);
    ASSERT_TRUE((*lease)->execute("update account set tier = 'Premium' where id = :id", bob.id.value));
    EXPECT_EQ(send("POST", "/api/jobs/submit/", asking, bob.token).status, 200);
}

TEST_F(Jobs, without_a_scheduler_submitting_is_503_at_once) {
    scheduler_->away = true;
    const auto answer =
        send("POST", "/api/jobs/submit/", R"({"code":"c","data":"d","running_commands":"x"})", ada.token);
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.header("Retry-After"), "1");
}

TEST_F(Jobs, with_a_scheduler_that_hangs_submitting_says_that_nobody_knows) {
    scheduler_->silent = true;
    const auto pending =
        begin("POST", "/api/jobs/submit/", R"({"code":"c","data":"d","running_commands":"x"})", ada.token);
    const auto answer = reach_deadline(pending);
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.header("Retry-After"), "5");
    EXPECT_NE(answer.body.find("may have been accepted"), std::string::npos);
}

TEST_F(Jobs, one_shows_everything_about_itself) {
    const auto id = submit(
        ada,
        R"(,"name":"<b>früh</b>","priority":5,"timeout_s":1.5,"env":{"A":"b"},"max_attempts":3,"limits":{"cpus":0.25})");
    const auto answer = get("/api/jobs/" + id.text() + "/", ada.token);
    ASSERT_EQ(answer.status, 200);
    const auto json = answer.json();
    EXPECT_STREQ(json["id"].GetString(), id.text().c_str());
    EXPECT_STREQ(json["duration"].GetString(), "");
    EXPECT_STREQ(json["status"].GetString(), "queued");
    EXPECT_STREQ(json["name"].GetString(), "<b>früh</b>");
    EXPECT_STREQ(json["owner"].GetString(), ada.id.text().c_str());
    EXPECT_STREQ(json["submitted"].GetString(), "2027-01-15T08:00:00.000Z");
    EXPECT_TRUE(json["started"].IsNull());
    EXPECT_EQ(json["priority"].GetInt(), 5);
    EXPECT_EQ(json["timeout_s"].GetDouble(), 1.5);
    EXPECT_EQ(json["max_attempts"].GetInt(), 3);
    EXPECT_EQ(json["limits"]["cpus"].GetDouble(), 0.25);
    EXPECT_EQ(json["limits"]["memory_bytes"].GetInt64(), 512 * mebibyte);
    EXPECT_STREQ(json["env"]["A"].GetString(), "b");
    EXPECT_STREQ(json["running_commands"].GetString(), "true");
    EXPECT_FALSE(json.HasMember("exit_code"));
}

TEST_F(Jobs, one_runs_and_ends_before_ones_eyes) {
    const auto id = submit(ada);
    scheduler_->start(id);
    clock_.advance(Milliseconds{2500});
    auto running = get("/api/jobs/" + id.text(), ada.token).json();
    EXPECT_STREQ(running["status"].GetString(), "running");
    EXPECT_STREQ(running["duration"].GetString(), "2.500");
    EXPECT_EQ(running["attempt"].GetInt(), 1);
    scheduler_->finish(id, JobState::failed, exited(3));
    auto ended = get("/api/jobs/" + id.text(), ada.token).json();
    EXPECT_STREQ(ended["status"].GetString(), "failed");
    EXPECT_STREQ(ended["duration"].GetString(), "1.204");
    EXPECT_EQ(ended["exit_code"].GetInt(), 3);
    EXPECT_STREQ(ended["finished"].GetString(), "2027-01-15T08:00:02.500Z");
}

TEST_F(Jobs, other_peoples_unknown_and_malformed_ids_are_the_same_404) {
    const auto id = submit(ada);
    for (const std::string& path : {id.text(), std::string("99"), std::string("0"), std::string("-1"),
                                    std::string("abc"), std::string("1e3"), std::string("9007199254740993"),
                                    std::string("99999999999999999999999"), std::string("%20"), std::string("0x10")}) {
        for (const char* tail : {"", "/events/", "/attempts/", "/log/", "/why/"})
            EXPECT_EQ(get("/api/jobs/" + path + tail, bob.token).status, 404) << path << tail;
        EXPECT_EQ(get("/api/results/" + path + "/", bob.token).status, 404) << path;
        EXPECT_EQ(get("/api/results/" + path + "/files/x", bob.token).status, 404) << path;
        EXPECT_EQ(send("DELETE", "/api/jobs/" + path + "/", {}, bob.token).status, 404) << path;
    }
    EXPECT_EQ(get("/api/jobs/" + id.text() + "/", boss.token).status, 200) << "admins see all";
    EXPECT_STREQ(get("/api/jobs/" + id.text() + "/", ada.token).json()["status"].GetString(), "queued")
        << "nobody cancelled it";
}

TEST_F(Jobs, the_list_is_ones_own_newest_first_and_an_admins_is_everybodys) {
    const auto first = submit(ada), theirs = submit(bob), second = submit(ada);
    EXPECT_EQ(ids(get("/api/jobs/", ada.token)), (std::vector{second.text(), first.text()}));
    EXPECT_EQ(ids(get("/api/jobs/", bob.token)), (std::vector{theirs.text()}));
    EXPECT_EQ(ids(get("/api/jobs/", boss.token)), (std::vector{second.text(), theirs.text(), first.text()}));
    const auto list = get("/api/jobs/", ada.token).json();
    EXPECT_EQ(list[0].MemberCount(), 3u);
    EXPECT_STREQ(list[0]["status"].GetString(), "queued");
    EXPECT_STREQ(list[0]["duration"].GetString(), "");
}

TEST_F(Jobs, the_whole_list_is_streamed_beyond_one_step) {
    std::string body = "[";
    for (int i = 0; i < 1201; ++i)
        body += std::string(i == 0 ? "" : ",") + R"({"code":"c","data":"","running_commands":"x","name":"n)" +
                std::to_string(i) + "\"}";
    ASSERT_EQ(send("POST", "/api/jobs/submit/batch/", body + "]", ada.token).status, 200);
    submit(bob);
    const auto all = ids(get("/api/jobs/", ada.token));
    ASSERT_EQ(all.size(), 1201u);
    EXPECT_EQ(all.front(), "100001201");
    EXPECT_EQ(all.back(), "100000001");
    EXPECT_EQ(ids(get("/api/jobs/?q=n7", ada.token)).size(), 111u);
    EXPECT_EQ(ids(get("/api/jobs/?status=running", ada.token)).size(), 0u);
}

TEST_F(Jobs, pages_follow_the_link) {
    for (int i = 0; i < 5; ++i) submit(ada);
    std::vector<std::string> all;
    std::string target = "/api/jobs/?limit=2&q=";
    int pages = 0;
    while (!target.empty() && pages < 10) {
        const auto page = get(target, ada.token);
        ASSERT_EQ(page.status, 200);
        for (const auto& id : ids(page)) all.push_back(id);
        const auto link = page.header("Link");
        target = link.empty() ? "" : link.substr(1, link.find('>') - 1);
        ++pages;
    }
    EXPECT_EQ(pages, 3);
    EXPECT_EQ(all, (std::vector<std::string>{"100000005", "100000004", "100000003", "100000002", "100000001"}));
    EXPECT_EQ(get("/api/jobs/?limit=5", ada.token).header("Link"), "") << "nothing follows";
}

TEST_F(Jobs, filters_take_text_as_text) {
    const auto plain = submit(ada, R"(,"name":"100% Ä_'x")");
    submit(ada, R"(,"name":"other")");
    EXPECT_EQ(ids(get("/api/jobs/?q=100%25%20%C3%A4_'X", ada.token)), std::vector{plain.text()}) << "in any case";
    EXPECT_EQ(ids(get("/api/jobs/?q=%25", ada.token)), std::vector{plain.text()});
    EXPECT_EQ(ids(get("/api/jobs/?q=_", ada.token)), std::vector{plain.text()});
    EXPECT_EQ(ids(get("/api/jobs/?q=';drop%20table%20job;--", ada.token)).size(), 0u);
    scheduler_->start(plain);
    EXPECT_EQ(ids(get("/api/jobs/?status=running", ada.token)), std::vector{plain.text()});
}

TEST_F(Jobs, lists_are_narrowed_by_tag_and_queue_in_pages_too) {
    std::vector<std::string> ids;
    for (const char* fields : {R"(,"tags":["red","all"])", R"(,"tags":["all"])", R"(,"tags":["all"],"queue":"slow")"})
        ids.push_back(submit(ada, fields).text());
    submit(make_account("tagger"), R"(,"tags":["all"])");
    const auto listed = [&](const std::string& query) {
        std::vector<std::string> found;
        const auto json = get("/api/jobs/?" + query, ada.token).json();
        for (const auto& job : json.GetArray()) found.emplace_back(job["id"].GetString());
        return found;
    };
    using Ids = std::vector<std::string>;
    EXPECT_EQ(listed("tag=red"), Ids{ids[0]});
    EXPECT_EQ(listed("tag=all"), (Ids{ids[2], ids[1], ids[0]}));
    EXPECT_EQ(listed("tag=none"), Ids{});
    EXPECT_EQ(listed("queue=slow"), Ids{ids[2]});
    EXPECT_EQ(listed("queue=default&tag=all"), (Ids{ids[1], ids[0]}));
    EXPECT_EQ(listed("queue=slow&tag=red"), Ids{});
    EXPECT_EQ(listed("tag=all&status=succeeded"), Ids{});
    const auto page = get("/api/jobs/?tag=all&limit=2", ada.token);
    EXPECT_EQ(page.json().Size(), 2u);
    EXPECT_EQ(page.header("Link"), "</api/jobs/?after=" + ids[1] + "&tag=all&limit=2>; rel=\"next\"");
}

TEST_F(Jobs, malformed_parameters_are_400) {
    const auto id = submit(ada);
    for (const char* query : {"limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "after=x", "after=-1",
                              "status=done", "status=", "tag=", "queue=", "queue=a/b", "wait=1"})
        EXPECT_EQ(get(std::string("/api/jobs/?") + query, ada.token).status, 400) << query;
    EXPECT_EQ(get("/api/jobs/?tag=" + std::string(65, 'a'), ada.token).status, 400);
    for (const char* query : {"wait=-1", "wait=61", "wait=x", "wait=", "wait=nan", "wait=1e1", "wait=0x1", "limit=1"})
        EXPECT_EQ(get("/api/jobs/" + id.text() + "/?" + query, ada.token).status, 400) << query;
}

TEST_F(Jobs, waiting_holds_no_thread_and_answers_at_the_end) {
    const auto id = submit(ada);
    const auto pending = begin("GET", "/api/jobs/" + id.text() + "/?wait=20.5", {}, ada.token);
    EXPECT_TRUE(waits(pending));
    EXPECT_EQ(scheduler_->watched(), 1u);
    scheduler_->start(id);
    scheduler_->finish(id, JobState::succeeded, exited(0));
    const auto answer = finish(pending);
    EXPECT_EQ(answer.status, 200);
    EXPECT_STREQ(answer.json()["status"].GetString(), "succeeded");
    EXPECT_FALSE(waits(begin("GET", "/api/jobs/" + id.text() + "/?wait=20", {}, ada.token))) << "it has ended: no wait";
}

TEST_F(Jobs, waiting_ends_at_the_deadline_with_the_state_of_then) {
    const auto id = submit(ada);
    const auto pending = begin("GET", "/api/jobs/" + id.text() + "/?wait=1", {}, ada.token);
    scheduler_->start(id);
    const auto answer = reach_deadline(pending);
    EXPECT_EQ(answer.status, 200);
    EXPECT_STREQ(answer.json()["status"].GetString(), "running");
}

TEST_F(Jobs, a_client_that_goes_away_leaves_no_watch_behind) {
    const auto id = submit(ada);
    auto pending = begin("GET", "/api/jobs/" + id.text() + "/?wait=60", {}, ada.token);
    EXPECT_EQ(scheduler_->watched(), 1u);
    client_goes_away(pending);
    EXPECT_EQ(scheduler_->watched(), 0u);
}

TEST_F(Jobs, cancelling_a_waiting_job_is_202_and_final) {
    const auto id = submit(ada);
    const auto answer = send("DELETE", "/api/jobs/" + id.text() + "/", {}, ada.token);
    EXPECT_EQ(answer.status, 202);
    EXPECT_STREQ(answer.json()["status"].GetString(), "cancelled");
    EXPECT_EQ(send("DELETE", "/api/jobs/" + id.text(), {}, ada.token).status, 200) << "it has ended";
    EXPECT_EQ(get("/api/results/" + id.text() + "/", ada.token).body,
              R"({"id":")" + id.text() + R"(","duration":"","results":{"outcome":"cancelled"}})");
}

TEST_F(Jobs, cancelling_a_running_job_is_202_and_takes_its_time) {
    const auto id = submit(ada);
    scheduler_->start(id);
    const auto answer = send("DELETE", "/api/jobs/" + id.text() + "/", {}, boss.token);
    EXPECT_EQ(answer.status, 202);
    EXPECT_STREQ(answer.json()["status"].GetString(), "running");
    EXPECT_TRUE(get("/api/jobs/" + id.text() + "/", ada.token).json()["cancel_requested"].GetBool());
}

TEST_F(Jobs, cancelling_without_a_scheduler_is_503) {
    const auto id = submit(ada);
    scheduler_->away = true;
    EXPECT_EQ(send("DELETE", "/api/jobs/" + id.text() + "/", {}, ada.token).status, 503);
}

TEST_F(Jobs, the_queue_shows_what_waits_oldest_first_and_keeps_it) {
    send("POST", "/api/jobs/submit/", R"({"code":"one","data":"","running_commands":"a"})", ada.token);
    send("POST", "/api/jobs/submit/", R"({"code":"two","data":"zwei ✓","running_commands":"b"})", bob.token);
    const auto third = submit(ada);
    const auto running = submit(ada);
    scheduler_->start(running);
    const std::string own =
        R"([{"code":"one","data":"","running_commands":"a"},{"code":"c","data":"d","running_commands":"true"}])";
    EXPECT_EQ(get("/api/jobs/getqueue/", ada.token).body, own);
    EXPECT_EQ(get("/api/jobs/getqueue", ada.token).body, own) << "reading removed nothing";
    EXPECT_EQ(get("/api/jobs/getqueue/", bob.token).body, R"([{"code":"two","data":"zwei ✓","running_commands":"b"}])");
    EXPECT_EQ(get("/api/jobs/getqueue/", boss.token).json().Size(), 3u);
    EXPECT_EQ(third.value, 100'000'003);
}

TEST_F(Jobs, an_empty_queue_is_an_empty_list) {
    EXPECT_EQ(get("/api/jobs/getqueue/", ada.token).body, "[]");
    EXPECT_EQ(get("/api/jobs/", ada.token).body, "[]");
    EXPECT_EQ(get("/api/results/", ada.token).body, "[]");
}

TEST_F(Jobs, a_batch_answers_each_item_in_order) {
    const auto answer = send(
        "POST", "/api/jobs/submit/batch/",
        R"([{"code":"a","data":"","running_commands":"1"},{"code":"a"},{"code":"a","data":"x","running_commands":"2"}])",
        ada.token);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto list = answer.json();
    ASSERT_EQ(list.Size(), 3u);
    EXPECT_STREQ(list[0]["id"].GetString(), "100000001");
    EXPECT_EQ(list[1]["error"]["status"].GetInt(), 400);
    EXPECT_STREQ(list[1]["error"]["errors"][0]["pointer"].GetString(), "/data");
    EXPECT_STREQ(list[2]["id"].GetString(), "100000002");
    ASSERT_EQ(scheduler_->submits.size(), 1u) << "one message, one commit";
    EXPECT_EQ(scheduler_->submits[0].jobs[1].code_size, -1) << "the same code is sent once";
    EXPECT_EQ(scheduler_->bodies[0], "ax");
}

TEST_F(Jobs, all_or_nothing_refuses_the_whole_batch) {
    const std::string body = R"([{"code":"a","data":"","running_commands":"1"},{"code":"a"}])";
    const auto answer = send("POST", "/api/jobs/submit/batch/?all_or_nothing=true", body, ada.token);
    EXPECT_EQ(answer.status, 422);
    EXPECT_STREQ(answer.json()["errors"][0]["pointer"].GetString(), "/1/data");
    EXPECT_TRUE(scheduler_->submits.empty());
    EXPECT_EQ(send("POST", "/api/jobs/submit/batch/?all_or_nothing=maybe", body, ada.token).status, 400);
    EXPECT_EQ(send("POST", "/api/jobs/submit/batch/?all_or_nothing=false", body, ada.token).status, 200);
}

TEST_F(Jobs, an_empty_batch_is_an_empty_answer_and_a_wholly_bad_one_reaches_nobody) {
    EXPECT_EQ(send("POST", "/api/jobs/submit/batch/", "[]", ada.token).body, "[]");
    const auto bad = send("POST", "/api/jobs/submit/batch/", "[1,2]", ada.token);
    EXPECT_EQ(bad.status, 200);
    EXPECT_EQ(bad.json().Size(), 2u);
    EXPECT_TRUE(scheduler_->submits.empty());
}

TEST_F(Jobs, lines_are_a_batch_too) {
    const auto answer = send("POST", "/api/jobs/submit/batch",
                             "{\"code\":\"a\",\"data\":\"\",\"running_commands\":\"1\"}\n{\"code\":\"a\",\"data\":\"\","
                             "\"running_commands\":\"2\"}\n",
                             ada.token, {{"Content-Type", "application/x-ndjson"}});
    EXPECT_EQ(answer.body, R"([{"id":"100000001"},{"id":"100000002"}])");
}

TEST_F(Jobs, events_tell_the_story) {
    const auto id = submit(ada);
    scheduler_->start(id);
    const auto events = get("/api/jobs/" + id.text() + "/events/", ada.token).json();
    ASSERT_EQ(events.Size(), 2u);
    EXPECT_STREQ(events[0]["event"].GetString(), "submit");
    EXPECT_STREQ(events[0]["status"].GetString(), "queued");
    EXPECT_FALSE(events[0].HasMember("worker"));
    EXPECT_STREQ(events[1]["event"].GetString(), "start");
    EXPECT_STREQ(events[1]["worker"].GetString(), "node-1");
    EXPECT_EQ(events[1]["attempt"].GetInt(), 1);
}

TEST_F(Jobs, why_asks_the_scheduler_while_the_job_waits) {
    const auto id = submit(ada);
    scheduler_->explanation = "It asks for 8 cores and no worker has so many.";
    const auto waiting = get("/api/jobs/" + id.text() + "/why/", ada.token);
    const auto json = waiting.json();
    EXPECT_STREQ(json["status"].GetString(), "queued");
    for (const char* key : {"why", "text"})
        EXPECT_STREQ(json[key].GetString(), "It asks for 8 cores and no worker has so many.");
    scheduler_->away = true;
    EXPECT_NE(get("/api/jobs/" + id.text() + "/why/", ada.token).body.find("The scheduler is away"), std::string::npos);
    scheduler_->start(id);
    EXPECT_NE(get("/api/jobs/" + id.text() + "/why/", ada.token).body.find("Attempt 1 is running on worker node-1."),
              std::string::npos);
}

TEST_F(Jobs, ten_thousand_in_one_batch_cost_little_processor_time) {
    std::string body = "[";
    for (int i = 0; i < 10'000; ++i)
        body += fmt::format(
            "{}{{\"code\":\"#!/bin/sh\\nexec true\",\"data\":\"{}\",\"running_commands\":\"sh code\",\"name\":\"job "
            "{}\",\"priority\":1}}",
            i == 0 ? "" : ",", i, i);
    body += "]";
    scheduler_->silent = true;  // only our own side is measured
    const auto began = std::clock();
    const auto pending = begin("POST", "/api/jobs/submit/batch/", body, ada.token);
    const double ms = 1000.0 * static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
    EXPECT_TRUE(waits(pending));
    RecordProperty("cpu_ms", std::to_string(ms));
    std::printf("10,000 jobs parsed and handed on in %.1f ms of processor time\n", ms);
    EXPECT_LT(ms, 1500) << "something became quadratic";
}

}  // namespace
}  // namespace windlass::api::test
