#include "shared/reload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "shared/log.h"
#include "shared/loop_watchdog.h"
#include "tests/support/temporary_directory.h"

namespace windlass {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// What a daemon says to the manager of services, in the order in which it was said.
class Manager : public testing::Test {
  protected:
    Manager() {
        socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = directory_.path() + "/notify";
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        setenv("NOTIFY_SOCKET", path.c_str(), 1);
    }
    ~Manager() override {
        close(socket_);
        for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
        log::set_listener({});
        EXPECT_TRUE(log::configure("test", "info"));
    }
    std::string next(int flags = MSG_DONTWAIT) {
        char text[256] = {};
        const ssize_t size = recv(socket_, text, sizeof text - 1, flags);
        return size < 0 ? "nothing" : std::string(text, static_cast<std::size_t>(size));
    }
    test::TemporaryDirectory directory_;
    int socket_ = -1;
};

TEST(ChangedSettings, are_named) {
    Config after;
    EXPECT_THAT(changed_settings(Config{}, after), testing::IsEmpty());
    after.worker.labels = {"zone=b"};
    after.log.level = "debug";
    EXPECT_THAT(changed_settings(Config{}, after), ElementsAre("log.level", "worker.labels"));
}

TEST_F(Manager, sees_a_reload_that_takes_over_the_level_and_names_the_rest) {
    Config wanted;
    wanted.log.level = "debug";
    wanted.scheduler.crash_limit = 9;
    std::string said;
    log::set_listener([&said](std::string_view line) { said += line; });
    bool more = false;
    Reload reload("test", Config{}, [&] { return Result<LoadedConfig>(LoadedConfig{wanted}); });
    reload.run({});
    EXPECT_EQ(next(), "nothing") << "a daemon that still starts must not seem ready";
    notify_ready();
    EXPECT_EQ(next(), "READY=1");
    reload.run([&more] { more = true; });
    EXPECT_THAT(next(), HasSubstr("RELOADING=1\nMONOTONIC_USEC="));
    EXPECT_EQ(next(), "READY=1");
    EXPECT_TRUE(more);
    EXPECT_TRUE(log::enabled(log::Level::debug));
    EXPECT_THAT(said, HasSubstr("needs a new start: scheduler.crash_limit"));
    notify_stopping();
    EXPECT_EQ(next(), "STOPPING=1");
}

TEST_F(Manager, sees_the_end_of_a_reload_that_failed_and_changed_nothing) {
    notify_ready();
    next();
    std::string said;
    log::set_listener([&said](std::string_view line) { said += line; });
    Reload reload("test", Config{}, [] {
        return Result<LoadedConfig>(make_error(ErrorKind::invalid, "windlass.toml: line 2: no number"));
    });
    reload.run({});
    EXPECT_THAT(next(), HasSubstr("RELOADING=1"));
    EXPECT_EQ(next(), "READY=1");
    EXPECT_THAT(said, HasSubstr("line 2: no number"));
    notify_stopping();
}

TEST_F(Manager, hears_from_the_loop_as_often_as_it_wants_to) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    EXPECT_FALSE(watchdog_period());
    setenv("WATCHDOG_USEC", "30000", 1);
    setenv("WATCHDOG_PID", std::to_string(getpid() + 1).c_str(), 1);
    EXPECT_FALSE(watchdog_period()) << "another process is meant";
    setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
    EXPECT_EQ(watchdog_period(), Milliseconds{10});
    {
        const LoopWatchdog watchdog(&loop);
        LoopTimer other(&loop, [] {});  // keeps the loop alive, which the watchdog does not
        other.start(Milliseconds{60'000});
        for (int heard = 0; heard < 3;) {
            uv_run(&loop, UV_RUN_ONCE);
            for (std::string text = next(); text != "nothing"; text = next()) {
                EXPECT_EQ(text, "WATCHDOG=1");
                heard++;
            }
        }
        other.stop();
        EXPECT_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop), 0);
}

TEST_F(Manager, waits_longer_during_one_long_step) {
    setenv("WATCHDOG_USEC", "30000000", 1);
    {
        const WatchdogReprieve reprieve;
        EXPECT_EQ(next(), "WATCHDOG_USEC=600000000");
    }
    EXPECT_EQ(next(), "WATCHDOG_USEC=30000000\nWATCHDOG=1");
}

TEST(AHangUp, calls_back_and_does_not_keep_the_loop_alive) {
    HangUp::swallow();
    std::raise(SIGHUP);  // nothing happens yet
    uv_loop_t loop;
    uv_loop_init(&loop);
    int called = 0;
    {
        const HangUp hang_up(&loop, [&called] { called++; });
        EXPECT_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0);
        std::raise(SIGHUP);
        LoopTimer other(&loop, [] {});
        other.start(Milliseconds{60'000});
        while (called == 0) uv_run(&loop, UV_RUN_ONCE);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop), 0);
    EXPECT_EQ(called, 1);
}

}  // namespace
}  // namespace windlass
