// GET /api/jobs (without a slash), GET /api/search/…
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

class JobListing : public ApiTest {
  protected:
    void report(int id, const std::string& members) {
        const auto body = fmt::format(R"({{"Id":{},"ClusterId":"alpha",{}}})", id, members);
        const auto answer = send("PUT", "/api/job_start", body, slurm_.token);
        ASSERT_EQ(answer.status, 200) << answer.body;
    }
    // "3 1 2": the ids in order.
    std::string ids(const std::string& query, const std::string& token) {
        const auto answer = get("/api/jobs" + query, token);
        if (answer.status != 200) return std::to_string(answer.status);
        const auto list = answer.json();
        std::string text;
        for (const auto& job : list["Jobs"].GetArray())
            text += (text.empty() ? "" : " ") + std::to_string(job["Id"].GetInt64());
        return text;
    }
    std::string ids(const std::string& query = "") { return ids(query, boss_.token); }

    Account boss_ = make_account("boss", Roles(Role::admin));
    Account slurm_ = make_account("slurm", Roles(Role::job_control));
    Account ada_ = make_account("ada");
};

TEST_F(JobListing, an_empty_list_is_a_list_and_the_configuration_is_there) {
    const auto answer = get("/api/jobs", ada_.token);
    ASSERT_EQ(answer.status, 200);
    const auto list = answer.json();
    EXPECT_EQ(list["Jobs"].Size(), 0u);
    EXPECT_GT(list["Config"]["RadarChartMetrics"].Size(), 0u);
    EXPECT_TRUE(list["Config"]["Partitions"].HasMember("default"));
    EXPECT_EQ(list["Config"]["Tags"].Size(), 0u);
    EXPECT_TRUE(get("/api/jobs/", ada_.token).json().IsArray()) << "with a slash it is the list of the jobs family";
    EXPECT_EQ(get("/api/jobs", slurm_.token).status, 403);
    EXPECT_EQ(get("/api/jobs", "").status, 401);
}

TEST_F(JobListing, the_order_is_start_time_then_id_descending) {
    report(1, R"("UserName":"u","StartTime":1700000010)");
    report(2, R"("UserName":"u","StartTime":1700000030)");
    report(3, R"("UserName":"u","StartTime":1700000010)");
    EXPECT_EQ(ids(), "2 3 1");
}

TEST_F(JobListing, each_filter_narrows_and_an_empty_one_does_not) {
    report(1, R"("UserName":"ada","UserId":1,"GroupId":10,"GroupName":"g","Partition":"p","NumNodes":1,"NumTasks":4,)"
              R"("GPUsPerNode":0,"StartTime":1700000001)");
    report(2, R"("UserName":"bob","UserId":2,"GroupId":20,"GroupName":"h","Partition":"q","NumNodes":4,"NumTasks":8,)"
              R"("GPUsPerNode":2,"StartTime":1700000002)");
    report(3, R"("UserName":"100%","UserId":3,"GroupId":20,"GroupName":"h","Partition":"p","NumNodes":8,"NumTasks":16,)"
              R"("GPUsPerNode":1,"StartTime":1700000003)");
    send("PATCH", "/api/job_stop/2", "{}", slurm_.token);
    const std::pair<const char*, const char*> expected[] = {
        {"?UserId=2", "2"},
        {"?GroupId=20", "3 2"},
        {"?UserName=ada", "1"},
        {"?UserName=ad", ""},
        {"?UserName=ADA", ""},
        {"?UserName=%25", ""},
        {"?UserName=100%25", "3"},
        {"?UserName=' or 1=1 --", "400"},
        {"?UserName='%20or%20''='", ""},
        {"?GroupName=h", "3 2"},
        {"?Partition=p", "3 1"},
        {"?IsRunning=true", "3 1"},
        {"?IsRunning=false", "2"},
        {"?NumNodes=4,", "3 2"},
        {"?NumNodes=,4", "2 1"},
        {"?NumNodes=4,4", "2"},
        {"?NumNodes=,", "3 2 1"},
        {"?NumNodes=9,1", ""},
        {"?NumTasks=5,15", "2"},
        {"?NumGpus=8,8", "3 2"},
        {"?NumGpus=0,0", "1"},
        {"?Time=1700000002,1700000003", "3 2"},
        {"?Time=,1700000001", "1"},
        {"?UserId=&GroupId=&UserName=&GroupName=&Partition=&IsRunning=&NumNodes=&NumTasks=&NumGpus=&Time=&Tags=",
         "3 2 1"},
        {"?Partition=p&NumNodes=2,&IsRunning=true", "3"},
        {"?Source=clusters&NumNodes=2,", "3 2"},
        {"?Source=windlass", ""},
        {"?Source=", "3 2 1"},
    };
    for (const auto& [query, list] : expected) {
        if (std::string(query).find(' ') != std::string::npos) continue;  // the front refuses it
        EXPECT_EQ(ids(query), list) << query;
    }
}

