#include "api/monitoring/written_points.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace windlass::api {
namespace {

using metrics::MetricPoint;
using metrics::SeriesKey;
using testing::HasSubstr;

constexpr WallTime now{Seconds{1'800'000'000}};

std::vector<MetricPoint> points_of(std::string_view body, metrics::Precision precision = {}) {
    auto points = parse_written_points(body, precision, now);
    EXPECT_TRUE(points) << points.error().message;
    return points ? std::move(points).value() : std::vector<MetricPoint>{};
}
std::string fault_of(std::string_view body) {
    const auto points = parse_written_points(body, {}, now);
    EXPECT_FALSE(points) << body;
    return points ? "" : points.error().message;
}

TEST(WrittenPoints, a_line_of_the_collector_is_a_point) {
    EXPECT_EQ(points_of("cpu_load,hostname=N1.,type=node,cluster=x value=1.5 1799999990000000000"),
              (std::vector<MetricPoint>{{{JobId{}, "n1", "cpu_load", "node", ""}, now - Seconds{10}, 1.5}}));
    EXPECT_EQ(points_of("temp,hostname=n1,type=hwthread,type-id=7 value=3i").at(0).series,
              (SeriesKey{JobId{}, "n1", "temp", "cpu", "7"}));
    EXPECT_EQ(points_of("disk,hostname=n1,stype=device,stype-id=sda value=3i").at(0).series.type_id, "devicesda");
    EXPECT_EQ(points_of("disk,host=n1,type=socket,type-id=0,stype=device,stype-id=sda value=3").at(0).series.type_id,
              "0/devicesda");
}

TEST(WrittenPoints, every_field_is_a_measurement_but_texts) {
    const auto points = points_of("fs,hostname=n1 value=1,read=2i,mounted=t,name=\"ext4\"");
    ASSERT_EQ(points.size(), 3U);
    EXPECT_EQ(points[0].series.measurement, "fs");
    EXPECT_EQ(points[1].series.measurement, "fs.read");
    EXPECT_EQ(points[2].series.measurement, "fs.mounted");
    EXPECT_EQ(points[2].value, 1);
    EXPECT_TRUE(points_of("log,hostname=n1 text=\"hello\"").empty());
}

TEST(WrittenPoints, without_a_time_it_is_now) {
    EXPECT_EQ(points_of("a,hostname=n1 value=1").at(0).at, now);
    EXPECT_EQ(points_of("a,hostname=n1 value=1 1799999999", {1'000'000'000}).at(0).at, now - Seconds{1});
}

TEST(WrittenPoints, what_cannot_be_meant_is_refused_with_its_line) {
    EXPECT_EQ(fault_of("a,hostname=n1 value=1\nb value=1"), "line 2: it has no tag hostname");
    EXPECT_THAT(fault_of("a,hostname=n1 value=1 1799999999"), HasSubstr("line 1: its time would be 1970-01-01"));
    EXPECT_THAT(fault_of("a,hostname=n1 value=1 1900000000000000000"), HasSubstr("precision"));
    EXPECT_THAT(fault_of("#\n\na,hostname=\xff value=1"), HasSubstr("line 3: the host's name is not UTF-8"));
    EXPECT_THAT(fault_of("a,hostname=n1 value=x"), HasSubstr("line 1: the field 'value'"));
}

}  // namespace
}  // namespace windlass::api
