#include "bench/sandbox_loop.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "bench/process_tree.h"
#include "bench/site.h"
#include "worker/sandbox/sandbox.h"
#include "worker/simple_command.h"

namespace windlass::bench {

SandboxRun run_in_bare_sandbox(const std::vector<std::string>& command, int runs, int at_once) {
    const TemporaryDirectory directory;
    worker::SandboxSettings settings;
    settings.spawner_path = program_directory() + "/windlass-spawner";
    settings.state_directory = directory.path();
    settings.cgroup = fmt::format("windlass-bench-{}", getpid());
    settings.slots = at_once;
    auto opened = worker::Sandbox::open(settings);
    if (!opened) give_up(opened.error().message);
    worker::Sandbox& sandbox = **opened;
    worker::BoxSpec spec;
    spec.name = "bench";
    spec.argv = command;
    if (command.size() == 3 && command[1] == "-c")  // as the worker does
        spec.first_choice = worker::simple_command(command[2], {}).value_or(std::vector<std::string>{});
    spec.files = {{"code", ""}, {"data", ""}};

    const double cpu_before = cpu_seconds_of_tree(getpid());
    const double begin = seconds_now();
    int started = 0, ended = 0;
    while (ended < runs) {
        for (; started < runs && started - ended < at_once; ++started) {
            const auto launched = sandbox.start(spec);
            if (!launched) give_up(launched.error().message);
            close(launched->stdout_fd);
            close(launched->stderr_fd);
        }
        pollfd readable{sandbox.fd(), POLLIN, 0};
        poll(&readable, 1, 10'000);
        for (const auto& event : sandbox.take_events()) {
            const auto* end = std::get_if<worker::BoxEnded>(&event);
            if (end == nullptr) continue;
            if (end->outcome.kind != OutcomeKind::exited || end->outcome.exit_code != 0)
                give_up(fmt::format("a bare box ended as {} {}", name(end->outcome.kind), end->outcome.detail));
            if (end->work_directory_fd >= 0) close(end->work_directory_fd);
            ++ended;
        }
        if (!sandbox.broken().empty()) give_up(sandbox.broken());
    }
    return {seconds_now() - begin, cpu_seconds_of_tree(getpid()) - cpu_before};
}

}  // namespace windlass::bench
