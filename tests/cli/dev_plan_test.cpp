#include "cli/dev_plan.h"

#include <gtest/gtest.h>

namespace windlass::cli {
namespace {

const DevPlaces places = {
    "/data", "/run/w", "0badcafe", "/bin/windlass-scheduler", "/bin/windlass-worker", "/bin/windlass-api"};

TEST(DevPlan, worker_and_api_come_up_side_by_side_behind_the_scheduler) {
    const auto services = plan_services({}, places, {});
    ASSERT_EQ(services.size(), 3U);
    EXPECT_EQ(services[0].program.name, "scheduler");
    EXPECT_EQ(services[0].needs_first, 0U);
    EXPECT_EQ(services[1].program.name, "worker");
    EXPECT_EQ(services[1].needs_first, 1U);
    EXPECT_EQ(services[2].program.name, "api");
    EXPECT_EQ(services[2].needs_first, 1U);
}

TEST(DevPlan, all_meet_at_one_database_one_socket_and_one_secret) {
    for (const Service& service : plan_services({}, places, {})) {
        const auto& environment = service.program.environment;
        EXPECT_EQ(environment.at("WINDLASS_DATABASE_URL"), "sqlite:/data/windlass.db");
        EXPECT_EQ(environment.at("WINDLASS_SCHEDULER_LISTEN"), "unix:/run/w/scheduler.sock");
        EXPECT_EQ(environment.at("WINDLASS_SCHEDULER_SECRET_FILE"), "/data/scheduler.secret");
    }
}

TEST(DevPlan, flags_reach_the_daemon_they_are_for) {
    DevSettings settings;
    settings.listen = "127.0.0.1:0";
    settings.database = "postgresql://db/windlass";
    settings.slots = 3;
    settings.allow_weaker = "memory-limit";
    const auto services = plan_services(settings, places, {});
    EXPECT_EQ(services[0].program.environment.at("WINDLASS_DATABASE_URL"), "postgresql://db/windlass");
    EXPECT_EQ(services[1].program.environment.at("WINDLASS_WORKER_SLOTS"), "3");
    EXPECT_EQ(services[1].program.environment.at("WINDLASS_WORKER_ALLOW_WEAKER"), "memory-limit");
    EXPECT_EQ(services[2].program.environment.at("WINDLASS_API_LISTEN"), "127.0.0.1:0");
}

TEST(DevPlan, the_commands_own_credential_is_not_handed_to_the_daemons) {
    const auto services = plan_services(
        {}, places,
        {{"WINDLASS_TOKEN", "secret"}, {"WINDLASS_API_THREADS", "4"}, {"PATH", "/bin"}, {"NOTIFY_SOCKET", "/systemd"}});
    for (const Service& service : services) {
        EXPECT_FALSE(service.program.environment.contains("WINDLASS_TOKEN"));
        EXPECT_FALSE(service.program.environment.contains("NOTIFY_SOCKET"));
        EXPECT_EQ(service.program.environment.at("WINDLASS_API_THREADS"), "4");
        EXPECT_EQ(service.program.environment.at("PATH"), "/bin");
    }
}

TEST(DevPlan, a_longer_drain_makes_the_stop_wait_longer) {
    const auto services = plan_services({}, places, {{"WINDLASS_WORKER_DRAIN_MS", "60000"}});
    EXPECT_GT(services[1].stop_patience, Seconds(60));
}

TEST(DevPlan, the_place_to_listen_is_read_from_the_url) {
    EXPECT_EQ(listen_of_url("http://127.0.0.1:4711"), "127.0.0.1:4711");
    EXPECT_EQ(listen_of_url("http://[::1]:80/"), "[::1]:80");
}

}  // namespace
}  // namespace windlass::cli
