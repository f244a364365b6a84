#include "tests/api/front/child_front.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "tests/api/front/test_front.h"

namespace windlass::api::test {
namespace {

// In the child. Does not return.
[[noreturn]] void serve(const std::function<Result<FrontSettings>()>& make_settings,
                        const std::function<void()>& when_open, int address_to) {
    uv_loop_t loop;
    ::uv_loop_init(&loop);
    auto settings = make_settings();
    if (!settings) {
        std::fprintf(stderr, "%s\n", settings.error().message.c_str());
        ::_exit(1);
    }
    auto front = Front::open(&loop, std::move(settings).value(), echo, render_error);
    if (!front) {
        std::fprintf(stderr, "%s\n", front.error().message.c_str());
        ::_exit(1);
    }
    when_open();
    const auto address = (*front)->address();
    if (::write(address_to, address.data(), address.size()) != static_cast<ssize_t>(address.size())) ::_exit(1);
    ::close(address_to);
    ::uv_run(&loop, UV_RUN_DEFAULT);
    ::_exit(0);
}

}  // namespace

ChildFront::ChildFront(const std::function<Result<FrontSettings>()>& settings, const std::function<void()>& when_open) {
    log_path_ = (std::filesystem::temp_directory_path() / "windlass-front-XXXXXX").string();
    const int log = ::mkostemp(log_path_.data(), O_CLOEXEC);
    std::array<int, 2> pipe{};
    if (log < 0 || ::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe or file for a child");
    child_ = ::fork();
    if (child_ < 0) throw std::runtime_error("no child");
    if (child_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::dup2(log, STDERR_FILENO);
        ::close(pipe[0]);
        serve(settings, when_open, pipe[1]);
    }
    ::close(log);
    ::close(pipe[1]);
    std::array<char, 256> text{};
    const auto size = ::read(pipe[0], text.data(), text.size());
    if (size > 0) address_.assign(text.data(), static_cast<std::size_t>(size));
    ::close(pipe[0]);
}

ChildFront::~ChildFront() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    std::filesystem::remove(log_path_);
}

std::string ChildFront::said() const {
    std::ifstream in(log_path_);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace windlass::api::test
