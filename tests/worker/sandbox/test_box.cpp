#include "tests/worker/sandbox/test_box.h"
#include "tests/support/patience.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>

namespace windlass::worker::testing {
namespace {

std::chrono::steady_clock::time_point deadline() {
    return std::chrono::steady_clock::now() + windlass::test::patience();
}

int milliseconds_until(std::chrono::steady_clock::time_point when) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(when - std::chrono::steady_clock::now());
    return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

bool is_zombie(pid_t pid) {
    const std::string stat = read_small(fmt::format("/proc/{}/stat", pid));
    const std::size_t name_end = stat.rfind(')');
    return name_end == std::string::npos || stat.compare(name_end, 3, ") Z") == 0;
}

}  // namespace

SandboxSettings test_settings(const std::string& directory, int slots) {
    // Not getpid(): in a namespace of its own every test program has the same few numbers.
    const auto unique = static_cast<unsigned>(std::hash<std::string>{}(directory) % 1'000'000);
    SandboxSettings settings;
    settings.spawner_path = spawner_path();
    settings.state_directory = directory;
    settings.network.keeper_path = keeper_path();
    settings.cgroup = fmt::format("windlass-test-{}", unique);
    settings.slots = slots;
    settings.stuck_after = Milliseconds(1000);
    settings.first_uid = 1'000'000 + unique * 100;
    for (const Finding& finding : Sandbox::examine(settings)) {
        if (!finding.present) settings.allow_weaker.push_back(finding.protection);
    }
    return settings;
}

BoxSpec program(std::vector<std::string> argv) {
    BoxSpec spec;
    spec.name = "7.1";
    spec.argv = std::move(argv);
    return spec;
}

BoxSpec script(const std::string& text) {
    return program({"/bin/sh", "-c", text});
}

TestBox::TestBox(int slots, const std::function<void(SandboxSettings&)>& change, std::string* why_not)
    : settings_(test_settings(directory_.path(), slots)) {
    if (change) change(settings_);
    auto opened = Sandbox::open(settings_);
    if (opened) {
        sandbox_ = std::move(opened).value();
    } else if (why_not != nullptr) {
        *why_not = opened.error().message;
    } else {
        ADD_FAILURE() << opened.error().message;
        std::abort();  // nothing below could run
    }
}

BoxId TestBox::start(const BoxSpec& spec) {
    auto launched = sandbox_->start(spec);
    if (!launched) {
        ADD_FAILURE() << launched.error().message;
        return 0;
    }
    Running& running = boxes_[launched->box];
    running.out = FileDescriptor(launched->stdout_fd);
    running.err = FileDescriptor(launched->stderr_fd);
    return launched->box;
}

Finished TestBox::finish(BoxId box) {
    if (!boxes_.contains(box)) return {};
    wait("the end of the box", [&] { return boxes_[box].ended; });
    Running& running = boxes_[box];
    drain(running.out, running.finished.out);
    drain(running.err, running.finished.err);
    Finished finished = std::move(running.finished);
    boxes_.erase(box);
    return finished;
}

void TestBox::wait_for_output(BoxId box, const std::string& text) {
    wait("the output '" + text + "'", [&] { return boxes_[box].finished.out.find(text) != std::string::npos; });
}

void TestBox::wait_until_broken() {
    wait("the sandbox to notice", [&] { return !sandbox_->broken().empty(); });
}

std::string TestBox::wait_until_stuck(BoxId box) {
    wait("the box to be stuck", [&] { return !boxes_[box].stuck.empty(); });
    return boxes_[box].stuck;
}

void TestBox::wait(const std::string& what, const std::function<bool()>& done) {
    const auto end = deadline();
    while (!done()) {
        const int left = milliseconds_until(end);
        if (left == 0) {
            ADD_FAILURE() << "waited in vain for " << what;
            return;
        }
        turn(left);
    }
}

void TestBox::turn(int timeout_ms) {
    std::vector<pollfd> ready;
    if (sandbox_->fd() >= 0) ready.push_back({sandbox_->fd(), POLLIN, 0});
    for (auto& [box, running] : boxes_) {
        if (running.out) ready.push_back({running.out.get(), POLLIN, 0});
        if (running.err) ready.push_back({running.err.get(), POLLIN, 0});
    }
    poll(ready.data(), ready.size(), timeout_ms);
    for (auto& [box, running] : boxes_) {
        drain(running.out, running.finished.out);
        drain(running.err, running.finished.err);
        std::array<pollfd, 2> ended = {pollfd{running.out.get(), 0, 0}, pollfd{running.err.get(), 0, 0}};
        poll(ended.data(), ended.size(), 0);  // closed by all writers: no more to wait for
        if ((ended[0].revents & POLLHUP) != 0) drain(running.out, running.finished.out), running.out = FileDescriptor();
        if ((ended[1].revents & POLLHUP) != 0) drain(running.err, running.finished.err), running.err = FileDescriptor();
    }
    for (const BoxEvent& event : sandbox_->take_events()) {
        if (const auto* started = std::get_if<BoxStarted>(&event)) {
            EXPECT_FALSE(boxes_[started->box].finished.started) << "started twice";
            boxes_[started->box].finished.started = true;
        }
        if (const auto* stuck = std::get_if<BoxStuck>(&event)) {
            EXPECT_EQ(boxes_[stuck->box].stuck, "") << "told twice";
            boxes_[stuck->box].stuck = stuck->why;
        }
        if (const auto* ended = std::get_if<BoxEnded>(&event)) {
            Running& running = boxes_[ended->box];
            EXPECT_FALSE(running.ended) << "ended twice";
            running.ended = true;
            running.finished.outcome = ended->outcome;
            running.finished.usage = ended->usage;
            running.finished.work_directory = FileDescriptor(ended->work_directory_fd);
        }
    }
}

void TestBox::drain(const FileDescriptor& pipe, std::string& text) {
    std::array<char, 65536> buffer;
    ssize_t size = 0;
    while (pipe && (size = read(pipe.get(), buffer.data(), buffer.size())) > 0) {
        text.append(buffer.data(), static_cast<std::size_t>(size));
    }
}

std::vector<pid_t> other_processes() {
    std::vector<pid_t> processes;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        const pid_t pid = std::atoi(entry.path().filename().c_str());
        if (pid > 1 && pid != getpid() && !is_zombie(pid)) processes.push_back(pid);
    }
    return processes;
}

bool all_end(const std::vector<pid_t>& processes) {
    const auto end = deadline();
    for (const pid_t pid : processes) {
        const FileDescriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
        if (!process) continue;  // gone already
        pollfd ready{process.get(), POLLIN, 0};
        if (poll(&ready, 1, milliseconds_until(end)) != 1) return false;
    }
    return true;
}

std::string read_in(const FileDescriptor& directory, const std::string& name) {
    return read_open(FileDescriptor(openat(directory.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)));
}

}  // namespace windlass::worker::testing
