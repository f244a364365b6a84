// What a box costs: the same program started plainly (posix_spawn), in a box, in a box whose every part is built for
// this run alone ("naive": spawner, root, network, filter, cgroup), and under bubblewrap if that is installed; with one
// and with two in flight. The ways take turns round by round, so that other load on the machine falls on all of them;
// the table shows the median round.
//
//   bench_sandbox [-n runs per round] [-r rounds] [-j in flight] [-p true|static] [-s] [-b]
//
// -j: only with so many in flight. -p: only this program. -s: only the table of what each step costs. -b: only boxes,
// for a profiler. As root also with a static program, and that table.
//
// "cpu" is user and system time of everything that was started, per run; for a box also the share of the worker and the
// spawner. "kernel" is what kernel threads did meanwhile on its behalf (tearing down namespaces): machine-wide, so
// other load shows in it.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "bench/box_steps.h"
#include "bench/cost.h"
#include "worker/sandbox/sandbox.h"

using namespace windlass;
using namespace windlass::bench;
using namespace windlass::worker;

namespace {

constexpr const char* static_directory = "/usr/local/games";  // where the boxes can see it, in our own mount namespace

struct Options {
    int runs = 1000;
    int rounds = 5;
    int in_flight = 0;  // 0: one, then two
    std::string program;
    bool only_steps = false;
    bool only_boxes = false;
};

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