TEST_F(JobListing, malformed_filters_are_refused_as_text) {
    for (const char* query : {"?UserId=x",      "?UserId=1.5",     "?GroupId=99999999999999999999",
                              "?IsRunning=yes", "?IsRunning=1",    "?NumNodes=3",
                              "?NumNodes=a,b",  "?NumNodes=1,2,3", "?NumTasks=1;2",
                              "?NumGpus=--1,",  "?Time=now,",      "?Tags=x",
                              "?Tags=1,,2",     "?Tags=1,",        "?limit=0",
                              "?limit=1001",    "?limit=x",        "?cursor=x",
                              "?cursor=1.2",    "?Color=red",      "?Source=slurm"}) {
        const auto answer = get(std::string("/api/jobs") + query, boss_.token);
        EXPECT_EQ(answer.status, 400) << query;
        EXPECT_EQ(answer.response.content_type.substr(0, 10), "text/plain") << query;
    }
}

TEST_F(JobListing, users_see_their_own_whatever_they_filter_by) {
    report(1, R"("UserName":"ADA","StartTime":1700000001)");
    report(2, R"("UserName":"bob","StartTime":1700000002)");
    const JobId own = submit(ada_), foreign = submit(make_account("carol"));
    scheduler_->start(own);
    scheduler_->start(foreign);
    EXPECT_EQ(ids("", ada_.token), own.text() + " 1") << "in any spelling of the name";
    EXPECT_EQ(ids("?UserName=bob", ada_.token), "");
    EXPECT_EQ(ids("?UserName=carol", ada_.token), "");
    EXPECT_EQ(ids("?UserId=" + foreign.text(), ada_.token), "");
    EXPECT_EQ(ids(), foreign.text() + " " + own.text() + " 2 1");
    EXPECT_EQ(ids("?Source=clusters"), "2 1");
    EXPECT_EQ(ids("?Source=windlass"), foreign.text() + " " + own.text());
    EXPECT_EQ(ids("?Source=clusters", ada_.token), "1");
}

