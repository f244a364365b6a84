#include "cli/supervisor.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "tests/support/temporary_directory.h"

namespace windlass::cli {
namespace {

class SupervisorTest : public ::testing::Test {
  protected:
    Service service(const std::string& name, const std::string& how, std::size_t needs_first = 0) {
        Service out;
        out.program.name = name;
        out.program.path = PRETEND_DAEMON;
        out.program.arguments = {record_, name, how};
        out.program.environment = {{"PRETEND_URL", "http://" + name}};
        out.program.log_path = directory_ / (name + ".log");
        out.needs_first = needs_first;
        out.stop_patience = Milliseconds(10'000);
        return out;
    }
    Status run(std::vector<Service> services, Milliseconds start_patience = Milliseconds(30'000)) {
        auto notify = NotifySocket::open(directory_ / "notify");
        Supervisor::Handlers handlers;
        handlers.on_ready = [this](Service& s, const std::string& url) {
            ++ready_[s.program.name];
            url_ = url;
            if (ready_[s.program.name] == stop_at_ready_) kill(getpid(), SIGTERM);
        };
        handlers.on_all_ready = [this] {
            all_ready_ = true;
            if (stop_when_all_ready_) kill(getpid(), SIGTERM);
            return Status();
        };
        handlers.on_processes = [this](const std::vector<pid_t>& pids) { processes_ = pids; };
        handlers.tell = [this](const std::string& line) { told_ += line + "\n"; };
        Supervisor supervisor(std::move(services), std::move(notify).value(), {start_patience}, std::move(handlers));
        return supervisor.run();
    }
    std::vector<std::string> record() const {
        std::ifstream in(record_);
        std::vector<std::string> out;
        for (std::string line; std::getline(in, line);) out.push_back(line);
        return out;
    }

    test::TemporaryDirectory directory_;
    std::string record_ = directory_ / "record";
    std::map<std::string, int> ready_;
    int stop_at_ready_ = -1;  // stop when a service becomes ready for the nth time
    bool stop_when_all_ready_ = true;
    bool all_ready_ = false;
    std::string url_;
    std::vector<pid_t> processes_;
    std::string told_;
};

TEST_F(SupervisorTest, starts_in_order_and_stops_in_reverse_order) {
    EXPECT_TRUE(run({service("one", "serve"), service("two", "serve", 1), service("three", "serve", 2)}).ok());
    EXPECT_EQ(record(), (std::vector<std::string>{"one starts", "two starts", "three starts", "three ends", "two ends",
                                                  "one ends"}));
    EXPECT_TRUE(processes_.empty());
    EXPECT_EQ(url_, "http://three");
}

TEST_F(SupervisorTest, a_daemon_that_ends_before_it_is_ready_is_quoted_and_the_others_are_stopped) {
    const Status status = run({service("one", "serve"), service("two", "refuse", 1)});
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.error().message.find("two exited with 3"), std::string::npos) << status.error().message;
    EXPECT_NE(status.error().message.find("the moon is in the wrong place"), std::string::npos)
        << status.error().message;
    EXPECT_FALSE(all_ready_);
    EXPECT_EQ(record().back(), "one ends");
}

TEST_F(SupervisorTest, only_the_words_of_this_start_are_quoted) {
    std::ofstream(directory_ / "two.log") << "old trouble\n";
    EXPECT_EQ(run({service("two", "refuse")}).error().message.find("old trouble"), std::string::npos);
}

TEST_F(SupervisorTest, a_daemon_that_dies_is_started_again) {
    stop_when_all_ready_ = false;
    stop_at_ready_ = 2;
    EXPECT_TRUE(run({service("one", "crash-once")}).ok());
    EXPECT_EQ(record(), (std::vector<std::string>{"one starts", "one starts", "one ends"}));
    EXPECT_NE(told_.find("one was killed by signal 9"), std::string::npos) << told_;
}

TEST_F(SupervisorTest, one_that_never_becomes_ready_is_named_when_patience_ends) {
    Service silent = service("one", "serve");
    silent.program.path = "/bin/sleep";
    silent.program.arguments = {"1000"};
    const Status status = run({silent}, Milliseconds(50));
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.error().message.find("one"), std::string::npos);
}

TEST_F(SupervisorTest, one_that_ignores_the_request_to_end_is_killed_when_patience_ends) {
    Service stubborn = service("one", "stubborn");
    stubborn.stop_patience = Milliseconds(50);
    EXPECT_TRUE(run({stubborn}).ok());
    EXPECT_NE(told_.find("did not end in time"), std::string::npos) << told_;
}

TEST_F(SupervisorTest, a_program_that_cannot_be_run_says_so) {
    Service missing = service("one", "serve");
    missing.program.path = "/nowhere/at/all";
    const Status status = run({missing});
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.error().message.find("/nowhere/at/all"), std::string::npos) << status.error().message;
}

// The parent here is a process of its own that is killed with -9.
TEST_F(SupervisorTest, daemons_end_when_their_parent_is_killed) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    int pipe_fds[2];
    ASSERT_EQ(pipe(pipe_fds), 0);
    const pid_t parent = fork();
    if (parent == 0) {
        stop_when_all_ready_ = false;
        auto notify = NotifySocket::open(directory_ / "notify");
        Supervisor::Handlers handlers;
        handlers.on_ready = [](Service&, const std::string&) {};
        handlers.on_processes = [](const std::vector<pid_t>&) {};
        handlers.tell = [](const std::string&) {};
        handlers.on_all_ready = [&] {
            return write(pipe_fds[1], "!", 1) == 1 ? Status() : Status(make_error(ErrorKind::internal, "pipe"));
        };
        std::vector<Service> services;
        services.push_back(service("one", "serve"));
        Supervisor supervisor(std::move(services), std::move(notify).value(), {}, std::move(handlers));
        std::ignore = supervisor.run();
        _exit(0);
    }
    char ready = 0;
    ASSERT_EQ(read(pipe_fds[0], &ready, 1), 1);
    kill(parent, SIGKILL);
    ASSERT_EQ(waitpid(parent, nullptr, 0), parent);
    int status = 0;
    ASSERT_GT(waitpid(-1, &status, 0), 0);  // the daemon, which is our child now
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(record().back(), "one ends");
}

}  // namespace
}  // namespace windlass::cli
