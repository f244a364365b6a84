#include "cli/init_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace windlass::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Config settings_of(const InitSettings& settings) {
    Config config;
    const Status read = read_settings(config, settings_text(settings), "made");
    EXPECT_TRUE(read.ok()) << read.error().message;
    return config;
}

TEST(InitPlan, the_settings_of_one_person_lie_beside_the_data) {
    const Config config = settings_of({.data = "/home/a \"b\"/data", .file = "/f"});
    EXPECT_EQ(config.database.url, "sqlite:/home/a \"b\"/data/windlass.db");
    EXPECT_EQ(config.scheduler.listen, "unix:/home/a \"b\"/data/run/scheduler.sock");
    EXPECT_EQ(config.worker.state_directory, "/home/a \"b\"/data/worker");
    EXPECT_EQ(config.api.credentials_directory, "/home/a \"b\"/data");
    EXPECT_EQ(config.api.listen, Config().api.listen);
}

TEST(InitPlan, a_site_keeps_the_defaults_of_its_units) {
    const Config config = settings_of({.data = "/var/lib/windlass",
                                       .file = "/f",
                                       .database = "postgresql://db/windlass",
                                       .listen = "127.0.0.1:9000",
                                       .site = true});
    EXPECT_EQ(config.database.url, "postgresql://db/windlass");
    EXPECT_EQ(config.scheduler.listen, Config().scheduler.listen);
    EXPECT_EQ(config.api.listen, "127.0.0.1:9000");
    EXPECT_EQ(config.api.registration, "admin");
    EXPECT_EQ(config.api.credentials_directory, "/var/lib/windlass/admin");
    EXPECT_EQ(settings_of({.data = "/var/lib/windlass", .file = "/f", .site = true}).database.url,
              Config().database.url);
}

TEST(InitPlan, the_first_start_has_addresses_of_its_own_and_nothing_of_the_command) {
    const DevPlaces places = {"/logs", "/sockets", "", "/bin/windlass-scheduler", "", "/bin/windlass-api"};
    const auto services = plan_first_start(
        "/f", places, "",
        {{"PATH", "/bin"}, {"WINDLASS_TOKEN", "t"}, {"WINDLASS_DATABASE_URL", "u"}, {"NOTIFY_SOCKET", "n"}});
    ASSERT_EQ(services.size(), 2U);
    EXPECT_EQ(services[1].needs_first, 1U) << "the api needs the scheduler";
    for (const Service& service : services) {
        const auto& environment = service.program.environment;
        EXPECT_EQ(environment.at("WINDLASS_CONFIG"), "/f");
        EXPECT_EQ(environment.at("WINDLASS_SCHEDULER_LISTEN"), "unix:/sockets/first-start.sock");
        EXPECT_EQ(environment.at("WINDLASS_API_LISTEN"), "127.0.0.1:0");
        EXPECT_EQ(environment.at("PATH"), "/bin");
        for (const char* name : {"WINDLASS_TOKEN", "WINDLASS_DATABASE_URL", "NOTIFY_SOCKET"})
            EXPECT_FALSE(environment.contains(name)) << name;
    }
    const auto as_other = plan_first_start("/f", places, "windlass", {});
    EXPECT_EQ(as_other[0].program.path, "/usr/bin/setpriv");
    EXPECT_THAT(as_other[0].program.arguments, Contains("--reuid=windlass"));
    EXPECT_THAT(as_other[0].program.arguments, Contains("/bin/windlass-scheduler"));
}

TEST(InitPlan, says_three_commands_that_fit_what_was_made) {
    EXPECT_THAT(next_commands({.data = "/d", .file = "/d/windlass.toml"}, true),
                ElementsAre("windlass dev", HasSubstr("windlass run --"), "windlass doctor"));
    EXPECT_THAT(next_commands({.data = "/my data", .file = "/my data/windlass.toml"}, false),
                ElementsAre("windlass dev --data '/my data'", HasSubstr("windlass run --"),
                            "windlass doctor --config '/my data/windlass.toml'"));
    EXPECT_THAT(
        next_commands({.data = "/d", .file = "/f", .site = true}, true),
        ElementsAre(HasSubstr("systemctl enable --now"), HasSubstr("windlass run"), Not(HasSubstr("--config"))));
}

TEST(InitPlan, the_api_is_reached_where_it_listens) {
    const auto url = [](const std::string& listen, const std::string& certificate = "") {
        Config config;
        config.api.listen = listen;
        config.api.tls_certificate_file = certificate;
        return url_of(config);
    };
    EXPECT_EQ(url("127.0.0.1:8080"), "http://127.0.0.1:8080");
    EXPECT_EQ(url("0.0.0.0:80"), "http://127.0.0.1:80");
    EXPECT_EQ(url("[::1]:8080", "/c.pem"), "https://[::1]:8080");
    EXPECT_EQ(url("unix:/run/api.sock"), "");
}

}  // namespace
}  // namespace windlass::cli
