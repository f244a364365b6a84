// PUT /api/job_start, PATCH /api/job_stop/:id, POST /api/admin/refresh_metadata/:id, and the sweep.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <thread>

#include "tests/api/api_fixture.h"
#include "tests/support/patience.h"

namespace windlass::api::test {
namespace {

class JobControl : public ApiTest {
  protected:
    Answer start(const std::string& body) { return send("PUT", "/api/job_start", body, slurm_.token); }
    Answer stop(const std::string& id, const std::string& body) {
        return send("PATCH", "/api/job_stop/" + id, body, slurm_.token);
    }
    // The jobs of GET /api/jobs as an admin.
    rapidjson::Document jobs(const std::string& query = "") {
        auto answer = get("/api/jobs" + query, boss_.token);
        EXPECT_EQ(answer.status, 200) << answer.body;
        return answer.json();
    }
    // Of the only job: so that a test says in a line how it stands.
    std::string standing() {
        const auto list = jobs();
        if (list["Jobs"].Size() != 1) return fmt::format("{} jobs", list["Jobs"].Size());
        const auto& job = list["Jobs"][0];
        return fmt::format("{} start {} stop {} exit {}", job["IsRunning"].GetBool() ? "runs" : "over",
                           job["StartTime"].GetInt64(), job["StopTime"].GetInt64(), job["ExitCode"].GetInt64());
    }
    Account boss_ = make_account("boss", Roles(Role::admin));
    Account slurm_ = make_account("slurm", Roles(Role::job_control));
    const std::string job_ = R"({"Id":42,"UserName":"ada","ClusterId":"alpha","StartTime":1700000000})";
};

TEST_F(JobControl, a_job_that_starts_is_shown_with_all_that_was_said_of_it) {
    const auto answer =
        start(R"({"Id":42,"UserId":1001,"UserName":"ada","GroupId":100,"GroupName":"physics","ClusterId":"alpha",)"
              R"("NumNodes":5,"NumTasks":20,"TasksPerNode":4,"GPUsPerNode":2,"NodeList":"node[01-04,7]",)"
              R"("StartTime":1700000000,"StopTime":5,"IsRunning":false,"JobName":"sim <b>&'\"","Account":"proj",)"
              R"("TTL":60,"Partition":"compute","JobScript":"#!/bin/sh\nsrun x","ExitCode":9,"Tags":[],"Data":null})");
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.body, "");
    const auto list = get("/api/jobs", boss_.token).body;
    const std::string expected =
        R"({"Jobs":[{"Id":42,"UserId":1001,"UserName":"ada","GroupId":100,"GroupName":"physics","ClusterId":"alpha",)"
        R"("NumNodes":5,"NumTasks":20,"TasksPerNode":4,"GPUsPerNode":2,"NodeList":"node01|node02|node03|node04|node7",)"
        R"("StartTime":1700000000,"StopTime":0,"IsRunning":true,"JobName":"sim <b>&'\"","Account":"proj","TTL":60,)"
        R"("Partition":"compute","JobScript":"#!/bin/sh\nsrun x","ExitCode":0,"Tags":[],"Data":[]}],"Config":)";
    EXPECT_EQ(list.substr(0, expected.size()), expected);
}

TEST_F(JobControl, keys_match_in_any_case_whatever_the_content_type_and_null_is_absent) {
    const auto answer =
        send("PUT", "/api/job_start/", R"({"id":43,"userName":"ada","NUMNODES":null,"nodelist":"a,b","tTl":7,"x":{}})",
             slurm_.token, {{"Content-Type", "application/x-www-form-urlencoded"}});
    EXPECT_EQ(answer.status, 200) << answer.body;
    const auto list = jobs();
    EXPECT_EQ(list["Jobs"][0]["NumNodes"].GetInt(), 2) << "as many as NodeList names";
    EXPECT_EQ(list["Jobs"][0]["TTL"].GetInt(), 7);
    EXPECT_EQ(list["Jobs"][0]["StartTime"].GetInt64(), 1'800'000'000) << "now";
}

TEST_F(JobControl, the_scripts_come_in_by_a_cookie_quoted_or_raw_without_a_browser) {
    for (const std::string& value :
         {"Bearer " + slurm_.token, "\"Bearer " + slurm_.token + "\"", "Bearer%20" + slurm_.token}) {
        const auto answer = send("PUT", "/api/job_start", job_, {}, {{"Cookie", "Authorization=" + value}});
        EXPECT_EQ(answer.status, 200) << value << answer.body;
    }
    for (const char* header : {"Origin", "Sec-Fetch-Site"}) {
        const auto answer =
            send("PUT", "/api/job_start", job_, {},
                 {{"Cookie", "Authorization=Bearer " + slurm_.token}, {header, "https://evil.example"}});
        EXPECT_EQ(answer.status, 403) << "a browser: " << header;
    }
    EXPECT_EQ(send("PUT", "/api/job_start", job_, make_account("ada").token).status, 403);
    EXPECT_EQ(send("PUT", "/api/job_start", job_).status, 401);
    EXPECT_EQ(send("PUT", "/api/job_start", job_, boss_.token).status, 200) << "an admin may too";
}

TEST_F(JobControl, a_stop_says_success_and_the_job_is_over) {
    start(job_);
    const auto answer = stop("42", R"({"exitCode":3,"STOPTIME":1700000060})");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "Success");
    EXPECT_EQ(answer.response.content_type.substr(0, 10), "text/plain");
    EXPECT_EQ(standing(), "over start 1700000000 stop 1700000060 exit 3");
}

TEST_F(JobControl, a_second_stop_changes_nothing_and_one_without_times_is_now) {
    start(job_);
    EXPECT_EQ(stop("42/", "{}").body, "Success");
    EXPECT_EQ(standing(), "over start 1700000000 stop 1800000000 exit 0");
    EXPECT_EQ(stop("42", R"({"ExitCode":5,"StopTime":1700000001})").body, "Success");
    EXPECT_EQ(standing(), "over start 1700000000 stop 1800000000 exit 0");
}

TEST_F(JobControl, the_same_start_twice_is_one_job) {
    EXPECT_EQ(start(job_).status, 200);
    EXPECT_EQ(start(job_).status, 200);
    EXPECT_EQ(start(R"({"Id":42,"UserName":"ada","ClusterId":"alpha"})").status, 200) << "without StartTime: as before";
    EXPECT_EQ(standing(), "runs start 1700000000 stop 0 exit 0");
}

TEST_F(JobControl, another_job_of_the_number_of_a_running_one_is_a_conflict_and_changes_nothing) {
    start(job_);
    for (const char* other : {R"({"Id":42,"UserName":"bob","ClusterId":"alpha","StartTime":1700000000})",
                              R"({"Id":42,"UserName":"ada","ClusterId":"alpha","StartTime":1700000001})"}) {
        const auto answer = start(other);
        EXPECT_EQ(answer.status, 409) << other;
        EXPECT_EQ(answer.response.content_type.substr(0, 10), "text/plain");
    }
    EXPECT_EQ(standing(), "runs start 1700000000 stop 0 exit 0");
}

TEST_F(JobControl, a_job_that_is_requeued_runs_anew_under_its_number) {
    start(job_);
    stop("42", R"({"ExitCode":1,"StopTime":1700000010})");
    EXPECT_EQ(start(R"({"Id":42,"UserName":"ada","ClusterId":"alpha","StartTime":1700000020})").status, 200);
    EXPECT_EQ(standing(), "runs start 1700000020 stop 0 exit 0");
    EXPECT_EQ(stop("42", R"({"ExitCode":0,"StopTime":1700000030})").body, "Success");
    EXPECT_EQ(standing(), "over start 1700000020 stop 1700000030 exit 0");
}

TEST_F(JobControl, a_stop_before_the_start_is_unknown_and_the_start_stands_by_itself) {
    const auto answer = stop("42", R"({"ExitCode":0,"StopTime":1700000010})");
    EXPECT_EQ(answer.status, 404);
    EXPECT_EQ(answer.body, "There is no job 42.");
    EXPECT_EQ(start(job_).status, 200);
    EXPECT_EQ(standing(), "runs start 1700000000 stop 0 exit 0") << "until its stop, or the sweep";
}

TEST_F(JobControl, two_clusters_may_use_one_number) {
    start(job_);
    EXPECT_EQ(start(R"({"Id":42,"UserName":"bob","ClusterId":"beta","StartTime":1700000005})").status, 200);
    EXPECT_EQ(jobs()["Jobs"].Size(), 2u);
    EXPECT_EQ(stop("42", "{}").status, 400) << "both run: which one?";
    EXPECT_EQ(stop("42", R"({"ClusterId":"gamma"})").status, 404);
    EXPECT_EQ(stop("42", R"({"ClusterId":"alpha","ExitCode":2})").body, "Success");
    EXPECT_EQ(stop("42", R"({"ExitCode":7})").body, "Success") << "the one that runs";
    const auto list = jobs();
    EXPECT_STREQ(list["Jobs"][0]["ClusterId"].GetString(), "beta");
    EXPECT_EQ(list["Jobs"][0]["ExitCode"].GetInt(), 7);
    EXPECT_EQ(list["Jobs"][1]["ExitCode"].GetInt(), 2);
}

TEST_F(JobControl, bad_reports_are_refused_as_text_and_change_nothing) {
    for (const char* body : {"",
                             "[]",
                             "{",
                             "{}",
                             R"({"Id":1})",
                             R"({"UserName":"ada"})",
                             R"({"Id":0,"UserName":"ada"})",
                             R"({"Id":-1,"UserName":"ada"})",
                             R"({"Id":1.5,"UserName":"ada"})",
                             R"({"Id":"1","UserName":"ada"})",
                             R"({"Id":100000001,"UserName":"ada"})",
                             R"({"Id":99999999999999999999,"UserName":"ada"})",
                             R"({"Id":1,"UserName":" "})",
                             R"({"Id":1,"UserName":1})",
                             R"({"Id":1,"id":2,"UserName":"ada"})",
                             R"({"Id":1,"UserName":"ada","NumNodes":-1})",
                             R"({"Id":1,"UserName":"ada","NumTasks":"2"})",
                             R"({"Id":1,"UserName":"ada","NodeList":"n[0-999999999]"})",
                             R"({"Id":1,"UserName":"ada","NodeList":"n["})",
                             R"({"Id":1,"UserName":"ada","StartTime":-5})",
                             R"({"Id":1,"UserName":"ada","StartTime":9999999999999})",
                             R"({"Id":1,"UserName":"ada","TTL":-1})",
                             R"({"Id":1,"UserName":"ada","ClusterId":"windlass"})",
                             R"({"Id":1,"UserName":"a\u0000b"})"}) {
        const auto answer = start(body);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_EQ(answer.response.content_type.substr(0, 10), "text/plain") << body;
        EXPECT_NE(answer.body, "");
    }
    EXPECT_EQ(standing(), "0 jobs");
    start(job_);
    for (const char* body : {"", "[]", R"({"ExitCode":"0"})", R"({"ExitCode":99999999999})", R"({"StopTime":-1})"})
        EXPECT_EQ(stop("42", body).status, 400) << body;
    EXPECT_EQ(stop("x", "{}").status, 400);
    EXPECT_EQ(stop("42", R"({"StopTime":1})").body, "Success") << "a clock that is wrong: as long as it took";
    EXPECT_EQ(standing(), "over start 1700000000 stop 1700000000 exit 0");
}

TEST_F(JobControl, what_scripts_report_is_audited) {
    start(job_);
    stop("42", "{}");
    std::set<std::string> objects;  // nobody waits for these entries: they come a moment later
    const auto deadline = std::chrono::steady_clock::now() + windlass::test::patience();
    while (objects.size() < 2 && std::chrono::steady_clock::now() < deadline) {
        const auto all = audit_entries_->upwards(1, std::nullopt, 100);
        ASSERT_TRUE(all);
        for (const auto& entry : *all) objects.insert(entry.object);
        std::this_thread::yield();
    }
    EXPECT_TRUE(objects.contains("job 42 of \"alpha\"")) << fmt::format("{}", fmt::join(objects, "; "));
    EXPECT_TRUE(objects.contains("/api/job_stop/42")) << fmt::format("{}", fmt::join(objects, "; "));
}

TEST_F(JobControl, the_sweep_closes_what_is_past_the_time_of_its_partition) {
    EXPECT_EQ(send("PATCH", "/api/config/update",
                   R"({"Partitions":{"compute":{"MaxTime":100,"VirtualPartitions":{"big":{"MaxTime":1000,)"
                   R"("Nodes":["n1","n2"]}}},"endless":{"MaxTime":0}}})",
                   boss_.token)
                  .status,
              200);
    start(R"({"Id":1,"UserName":"ada","Partition":"compute","NodeList":"m1","StartTime":1799999899})");
    start(R"({"Id":2,"UserName":"ada","Partition":"compute","NodeList":"m1","StartTime":1799999950})");
    start(R"({"Id":3,"UserName":"ada","Partition":"compute","NodeList":"n[1-2]","StartTime":1799999500})");
    start(R"({"Id":4,"UserName":"ada","Partition":"endless","StartTime":1600000000})");
    start(R"({"Id":5,"UserName":"ada","Partition":"unknown","StartTime":1600000000})");
    const auto swept = monitoring_->clusters.sweep(clock_.now().wall);
    ASSERT_TRUE(swept) << swept.error().message;
    EXPECT_EQ(swept->closed, 1);
    EXPECT_EQ(monitoring_->clusters.sweep(clock_.now().wall)->closed, 0) << "again, or in another process: nothing";
    const auto over = jobs("?IsRunning=false");
    ASSERT_EQ(over["Jobs"].Size(), 1u);
    EXPECT_EQ(over["Jobs"][0]["Id"].GetInt(), 1);
    EXPECT_EQ(over["Jobs"][0]["StopTime"].GetInt64(), 1'799'999'999);
    EXPECT_EQ(over["Jobs"][0]["ExitCode"].GetInt(), 1);

    EXPECT_EQ(stop("1", R"({"ExitCode":0,"StopTime":1800000000})").body, "Success");
    EXPECT_EQ(jobs("?IsRunning=false")["Jobs"][0]["ExitCode"].GetInt(), 0) << "its script knows better than the sweep";
}

TEST_F(JobControl, a_sweep_of_many_looks_at_every_one) {
    send("PATCH", "/api/config/update",
         R"({"Partitions":{"p":{"MaxTime":10000,"VirtualPartitions":{"v":{"MaxTime":1,"Nodes":["v"]}}}}})",
         boss_.token);
    execute(
        "insert into cluster_job with recursive n (i) as (select 1 union all select i + 1 from n where i < 2500) "
        "select "
        "'c', i, 0, 'u', 'u', 0, '', 1, 1, 1, 0, case when i % 10 = 0 then 'v' else 'w' end, 1799999000 + i / 1500, "
        "cast(null as bigint), 0, 0, '', '', 0, 'p', '', 0 from n");
    EXPECT_EQ(monitoring_->clusters.sweep(clock_.now().wall)->closed, 250);
}

TEST_F(JobControl, a_job_past_its_ttl_goes_with_all_that_belongs_to_it) {
    const auto ada = make_account("ada");
    start(R"({"Id":1,"UserName":"ada","TTL":100,"StartTime":1700000000})");
    start(R"({"Id":2,"UserName":"ada","TTL":0,"StartTime":1700000000})");
    start(R"({"Id":3,"UserName":"ada","TTL":1,"StartTime":1700000000})");
    for (const char* query : {"?job=1", "?job=2"})
        EXPECT_EQ(send("POST", std::string("/api/tags/add_tag") + query, R"({"Name":"both"})", ada.token).status, 200);
    EXPECT_EQ(send("POST", "/api/tags/add_tag?job=1", R"({"Name":"one"})", ada.token).status, 200);
    stop("1", R"({"StopTime":1799999950})");
    stop("2", R"({"StopTime":1700000001})");
    EXPECT_EQ(monitoring_->clusters.sweep(clock_.now().wall)->removed, 0) << "50 s too early; and 3 still runs";
    clock_.advance(Seconds{50});
    EXPECT_EQ(monitoring_->clusters.sweep(clock_.now().wall)->removed, 1);
    EXPECT_EQ(jobs()["Jobs"].Size(), 2u);
    const auto list = jobs();
    ASSERT_EQ(list["Config"]["Tags"].Size(), 1u) << "one that no job has any more is gone";
    EXPECT_STREQ(list["Config"]["Tags"][0]["Name"].GetString(), "both");
}

TEST_F(JobControl, metadata_is_computed_again_of_a_job_that_is_over) {
    int computed = 0;
    auto compute = [&](SessionPool&, const MonitoringConfig& config, const JobMetadata& job) {
        EXPECT_EQ(job.id, 42);
        ++computed;
        JobMetadataData data;
        data.config = config.metrics.front();
        data.mean = 1.5;
        data.max = 3;
        return Result<std::vector<JobMetadataData>>(std::vector{data});
    };
    monitoring_ = std::make_unique<Monitoring>(*pool_, config_.scheduler.first_job_id, MailSettings(), compute);
    build_app();
    start(job_);
    const auto refresh = [&](const std::string& id) {
        return send("POST", "/api/admin/refresh_metadata/" + id, {}, boss_.token);
    };
    EXPECT_EQ(refresh("42").status, 409) << "it still runs";
    EXPECT_EQ(refresh("43").status, 404);
    EXPECT_EQ(refresh("x").status, 404);
    stop("42", "{}");
    EXPECT_EQ(jobs()["Jobs"][0]["Data"][0]["Mean"].GetDouble(), 1.5) << "a list computes what it lacks";
    EXPECT_EQ(computed, 1);
    clock_.advance(Seconds{120});
    EXPECT_EQ(jobs()["Jobs"][0]["Data"].Size(), 1u);
    EXPECT_EQ(computed, 2) << "the nodes may have sent more by now: from here on it is kept";
    EXPECT_EQ(jobs()["Jobs"][0]["Data"].Size(), 1u);
    EXPECT_EQ(computed, 2);
    const auto answer = refresh("42");
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.json()["Data"][0]["Mean"].GetDouble(), 1.5);
    EXPECT_EQ(computed, 3);
    const auto list = jobs();
    EXPECT_EQ(list["Jobs"][0]["Data"][0]["Max"].GetDouble(), 3) << "and kept";
    EXPECT_EQ(send("POST", "/api/admin/refresh_metadata/42", {}, slurm_.token).status, 403);

    start(R"({"Id":42,"UserName":"ada","ClusterId":"alpha","StartTime":1700000020})");
    const auto again = jobs();
    EXPECT_EQ(again["Jobs"][0]["Data"].Size(), 0u) << "what was computed of the run before is not said of this one";
}

}  // namespace
}  // namespace windlass::api::test
