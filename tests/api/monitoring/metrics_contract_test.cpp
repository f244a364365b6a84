// POST /api/write/, GET /api/job/:id and GET /api/metric/:id.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "api/monitoring/measurements.h"
#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t now_s = 1'800'000'000;  // of the fixture's clock
constexpr const char* cpu_used = "6b0f6d1e-53a4-4c43-9a55-0d6f0f5a3b01";
constexpr const char* acc_utilization = "6b0f6d1e-53a4-4c43-9a55-0d6f0f5a3b06";

class MetricsContract : public ApiTest {
  protected:
    void write(const std::string& lines) {
        const auto answer = send("POST", "/api/write/?precision=s", lines, control.token);
        ASSERT_EQ(answer.status, 204) << answer.body;
    }
    static std::string line(const std::string& host, std::int64_t at_s, double value,
                            const std::string& measurement = "cpu_used", const std::string& tags = "type=node") {
        return fmt::format("{},hostname={},{} value={} {}\n", measurement, host, tags, value, at_s);
    }
    // A job of the cluster, of the user ada.
    void start_job(std::int64_t id, std::int64_t start_s, const std::string& nodes = "n1|n2") {
        const auto answer = send("PUT", "/api/job_start",
                                 fmt::format(R"({{"Id":{},"UserName":"ada","ClusterId":"emil","NumNodes":2,)"
                                             R"("NodeList":"{}","StartTime":{},"Partition":"compute"}})",
                                             id, nodes, start_s),
                                 control.token);
        ASSERT_EQ(answer.status, 200) << answer.body;
    }
    void stop_job(std::int64_t id, std::int64_t stop_s) {
        const auto answer = send("PATCH", fmt::format("/api/job_stop/{}", id),
                                 fmt::format(R"({{"ExitCode":0,"StopTime":{}}})", stop_s), control.token);
        ASSERT_EQ(answer.status, 200) << answer.body;
    }
    static const rapidjson::Value& metric(const rapidjson::Value& list, const std::string& guid) {
        for (const auto& one : list.GetArray())
            if (text_of(one["Config"]["GUID"]) == guid) return one;
        ADD_FAILURE() << "no metric " << guid;
        std::abort();
    }
    static std::vector<double> values(const rapidjson::Value& data, const char* key) {
        std::vector<double> out;
        if (!data.HasMember(key)) return out;
        for (const auto& row : data[key].GetArray()) out.push_back(row["_value"].GetDouble());
        return out;
    }
    std::int64_t windows() {
        const auto session = pool_->lease();
        return (*session)->query("select count(*) from metric_window")->front().integer(0);
    }

    const Account ada = make_account("ada");
    const Account eve = make_account("eve");
    const Account control = make_account("slurm", Role::job_control);
    const Account boss = make_account("boss", Roles(Role::admin));
};

TEST_F(MetricsContract, what_nodes_write_is_what_the_job_on_them_used) {
    start_job(7, now_s - 600);
    stop_job(7, now_s - 540);
    write(line("n1", now_s - 601, 100) + line("N1", now_s - 600, 1) + line("n1", now_s - 570, 3) +
          line("n1", now_s - 539, 100) + line("n2", now_s - 600, 5) + line("n3", now_s - 600, 100));

    const auto answer = get("/api/job/7", ada.token);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto body = answer.json();
    EXPECT_EQ(body["Metadata"]["Id"].GetInt64(), 7);
    EXPECT_EQ(body["SampleInterval"].GetInt64(), 30);
    ASSERT_EQ(body["SampleIntervals"].Size(), 1U);
    const auto& cpu = metric(body["MetricData"], cpu_used);
    EXPECT_EQ(text_of(cpu["RawData"]), "");
    EXPECT_EQ(cpu["Data"].MemberCount(), 2U);
    EXPECT_THAT(values(cpu["Data"], "n1"), ElementsAre(1, 3));
    EXPECT_THAT(values(cpu["Data"], "n2"), ElementsAre(5));
    const auto& row = cpu["Data"]["n1"][1];
    EXPECT_EQ(text_of(row["_time"]), "2027-01-15T07:50:30.000Z");
    EXPECT_EQ(text_of(row["_field"]), "value");
    EXPECT_EQ(text_of(row["_measurement"]), "cpu_used");
    EXPECT_EQ(text_of(row["hostname"]), "n1");
    EXPECT_FALSE(row.HasMember("type-id"));

    const auto& quantiles = metric(body["QuantileData"], cpu_used);
    EXPECT_THAT(values(quantiles["Data"], "0.25"), ElementsAre(2, 3));
    EXPECT_THAT(values(quantiles["Data"], "0.5"), ElementsAre(3, 3));
    EXPECT_THAT(values(quantiles["Data"], "0.75"), ElementsAre(4, 3));
    EXPECT_TRUE(metric(body["MetricData"], acc_utilization)["Data"].ObjectEmpty());
}

