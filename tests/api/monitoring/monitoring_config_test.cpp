#include "api/monitoring/monitoring_config.h"

#include <gtest/gtest.h>

#include "api/monitoring/config_fields.h"
#include "api/monitoring/job_metadata.h"

namespace windlass::api {
namespace {

std::string text_of_config(const MonitoringConfig& config) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_monitoring_config(json, config);
    return std::string(text_of(buffer));
}

MonitoringConfig config_with_everything() {
    MonitoringConfig config = default_monitoring_config();
    config.metrics.front().max_per_node = 1.5;
    config.metrics.front().filter_func = "|> filter(fn: (r) => r.x == \"ü\")";
    PartitionConfig partition;
    partition.max_time_s = 3600;
    partition.virtual_partitions.emplace();
    (*partition.virtual_partitions)["big/~memory"] = {7200, {config.metrics[0].guid}, {"node01", "node02"}};
    config.partitions["compute"] = partition;
    return config;
}

TEST(MonitoringConfig, what_is_written_is_read_again) {
    for (const auto& config : {default_monitoring_config(), config_with_everything(), MonitoringConfig()}) {
        const auto again = parse_stored_config(text_of_config(config));
        ASSERT_TRUE(again) << again.error().message;
        EXPECT_EQ(*again, config);
    }
    EXPECT_FALSE(parse_stored_config("[]"));
    EXPECT_FALSE(parse_stored_config(R"({"Metrics":[{"Type":"moon"}]})"));
}

TEST(MonitoringConfig, a_metric_is_found_by_its_guid) {
    const auto& config = default_monitoring_config();
    const auto* metric = config.find_metric(config.metrics[1].guid);
    ASSERT_NE(metric, nullptr);
    EXPECT_EQ(metric->measurement, "mem_used");
    EXPECT_EQ(config.find_metric("none"), nullptr);
    EXPECT_EQ(config.find_metric(""), nullptr);
}

TEST(MonitoringConfig, intervals_are_read_in_the_spellings_that_clients_use) {
    EXPECT_EQ(parse_interval_s("30"), 30);
    EXPECT_EQ(parse_interval_s("30s"), 30);
    EXPECT_EQ(parse_interval_s("1m"), 60);
    EXPECT_EQ(parse_interval_s("1m30s"), 90);
    EXPECT_EQ(parse_interval_s("24h"), 86'400);
    for (const char* bad : {"", "s", "0", "0s", "25h", "-1", "1.5s", "30 s", "30x", "99999999999999999999"})
        EXPECT_EQ(parse_interval_s(bad), std::nullopt) << bad;
}

TEST(MonitoringConfig, a_job_within_a_virtual_partition_has_its_time_limit) {
    const auto config = config_with_everything();
    EXPECT_EQ(config.max_time_s("compute", "node01"), 7200);
    EXPECT_EQ(config.max_time_s("compute", "node01|node02"), 7200);
    EXPECT_EQ(config.max_time_s("compute", "node01|node03"), 3600);
    EXPECT_EQ(config.max_time_s("compute", ""), 3600);
    EXPECT_EQ(config.max_time_s("default", "node01"), 0) << "no limit";
    EXPECT_EQ(config.max_time_s("unknown", "node01"), 0);
}

TEST(JobMetadata, the_data_beside_a_job_is_written_and_read_again) {
    JobMetadataData data;
    data.config = default_monitoring_config().metrics[2];
    data.mean = 1.25;
    data.max = 1e300;
    data.change_points = {from_unix_us(1'700'000'000'000'000), from_unix_us(1'700'000'000'250'000)};
    const auto again = decode_metadata_data(encode_metadata_data({data}));
    ASSERT_TRUE(again) << again.error().message;
    ASSERT_EQ(again->size(), 1u);
    EXPECT_EQ(again->front().config, data.config);
    EXPECT_EQ(again->front().mean, 1.25);
    EXPECT_EQ(again->front().max, 1e300);
    EXPECT_EQ(again->front().change_points, data.change_points);
    EXPECT_EQ(encode_metadata_data({}), "[]");
    EXPECT_FALSE(decode_metadata_data("{}"));
    EXPECT_FALSE(decode_metadata_data("[{}]"));
}

TEST(JobMetadata, lists_are_never_null_and_numbers_are_always_json) {
    JobMetadata job;
    job.id = 42;
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_job_metadata(json, job);
    const std::string empty(text_of(buffer));
    EXPECT_NE(empty.find(R"("Tags":[],"Data":[])"), std::string::npos) << empty;

    job.data.emplace_back().mean = std::numeric_limits<double>::quiet_NaN();
    job.data.back().max = std::numeric_limits<double>::infinity();
    rapidjson::StringBuffer second;
    JsonWriter again(second);
    write_job_metadata(again, job);
    EXPECT_TRUE(parse_json(text_of(second))) << text_of(second);
}

}  // namespace
}  // namespace windlass::api
