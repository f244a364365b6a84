// What a box costs: the same program started plainly (posix_spawn), in a box, and under bubblewrap if that is
// installed, always with the same number in flight. The ways take turns round by round, so that other load on the
// machine falls on all of them; the table shows the median round.
//
//   bench_sandbox [-n runs per round] [-r rounds] [-j in flight]      as root: also with a static program
//
// "cpu" is user and system time of everything that was started, per run; for a box also the share of the worker and the
// spawner. "kernel" is what kernel threads did meanwhile on its behalf (tearing down namespaces): machine-wide, so
// other load shows in it.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "worker/sandbox/sandbox.h"

using namespace windlass;
using namespace windlass::worker;

namespace {

constexpr const char* static_directory = "/usr/local/games";  // where the boxes can see it, in our own mount namespace

struct Options {
    int runs = 1000;
    int rounds = 7;
    int in_flight = 2;
};

struct Cost {
    double wall_us = 0;
    double cpu_us = 0;
    double kernel_us = 0;
};

[[noreturn]] void fail(const std::string& what) {
    fmt::print(stderr, "bench_sandbox: {}\n", what);
    std::exit(1);
}

double seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpu_seconds() {
    double sum = 0;
    for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage used{};
        getrusage(who, &used);
        sum += static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
    }
    return sum;
}

// Processor time of every kernel thread (a child of kthreadd) so far, by pid.
std::map<int, double> kernel_threads() {
    std::map<int, double> times;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        const int pid = std::atoi(entry.path().filename().c_str());
        if (pid <= 0) continue;
        std::string stat;
        std::getline(std::ifstream(entry.path() / "stat"), stat);
        const std::size_t name_end = stat.rfind(')');
        if (name_end == std::string::npos || std::atoi(stat.c_str() + name_end + 4) != 2) continue;
        double nanoseconds = 0;
        std::ifstream(entry.path() / "schedstat") >> nanoseconds;
        times[pid] = nanoseconds * 1e-9;
    }
    return times;
}

double growth(const std::map<int, double>& before, const std::map<int, double>& after) {
    double sum = 0;
    for (const auto& [pid, time] : after) {
        const auto found = before.find(pid);
        sum += time - (found == before.end() ? 0 : found->second);
    }
    return sum;
}

void wait_for_one() {
    int status = 0;
    if (waitpid(-1, &status, 0) < 0 || status != 0) fail(fmt::format("a program ended with status {:#x}", status));
}

// Starts `argv` runs times with in_flight at the same time.
void spawn_all(const std::vector<std::string>& argv, int runs, int in_flight) {
    std::vector<char*> arguments;
    for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    int running = 0;
    for (int i = 0; i < runs; i++) {
        if (running == in_flight) {
            wait_for_one();
            running--;
        }
        pid_t pid = 0;
        const int error = posix_spawn(&pid, arguments[0], nullptr, nullptr, arguments.data(), environ);
        if (error != 0) fail(fmt::format("{}: {}", argv[0], std::strerror(error)));
        running++;
    }
    while (running-- > 0) wait_for_one();
}

class Boxes {
  public:
    explicit Boxes(int slots) {
        char name[] = "/tmp/bench-sandbox-XXXXXX";
        if (mkdtemp(name) == nullptr) fail("mkdtemp");
        directory_ = name;
        SandboxSettings settings;
        settings.spawner_path = SPAWNER_PATH;
        settings.state_directory = directory_;
        settings.cgroup = fmt::format("windlass-bench-{}", getpid());
        settings.slots = slots;
        if (geteuid() != 0) {
            settings.allow_weaker = {Protection::memory_limit, Protection::process_limit, Protection::cpu_limit,
                                     Protection::uid_per_job};
        }
        auto opened = Sandbox::open(settings);
        if (!opened) fail(opened.error().message);
        sandbox_ = std::move(opened).value();
    }
    ~Boxes() {
        sandbox_.reset();
        std::filesystem::remove_all(directory_);
    }

    void run_all(const std::string& program, int runs, int in_flight) {
        BoxSpec spec;
        spec.name = "bench";
        spec.argv = {program};
        int running = 0;
        for (int i = 0; i < runs; i++) {
            if (running == in_flight) running -= take_ends();
            auto box = sandbox_->start(spec);
            if (!box) fail(box.error().message);
            close(box->stdout_fd);
            close(box->stderr_fd);
            running++;
        }
        while (running > 0) running -= take_ends();
    }

  private:
    int take_ends() {
        for (;;) {
            pollfd ready{sandbox_->fd(), POLLIN, 0};
            poll(&ready, 1, -1);
            int ended = 0;
            for (const BoxEvent& event : sandbox_->take_events()) {
                const auto* end = std::get_if<BoxEnded>(&event);
                if (end == nullptr) continue;
                if (end->outcome.kind != OutcomeKind::exited || end->outcome.exit_code != 0) fail(end->outcome.detail);
                close(end->work_directory_fd);
                ended++;
            }
            if (!sandbox_->broken().empty()) fail(sandbox_->broken());
            if (ended > 0) return ended;
        }
    }