TEST_F(MetricsContract, a_bad_line_is_named_and_nothing_of_its_body_is_kept) {
    const auto answer =
        send("POST", "/api/write/?precision=s", line("n1", now_s, 1) + "cpu_used,hostname=n2\n", control.token);
    EXPECT_EQ(answer.status, 400);
    EXPECT_THAT(answer.body, HasSubstr("line 2"));
    EXPECT_EQ(windows(), 0);
    EXPECT_EQ(send("POST", "/api/write/?precision=days", line("n1", now_s, 1), control.token).status, 400);
    EXPECT_EQ(send("POST", "/api/write/", line("n1", now_s, 1), control.token).status, 400) << "seconds as nanoseconds";
    EXPECT_EQ(send("POST", "/api/write/", line("n1", now_s, 1)).status, 401);
    EXPECT_EQ(send("POST", "/api/write/", line("n1", now_s, 1), ada.token).status, 403);
    EXPECT_EQ(windows(), 0);
}

TEST_F(MetricsContract, nothing_to_write_and_parameters_of_influxdb_are_fine) {
    EXPECT_EQ(send("POST", "/api/write", "# only a comment\n", control.token).status, 204);
    EXPECT_EQ(send("POST", "/api/write/?org=o&bucket=b&db=d&rp=r&precision=ns", "a,hostname=n1 value=1", control.token)
                  .status,
              204);
    EXPECT_EQ(windows(), 1);
}

TEST_F(MetricsContract, writes_do_not_fill_the_audit) {
    // In this order an entry that is being written is not missed.
    const auto entries = [&] { return audit_->waiting() + audit_->written(); };
    const auto before = entries();
    write(line("n1", now_s, 1));
    EXPECT_EQ(entries(), before);
}

TEST_F(MetricsContract, one_node_shows_its_parts) {
    start_job(8, now_s - 600);
    stop_job(8, now_s - 540);
    write(line("n1", now_s - 600, 10, "acc_utilization", "type=accelerator,type-id=0") +
          line("n1", now_s - 600, 30, "acc_utilization", "type=accelerator,type-id=1") +
          line("n2", now_s - 600, 90, "acc_utilization", "type=accelerator,type-id=0"));

    const auto whole = get("/api/job/8", ada.token).json();
    const auto& nodes = metric(whole["MetricData"], acc_utilization)["Data"];
    EXPECT_THAT(values(nodes, "n1"), ElementsAre(20));
    EXPECT_THAT(values(nodes, "n2"), ElementsAre(90));

    const auto answer = get("/api/job/8?node=N1", ada.token);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto body = answer.json();
    const auto& parts = metric(body["MetricData"], acc_utilization)["Data"];
    EXPECT_EQ(parts.MemberCount(), 2U);
    EXPECT_THAT(values(parts, "0"), ElementsAre(10));
    EXPECT_THAT(values(parts, "1"), ElementsAre(30));
    EXPECT_EQ(text_of(parts["1"][0]["type-id"]), "1");
    EXPECT_EQ(text_of(parts["1"][0]["hostname"]), "n1");
    EXPECT_TRUE(body["QuantileData"].Empty());
    EXPECT_EQ(get("/api/job/8?node=n3", ada.token).status, 400);
}