TEST_F(JobListing, our_own_jobs_are_there_from_their_start_on_with_their_exit_codes) {
    const JobId waits = submit(ada_), runs = submit(ada_), ends = submit(ada_), dies = submit(ada_);
    for (const JobId job : {runs, ends, dies}) scheduler_->start(job);
    clock_.advance(Seconds{5});
    AttemptResult result;
    result.outcome.exit_code = 3;
    scheduler_->finish(ends, JobState::failed, result);
    result.outcome = {OutcomeKind::signalled, 0, 9, ""};
    scheduler_->finish(dies, JobState::failed, result);
    EXPECT_EQ(ids("", ada_.token), dies.text() + " " + ends.text() + " " + runs.text()) << waits.text() << " waits";

    const auto list = get("/api/jobs?IsRunning=false", ada_.token).json();
    ASSERT_EQ(list["Jobs"].Size(), 2u);
    EXPECT_EQ(list["Jobs"][0]["ExitCode"].GetInt(), 137);
    const auto& job = list["Jobs"][1];
    EXPECT_STREQ(job["UserName"].GetString(), "ada");
    EXPECT_EQ(job["UserId"].GetInt64(), ada_.id.value);
    EXPECT_STREQ(job["ClusterId"].GetString(), "windlass");
    EXPECT_STREQ(job["Partition"].GetString(), "default");
    EXPECT_STREQ(job["NodeList"].GetString(), "node-1");
    EXPECT_EQ(job["NumNodes"].GetInt(), 1);
    EXPECT_EQ(job["ExitCode"].GetInt(), 3);
    EXPECT_EQ(job["StartTime"].GetInt64(), 1'800'000'000);
    EXPECT_EQ(job["StopTime"].GetInt64(), 1'800'000'005);
    EXPECT_STRNE(job["JobScript"].GetString(), "");
    const auto running = get("/api/jobs?IsRunning=true", ada_.token).json();
    EXPECT_EQ(running["Jobs"][0]["StopTime"].GetInt64(), 0);
    EXPECT_EQ(ids("?UserName=ada&Partition=default&NumNodes=1,1&NumGpus=0,0", boss_.token).size(), 29u);
    EXPECT_EQ(ids("?Partition=other"), "");
    EXPECT_EQ(ids("?NumNodes=2,"), "");
    EXPECT_EQ(ids("?NumGpus=1,"), "");
}

TEST_F(JobListing, members_of_an_array_are_jobs_and_the_array_is_none) {
    const JobId array = submit(ada_, R"(,"array":{"count":3})");
    scheduler_->start_member(array, 0);
    scheduler_->start_member(array, 1);
    EXPECT_EQ(ids("", ada_.token), fmt::format("{} {}", array.value + 2, array.value + 1));
}

TEST_F(JobListing, what_was_moved_to_the_history_is_listed_too) {
    std::set<std::string> expected;
    for (int i = 0; i < 6; ++i) {
        const JobId job = submit(ada_);
        scheduler_->start(job);
        scheduler_->finish(job, JobState::succeeded, {});
        expected.insert(job.text());
        if (i % 2 == 0) {
            execute(fmt::format(
                "insert into job_past (id, owner, array_id, state, attempt, failures, losses, cancel_requested, "
                "started_us, finished_us, event_seq) select id, {}, array_id, state, attempt, failures, losses, "
                "cancel_requested, started_us, finished_us, event_seq from job_state where id = {}",
                ada_.id.value, job.value));
            execute("delete from job_state where id = " + job.text());
        }
        clock_.advance(Seconds{1});
    }
    std::set<std::string> seen;
    const auto list = get("/api/jobs", ada_.token).json();
    std::int64_t last = std::numeric_limits<std::int64_t>::max();
    for (const auto& job : list["Jobs"].GetArray()) {
        EXPECT_LT(job["StartTime"].GetInt64(), last);
        last = job["StartTime"].GetInt64();
        seen.insert(std::to_string(job["Id"].GetInt64()));
        EXPECT_STREQ(job["NodeList"].GetString(), "node-1");
    }
    EXPECT_EQ(seen, expected);
}

TEST_F(JobListing, pages_meet_without_a_gap_whatever_has_the_same_start) {
    for (int i = 1; i <= 25; ++i) report(i, fmt::format(R"("UserName":"ada","StartTime":{})", 1'800'000'000 + i / 10));
    for (int i = 1; i <= 3; ++i)
        send("PUT", "/api/job_start",
             fmt::format(R"({{"Id":{},"ClusterId":"b.c","UserName":"ada","StartTime":1800000000}})", i), slurm_.token);
    for (int i = 0; i < 5; ++i) scheduler_->start(submit(ada_));
    const std::string whole = ids("", ada_.token);
    for (const int limit : {1, 7, 33, 1000}) {
        std::string joined, target = fmt::format("/api/jobs?limit={}", limit);
        int pages = 0;
        while (!target.empty() && ++pages < 50) {
            const auto answer = get(target, ada_.token);
            ASSERT_EQ(answer.status, 200) << target << answer.body;
            const auto list = answer.json();
            EXPECT_LE(list["Jobs"].Size(), static_cast<unsigned>(limit));
            for (const auto& job : list["Jobs"].GetArray())
                joined += (joined.empty() ? "" : " ") + std::to_string(job["Id"].GetInt64());
            const auto link = answer.header("Link");
            target = link.empty() ? "" : link.substr(1, link.find('>') - 1);
        }
        EXPECT_EQ(joined, whole) << limit;
        EXPECT_EQ(pages, (33 + limit - 1) / limit);
    }
}

TEST_F(JobListing, a_long_list_comes_whole) {
    execute(
        "insert into cluster_job with recursive n (i) as (select 1 union all select i + 1 from n where i < 700) select "
        "'c', i, 0, 'u', 'u', 0, '', 1, 1, 1, 0, 'n', 1700000000 + i, cast(null as bigint), 0, 0, '', '', 0, 'p', '" +
        std::string(300, 'x') + "', 0 from n");
    const auto list = get("/api/jobs", boss_.token).json();
    EXPECT_EQ(list["Jobs"].Size(), 700u);
    EXPECT_EQ(list["Jobs"][699]["Id"].GetInt(), 1);
    EXPECT_TRUE(list["Config"]["Tags"].IsArray());
}

TEST_F(JobListing, a_search_for_a_number_finds_a_job_that_may_be_seen) {
    report(41, R"("UserName":"ada")");
    report(42, R"("UserName":"bob")");
    const JobId waits = submit(ada_), runs = submit(ada_);
    scheduler_->start(runs);
    const auto search = [&](const std::string& term, const std::string& token) {
        const auto answer = get("/api/search/all/" + term, token);
        EXPECT_EQ(answer.response.content_type.substr(0, 10), "text/plain");
        return answer.body;
    };
    EXPECT_EQ(search("41", ada_.token), "job:41");
    EXPECT_EQ(search("42", ada_.token), "user:42") << "somebody else's: as if there were none";
    EXPECT_EQ(search("42", boss_.token), "job:42");
    EXPECT_EQ(search(runs.text(), ada_.token), "job:" + runs.text());
    EXPECT_EQ(search(waits.text(), ada_.token), "user:" + waits.text());
    EXPECT_EQ(search("ada", ada_.token), "user:ada");
    EXPECT_EQ(search("99999999999999999999", ada_.token), "user:99999999999999999999");
}

TEST_F(JobListing, terms_are_text_whatever_they_look_like) {
    report(1, R"("UserName":"ada%_\\lovelace")");
    report(2, R"("UserName":"bob")");
    report(3, R"("UserName":"O'Brien <b>")");
    const std::pair<const char*, const char*> terms[] = {
        {"%25", R"(["ada%_\\lovelace"])"},
        {"_", R"(["ada%_\\lovelace"])"},
        {"%5C", R"(["ada%_\\lovelace"])"},
        {"*", "[]"},
        {".*", "[]"},
        {"'", R"(["O'Brien <b>"])"},
        {"'%20or%201=1--", "[]"},
        {"%3Cb%3E", R"(["O'Brien <b>"])"},
        {"OB", R"(["bob"])"},
        {"o'b", R"(["O'Brien <b>"])"},
        {"BO", R"(["bob"])"},
        {"%25%2f%25", "[]"},
    };
    for (const auto& [term, names] : terms) {
        const auto users = get(std::string("/api/search/user/") + term, boss_.token);
        if (users.status == 200) {
            EXPECT_EQ(users.body, names) << term;
        }
        EXPECT_TRUE(users.status == 200 || users.status == 404 || users.status == 400) << term << users.body;
        const auto all = get(std::string("/api/search/all/") + term, boss_.token);
        if (all.status == 200) {
            EXPECT_EQ(all.body.substr(0, 5), "user:") << term;
        }
    }
    EXPECT_EQ(get("/api/search/all/%3Cscript%3E", ada_.token).body, "user:<script>");
    EXPECT_EQ(get("/api/search/user/a", ada_.token).status, 403);
    EXPECT_EQ(get("/api/search/user/" + std::string(300, 'a'), boss_.token).status, 400);
}

TEST_F(JobListing, a_search_for_users_knows_ours_that_have_a_job) {
    const auto carol = make_account("carol");
    EXPECT_EQ(get("/api/search/user/caro", boss_.token).body, "[]") << "no job yet";
    submit(carol);
    EXPECT_EQ(get("/api/search/user/CARO", boss_.token).body, R"(["carol"])");
    report(1, R"("UserName":"carol")");
    EXPECT_EQ(get("/api/search/user/car", boss_.token).body, R"(["carol"])") << "once";
}

}  // namespace
}  // namespace windlass::api::test