    std::string directory_;
    std::unique_ptr<Sandbox> sandbox_;
};

Cost measure(int runs, const std::function<void()>& work) {
    const auto kernel = kernel_threads();
    const double cpu = cpu_seconds();
    const double wall = seconds();
    work();
    Cost cost;
    cost.wall_us = (seconds() - wall) / runs * 1e6;
    cost.cpu_us = (cpu_seconds() - cpu) / runs * 1e6;
    cost.kernel_us = growth(kernel, kernel_threads()) / runs * 1e6;
    return cost;
}

// The processor time of the boxes is known when the spawner has been waited for: so each round has a sandbox of its
// own, and what opening and closing it costs is measured apart and taken off.
Cost measure_boxes(const std::string& program, const Options& options) {
    const Cost empty = measure(1, [&] { Boxes boxes(options.in_flight); });
    double wall = 0;
    Cost cost = measure(options.runs, [&] {
        Boxes boxes(options.in_flight);
        boxes.run_all(program, 20, options.in_flight);
        const double start = seconds();
        boxes.run_all(program, options.runs - 20, options.in_flight);
        wall = (seconds() - start) / (options.runs - 20) * 1e6;
    });
    cost.wall_us = wall;
    cost.cpu_us -= empty.cpu_us / options.runs;
    cost.kernel_us -= empty.kernel_us / options.runs;
    return cost;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

Cost median(const std::vector<Cost>& rounds) {
    const auto of = [&](double Cost::*part) {
        std::vector<double> values;
        for (const Cost& cost : rounds) values.push_back(cost.*part);
        return median(values);
    };
    return {of(&Cost::wall_us), of(&Cost::cpu_us), of(&Cost::kernel_us)};
}

struct Way {
    std::string name;
    std::function<Cost()> run;
    std::vector<Cost> rounds;
};

void compare(const std::string& title, const std::string& program, const Options& options, bool with_bubblewrap) {
    std::vector<Way> ways;
    ways.push_back(
        {"posix_spawn",
         [&] { return measure(options.runs, [&] { spawn_all({program}, options.runs, options.in_flight); }); },
         {}});
    ways.push_back({"sandbox", [&] { return measure_boxes(program, options); }, {}});
    if (with_bubblewrap && access("/usr/bin/bwrap", X_OK) == 0) {
        const int runs = std::max(options.runs / 5, 20);
        ways.push_back({"bubblewrap",
                        [&, runs] {
                            return measure(runs, [&] {
                                spawn_all({"/usr/bin/bwrap", "--unshare-all", "--ro-bind", "/", "/", program}, runs,
                                          options.in_flight);
                            });
                        },
                        {}});
    }
    for (int round = 0; round < options.rounds; round++) {
        for (Way& way : ways) way.rounds.push_back(way.run());
    }
    fmt::print("\n{}: {} rounds of {} runs, {} in flight\n", title, options.rounds, options.runs, options.in_flight);
    fmt::print("  {:<12} {:>9} {:>12} {:>14} {:>12} {:>18}\n", "", "runs/s", "cpu ms/run", "kernel ms/run", "added ms",
               "times posix_spawn");
    const Cost floor = median(ways[0].rounds);
    for (const Way& way : ways) {
        const Cost cost = median(way.rounds);
        const double all = cost.cpu_us + cost.kernel_us;
        const double floor_all = floor.cpu_us + floor.kernel_us;
        fmt::print("  {:<12} {:>9.0f} {:>12.3f} {:>14.3f} {:>12.3f} {:>18.2f}\n", way.name, 1e6 / cost.wall_us,
                   cost.cpu_us / 1000, cost.kernel_us / 1000, (all - floor_all) / 1000, all / floor_all);
    }
}

// The static program must lie where the boxes see it: bound below /usr, in a mount namespace of our own.
bool show_static_program() {
    if (geteuid() != 0 || access(static_directory, F_OK) != 0) return false;
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
    return mount(NOTHING_DIRECTORY, static_directory, nullptr, MS_BIND, nullptr) == 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    for (int option = 0; (option = getopt(argc, argv, "n:r:j:")) != -1;) {
        if (option == '?') fail("usage: bench_sandbox [-n runs] [-r rounds] [-j in flight]");
        const int value = std::atoi(optarg);
        (option == 'n' ? options.runs : option == 'r' ? options.rounds : options.in_flight) = value;
    }
    if (options.runs < 50 || options.rounds < 1 || options.in_flight < 1)
        fail("at least 50 runs, 1 round, 1 in flight");
    const bool with_static = show_static_program();
    compare("/bin/true (dynamic)", "/bin/true", options, true);
    if (with_static) {
        compare("static program", std::string(static_directory) + "/nothing", options, false);
    } else {
        fmt::print("\nstatic program: left out (needs root and {})\n", static_directory);
    }
}