TEST_F(MetricsContract, raw_points_come_as_csv) {
    start_job(9, now_s - 600);
    stop_job(9, now_s - 540);
    write(line("n1", now_s - 600, 1.25) + line("n1", now_s - 595, 2) + line("n2", now_s - 600, 3));
    const auto answer = get("/api/job/9?raw=true", ada.token);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto body = answer.json();
    const auto& cpu = metric(body["MetricData"], cpu_used);
    EXPECT_TRUE(cpu["Data"].ObjectEmpty());
    EXPECT_EQ(text_of(cpu["RawData"]),
              "_time,_value,_field,_measurement,hostname,type,type-id\n"
              "2027-01-15T07:50:00.000Z,1.25,value,cpu_used,n1,node,\n"
              "2027-01-15T07:50:05.000Z,2,value,cpu_used,n1,node,\n"
              "2027-01-15T07:50:00.000Z,3,value,cpu_used,n2,node,\n");
    EXPECT_TRUE(body["QuantileData"].Empty());
    EXPECT_EQ(get("/api/job/9?raw=yes", ada.token).status, 400);
}

TEST_F(MetricsContract, a_metric_by_a_function_and_an_interval_of_ones_choice) {
    start_job(10, now_s - 600);
    stop_job(10, now_s - 480);
    write(line("n1", now_s - 600, 1) + line("n1", now_s - 570, 3) + line("n1", now_s - 540, 8));
    const auto by = [&](const std::string& fn) {
        const auto answer =
            get(fmt::format("/api/metric/10?metric={}&aggFn={}&sampleInterval=60", cpu_used, fn), ada.token);
        EXPECT_EQ(answer.status, 200) << answer.body;
        const auto body = answer.json();
        EXPECT_EQ(text_of(body["Config"]["AggFn"]), fn);
        return values(body["Data"], "n1");
    };
    EXPECT_THAT(by("mean"), ElementsAre(2, 8));
    EXPECT_THAT(by("max"), ElementsAre(3, 8));
    EXPECT_THAT(by("min"), ElementsAre(1, 8));
    EXPECT_THAT(by("sum"), ElementsAre(4, 8));

    const auto status = [&](const std::string& query) { return get("/api/metric/10?" + query, ada.token).status; };
    EXPECT_EQ(status(""), 400);
    EXPECT_EQ(status(fmt::format("metric={}", cpu_used)), 400);
    EXPECT_EQ(status("aggFn=mean"), 400);
    EXPECT_EQ(status("metric=unknown&aggFn=mean"), 400);
    EXPECT_EQ(status(fmt::format("metric={}&aggFn=median", cpu_used)), 400);
    for (const char* interval : {"0", "-30", "x", "1000000", "1.5"})
        EXPECT_EQ(status(fmt::format("metric={}&aggFn=mean&sampleInterval={}", cpu_used, interval)), 400) << interval;
    EXPECT_EQ(status(fmt::format("metric={}&aggFn=mean&sampleInterval=1m", cpu_used)), 200);
}

TEST_F(MetricsContract, only_the_owner_and_admins_see_a_job) {
    start_job(11, now_s - 600);
    const auto metric_of = [](int id) { return fmt::format("/api/metric/{}?metric={}&aggFn=mean", id, cpu_used); };
    EXPECT_EQ(get("/api/job/11", ada.token).status, 200);
    EXPECT_EQ(get("/api/job/11", boss.token).status, 200);
    EXPECT_EQ(get("/api/job/11", eve.token).status, 403);
    EXPECT_EQ(get("/api/job/11", control.token).status, 403);
    EXPECT_EQ(get("/api/job/11", "").status, 401);
    EXPECT_EQ(get("/api/job/12", ada.token).status, 404);
    EXPECT_EQ(get("/api/job/x", ada.token).status, 404);
    EXPECT_EQ(get(metric_of(11), eve.token).status, 403);
    EXPECT_EQ(get(metric_of(12), ada.token).status, 404);
}