    // `image`: the root of one that holds the program; empty: in the prepared root.
    void run_all(const std::string& program, int runs, int in_flight, const std::string& image = "") {
        BoxSpec spec;
        if (!image.empty()) {
            spec.image.emplace().root_directory = image;
            spec.image->passwd = "job:x:{uid}:{gid}::/job:/bin/sh\n";
        }
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

// The processor time of the boxes is known when the spawner has been waited for: so each round has a sandbox of its
// own, and what opening and closing it costs is measured apart and taken off.
Cost measure_boxes(const std::string& program, int runs, int in_flight, const std::string& image = "") {
    const Cost empty = measure(1, [&] { Boxes boxes(in_flight); });
    double wall = 0;
    Cost cost = measure(runs, [&] {
        Boxes boxes(in_flight);
        boxes.run_all(program, 20, in_flight, image);
        const double start = monotonic_seconds();
        boxes.run_all(program, runs - 20, in_flight, image);
        wall = (monotonic_seconds() - start) / (runs - 20) * 1e6;
    });
    cost.wall_us = wall;
    cost.cpu_us -= empty.cpu_us / runs;
    cost.kernel_us -= empty.kernel_us / runs;
    return cost;
}

// The naive form: a sandbox is opened for each run and closed after it.
void build_and_run(const std::string& program, int runs, int in_flight) {
    std::fflush(stdout);
    for (int process = 0; process < in_flight; process++) {
        const pid_t pid = fork();
        if (pid < 0) fail("fork");
        if (pid > 0) continue;
        for (int i = process; i < runs; i += in_flight) Boxes(1).run_all(program, 1, 1);
        _exit(0);
    }
    for (int process = 0; process < in_flight; process++) wait_for_one();
}

struct Way {
    std::string name;
    std::function<Cost()> run;
    std::vector<Cost> rounds;
};

// An image that holds this static program at its place and nothing else, made once. Empty: a dynamic one would need its
// libraries there.
std::string image_with(const std::string& program) {
    static std::string root;
    if (!program.starts_with(static_directory)) return {};
    if (!root.empty()) return root;
    char name[] = "/tmp/bench-image-XXXXXX";
    if (mkdtemp(name) == nullptr) fail("mkdtemp");
    root = std::filesystem::canonical(name);
    std::filesystem::permissions(root, std::filesystem::perms(0755));
    std::filesystem::create_directories(root + static_directory);
    std::filesystem::copy_file(program, root + program);
    std::atexit([] { std::filesystem::remove_all(root); });
    return root;
}

std::vector<Way> ways(const std::string& program, int runs, int in_flight, bool with_bubblewrap) {
    std::vector<Way> all;
    const int few = std::max(runs / 10, 20);
    const auto add = [&](const char* name, std::function<Cost()> run) { all.push_back({name, std::move(run), {}}); };
    add("posix_spawn", [=] { return measure(runs, [=] { spawn_all({program}, runs, in_flight); }); });
    add("box", [=] { return measure_boxes(program, runs, in_flight); });
    if (const std::string image = image_with(program); !image.empty())
        add("box, image", [=] { return measure_boxes(program, runs, in_flight, image); });
    add("box, naive", [=] { return measure(few, [=] { build_and_run(program, few, in_flight); }); });
    if (with_bubblewrap && access("/usr/bin/bwrap", X_OK) == 0)
        add("bubblewrap", [=] {
            return measure(few, [=] {
                spawn_all({"/usr/bin/bwrap", "--unshare-all", "--ro-bind", "/", "/", program}, few, in_flight);
            });
        });
    return all;
}

void compare(const std::string& title, const std::string& program, const Options& options, int in_flight) {
    auto all = ways(program, options.runs, in_flight, true);
    if (options.only_boxes) all = {all[1]};
    for (int round = 0; round < options.rounds; round++) {
        for (Way& way : all) way.rounds.push_back(way.run());
    }
    fmt::print("\n{}: {} rounds of {} runs, {} in flight\n", title, options.rounds, options.runs, in_flight);
    fmt::print("  {:<12} {:>9} {:>12} {:>12} {:>14} {:>12} {:>18}\n", "", "runs/s", "wall ms/run", "cpu ms/run",
               "kernel ms/run", "added ms", "times posix_spawn");
    const Cost floor = median_of(all[0].rounds);
    for (const Way& way : all) {
        const Cost cost = median_of(way.rounds);
        fmt::print("  {:<12} {:>9.0f} {:>12.3f} {:>12.3f} {:>14.3f} {:>12.3f} {:>18.2f}\n", way.name,
                   1e6 / cost.wall_us, cost.wall_us / 1000, cost.cpu_us / 1000, cost.kernel_us / 1000,
                   (cost.all_us() - floor.all_us()) / 1000, cost.all_us() / floor.all_us());
    }
    std::fflush(stdout);
}

// The static program must lie where the boxes see it: bound below /usr, in a mount namespace of our own.
bool show_static_program() {
    if (geteuid() != 0 || access(static_directory, F_OK) != 0) return false;
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
    return mount(NOTHING_DIRECTORY, static_directory, nullptr, MS_BIND, nullptr) == 0;
}

Options read_options(int argc, char** argv) {
    Options options;
    for (int option = 0; (option = getopt(argc, argv, "n:r:j:p:sb")) != -1;) {
        switch (option) {
            case 'n':
                options.runs = std::atoi(optarg);
                break;
            case 'r':
                options.rounds = std::atoi(optarg);
                break;
            case 'j':
                options.in_flight = std::max(std::atoi(optarg), 1);
                break;
            case 'p':
                options.program = optarg;
                break;
            case 's':
                options.only_steps = true;
                break;
            case 'b':
                options.only_boxes = true;
                break;
            default:
                fail("usage: bench_sandbox [-n runs] [-r rounds] [-j in flight] [-p true|static] [-s] [-b]");
        }
    }
    if (options.runs < 50 || options.rounds < 1) fail("at least 50 runs and 1 round");
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = read_options(argc, argv);
    const bool with_static = show_static_program();
    const std::string nothing = std::string(static_directory) + "/nothing";
    const std::vector<int> at_once = options.in_flight > 0 ? std::vector{options.in_flight} : std::vector{1, 2};
    for (const int in_flight : at_once) {
        if (options.only_steps) break;
        if (options.program != "static") compare("/bin/true (dynamic)", "/bin/true", options, in_flight);
        if (options.program != "true" && with_static) compare("static program", nothing, options, in_flight);
    }
    if (options.only_boxes) return 0;
    if (with_static && options.program != "true")
        print_share_of_steps(options.runs);
    else if (!with_static)
        fmt::print("\nstatic program and steps: left out (they need root and {})\n", static_directory);
}
