// GET /api/config, PATCH /api/config/update, GET /api/ping.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <thread>

#include "tests/api/api_fixture.h"
#include "tests/support/patience.h"

namespace windlass::api::test {
namespace {

class Configuration : public ApiTest {
  protected:
    Answer update(const std::string& body) { return send("PATCH", "/api/config/update", body, boss_.token); }
    rapidjson::Document config() { return get("/api/config", boss_.token).json(); }
    Account boss_ = make_account("boss", Roles(Role::admin));
};

TEST_F(Configuration, holds_three_keys_and_what_our_workers_measure_from_the_start) {
    const auto now = config();
    EXPECT_EQ(now.MemberCount(), 3u);
    EXPECT_EQ(now["Metrics"].Size(), 7u);
    EXPECT_STREQ(now["Metrics"][0]["Measurement"].GetString(), "cpu_used");
    EXPECT_TRUE(now["Partitions"]["default"]["VirtualPartitions"].IsNull());
    EXPECT_GT(now["MetricCategories"].Size(), 0u);
}

TEST_F(Configuration, a_key_that_is_absent_stays_as_it_is) {
    const auto before = config();
    const auto answer = update(R"({"metricCategories":["Only"],"Metrics":null,"Whatever":1})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto after = config();
    EXPECT_EQ(after["Metrics"], before["Metrics"]);
    EXPECT_EQ(after["Partitions"], before["Partitions"]);
    EXPECT_EQ(after["MetricCategories"].Size(), 1u);
    EXPECT_EQ(answer.json(), after) << "the answer is what is stored";
}

TEST_F(Configuration, a_new_metric_gets_a_guid_and_a_known_one_keeps_what_is_not_said) {
    const auto before = config();
    const std::string guid = before["Metrics"][1]["GUID"].GetString();
    const auto answer = update(fmt::format(
        R"({{"Metrics":[{{"GUID":"{}","unit":"MiB"}},{{"Type":"socket","Measurement":"flops","GUID":""}},)"
        R"({{"Type":"node","Measurement":"net","MaxPerNode":1e9,"SampleInterval":"1m","Categories":["Ü"]}}]}})",
        guid));
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto after = answer.json();
    const auto& metrics = after["Metrics"];
    ASSERT_EQ(metrics.Size(), 3u);
    EXPECT_EQ(metrics[0]["GUID"], before["Metrics"][1]["GUID"]);
    EXPECT_STREQ(metrics[0]["Unit"].GetString(), "MiB");
    EXPECT_EQ(metrics[0]["Measurement"], before["Metrics"][1]["Measurement"]);
    EXPECT_EQ(metrics[1]["GUID"].GetStringLength(), 36u);
    EXPECT_NE(metrics[1]["GUID"], metrics[2]["GUID"]);
    EXPECT_EQ(after["Partitions"]["default"]["Metrics"].Size(), 1u) << "what is gone is gone from the partitions";
}

TEST_F(Configuration, unknown_guids_are_refused_and_change_nothing) {
    const auto before = get("/api/config", boss_.token).body;
    for (const char* body : {R"({"Metrics":[{"GUID":"made-up","Type":"node","Measurement":"x"}]})",
                             R"({"Partitions":{"p":{"MaxTime":1,"Metrics":["made-up"]}}})",
                             R"({"Partitions":{"p":{"VirtualPartitions":{"v":{"Metrics":["made-up"]}}}}})"}) {
        const auto answer = update(body);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_EQ(answer.response.content_type.substr(0, 10), "text/plain");
    }
    EXPECT_EQ(get("/api/config", boss_.token).body, before);
}

TEST_F(Configuration, bad_ones_are_refused_and_change_nothing) {
    const auto before = get("/api/config", boss_.token).body;
    const std::string guid = config()["Metrics"][0]["GUID"].GetString();
    for (const std::string& body :
         {std::string(""), std::string("[]"), std::string(R"({"Metrics":{}})"), std::string(R"({"Metrics":[1]})"),
          std::string(R"({"Metrics":[{}]})"), std::string(R"({"Metrics":[{"Type":"moon","Measurement":"x"}]})"),
          std::string(R"({"Metrics":[{"Type":"node"}]})"),
          std::string(R"({"Metrics":[{"Type":"node","Measurement":"x","AggFn":"median"}]})"),
          std::string(R"({"Metrics":[{"Type":"node","Measurement":"x","SampleInterval":"often"}]})"),
          std::string(R"({"Metrics":[{"Type":"node","Measurement":"x","MaxPerNode":-1}]})"),
          std::string(R"({"Metrics":[{"Type":"node","Measurement":"x","Categories":"a"}]})"),
          fmt::format(R"({{"Metrics":[{{"GUID":"{0}"}},{{"GUID":"{0}"}}]}})", guid),
          std::string(R"({"Partitions":[]})"), std::string(R"({"Partitions":{"p":1}})"),
          std::string(R"({"Partitions":{"p":{"MaxTime":-1}}})"), std::string(R"({"Partitions":{"p":{"MaxTime":"1"}}})"),
          std::string(R"({"Partitions":{"p":{"VirtualPartitions":[]}}})"), std::string(R"({"MetricCategories":"x"})"),
          std::string(R"({"metrics":[],"Metrics":[]})")}) {
        const auto answer = update(body);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_NE(answer.body, "");
    }
    EXPECT_EQ(get("/api/config", boss_.token).body, before);
}

TEST_F(Configuration, partitions_come_back_as_they_were_sent) {
    const std::string partitions =
        R"({"a/b":{"MaxTime":60,"Metrics":[],"VirtualPartitions":{"v":{"MaxTime":5,"Metrics":[],"Nodes":["n1"]}}},)"
        R"("c":{"MaxTime":0,"Metrics":[],"VirtualPartitions":null}})";
    const auto answer = update("{\"Partitions\":" + partitions + "}");
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_NE(answer.body.find("\"Partitions\":" + partitions + ","), std::string::npos) << answer.body;
    const auto list = get("/api/jobs", boss_.token).body;
    EXPECT_NE(list.find("\"Partitions\":" + partitions + ","), std::string::npos) << "and in lists of jobs";
}

TEST_F(Configuration, a_change_is_live_at_once_in_every_process_and_audited) {
    Monitoring another(*pool_, config_.scheduler.first_job_id, MailSettings());  // what another api process has
    ASSERT_EQ(update(R"({"MetricCategories":["A"]})").status, 200);
    EXPECT_EQ(another.config()->metric_categories, std::vector<std::string>{"A"});
    ASSERT_EQ(update(R"({"MetricCategories":["B"]})").status, 200);
    EXPECT_EQ(another.config()->metric_categories, std::vector<std::string>{"B"});
    std::set<std::string> details;  // the entries come a moment later
    const auto deadline = std::chrono::steady_clock::now() + windlass::test::patience();
    while (!details.contains("version 2") && std::chrono::steady_clock::now() < deadline) {
        const auto all = audit_entries_->upwards(1, std::nullopt, 100);
        ASSERT_TRUE(all);
        for (const auto& entry : *all)
            if (entry.object.starts_with("/api/config/update")) details.insert(entry.detail);
        std::this_thread::yield();
    }
    EXPECT_EQ(details, (std::set<std::string>{"version 1", "version 2"}));
}

TEST_F(Configuration, of_two_changes_at_the_same_moment_the_second_sees_the_first) {
    const auto session = pool_->lease();
    const auto first = load_monitoring_config(**session), second = load_monitoring_config(**session);
    EXPECT_TRUE(store_monitoring_config(**session, *first, clock_.now().wall));
    const auto refused = store_monitoring_config(**session, *second, clock_.now().wall);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
    const auto third = load_monitoring_config(**session);
    EXPECT_EQ(third->version, 1);
    EXPECT_TRUE(store_monitoring_config(**session, *third, clock_.now().wall));
    EXPECT_FALSE(store_monitoring_config(**session, *third, clock_.now().wall));
}

TEST_F(Configuration, is_for_admins) {
    for (const Roles roles : {Roles(Role::user), Roles(Role::job_control)}) {
        const auto who = make_account("u" + std::to_string(roles.mask), roles);
        EXPECT_EQ(get("/api/config", who.token).status, 403);
        EXPECT_EQ(send("PATCH", "/api/config/update", "{}", who.token).status, 403);
    }
}

TEST_F(Configuration, ping_tells_the_time_to_anybody) {
    const auto answer = get("/api/ping", "");
    EXPECT_EQ(answer.status, 202);
    EXPECT_EQ(answer.body, "2027-01-15 08:00:00");
    EXPECT_EQ(answer.response.content_type.substr(0, 10), "text/plain");
}

}  // namespace
}  // namespace windlass::api::test