TEST_F(MetricsContract, a_running_job_shows_its_last_hour) {
    start_job(13, now_s - 10 * 3'600);
    write(line("n1", now_s - 3'700, 1) + line("n1", now_s - 3'500, 2) + line("n1", now_s - 10, 3));
    const auto body = get("/api/job/13", ada.token).json();
    EXPECT_TRUE(body["Metadata"]["IsRunning"].GetBool());
    EXPECT_THAT(values(metric(body["MetricData"], cpu_used)["Data"], "n1"), ElementsAre(2, 3));
    EXPECT_EQ(body["SampleInterval"].GetInt64(), 30);
}

TEST_F(MetricsContract, an_interval_that_gives_too_many_values_is_refused_and_none_is_not) {
    std::string nodes = "n0";
    for (int i = 1; i < 100; ++i) nodes += fmt::format("|n{}", i);
    start_job(14, now_s - 86'400, nodes);
    stop_job(14, now_s - 600);
    EXPECT_EQ(get("/api/job/14?sampleInterval=5", ada.token).status, 400);
    EXPECT_EQ(get("/api/job/14?sampleInterval=5&node=n5", ada.token).status, 200);
    EXPECT_EQ(get("/api/job/14?sampleInterval=1&node=n5", ada.token).status, 400);
    EXPECT_EQ(get("/api/job/14", ada.token).status, 200);
}

TEST_F(MetricsContract, an_own_job_shows_the_series_with_its_number) {
    const JobId job = submit(ada);
    scheduler_->start(job);
    Measurements measurements(*pool_);
    ASSERT_TRUE(measurements.add({{{job, "w1", "cpu_used", "node", ""}, clock_.now().wall, 0.5},
                                  {{JobId{}, "w1", "cpu_used", "node", ""}, clock_.now().wall, 64}}));
    clock_.advance(Seconds{20});
    const auto answer = get("/api/job/" + job.text(), ada.token);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto body = answer.json();
    EXPECT_THAT(values(metric(body["MetricData"], cpu_used)["Data"], "w1"), ElementsAre(0.5));
    EXPECT_EQ(get("/api/job/" + job.text(), eve.token).status, 403);
}

TEST_F(MetricsContract, what_a_stopped_job_came_to_is_computed_once_and_kept) {
    start_job(15, now_s - 6'000);
    stop_job(15, now_s - 600);
    std::string lines;
    for (std::int64_t at = now_s - 6'000; at <= now_s - 600; at += 30)
        lines += line("n1", at, at < now_s - 3'000 ? 2 : 8);
    write(lines);
    const auto data_of = [&] {
        const auto body = get("/api/job/15", ada.token).json();
        const auto& data = body["Metadata"]["Data"];
        EXPECT_EQ(data.Size(), 1U);
        EXPECT_EQ(text_of(data[0]["Config"]["GUID"]), cpu_used);
        EXPECT_NEAR(data[0]["Mean"].GetDouble(), (100 * 2 + 81 * 8) / 181.0, 1e-9);
        EXPECT_EQ(data[0]["Max"].GetDouble(), 8);
        EXPECT_EQ(data[0]["ChangePoints"].Size(), 1U);
        return std::string(text_of(data[0]["ChangePoints"][0]));
    };
    EXPECT_EQ(data_of(), "2027-01-15T07:10:00.000Z");
    write(line("n1", now_s - 1'200, 1'000));
    EXPECT_EQ(data_of(), "2027-01-15T07:10:00.000Z");
}

}  // namespace
}  // namespace windlass::api::test
