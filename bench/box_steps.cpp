#include "bench/box_steps.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "bench/cost.h"
#include "worker/sandbox/cgroup.h"
#include "worker/sandbox/filter.h"
#include "worker/sandbox/host.h"
#include "worker/sandbox/plan.h"
#include "worker/sandbox/protection.h"
#include "worker/sandbox/spawner_process.h"

namespace windlass::bench {
namespace {

using namespace windlass::worker;

using Kinds = std::vector<StepKind>;

struct Row {
    std::string what;
    Kinds without;  // the box is measured without these …
    int base = 0;   // … and compared with this row; 0: the whole box
    std::vector<Cost> rounds;
};

std::vector<Row> rows() {
    const Kinds files = {StepKind::make_directory, StepKind::make_file};
    Kinds working_directory = files;
    working_directory.push_back(StepKind::mount_tmpfs);
    return {{"the whole box", {}, 0, {}},
            {"/proc", {StepKind::mount_proc}, 0, {}},
            {"directories and files in /job", files, 0, {}},
            {"the tmpfs on /job", working_directory, 2, {}},
            {"Landlock", {StepKind::landlock_begin, StepKind::landlock_allow, StepKind::landlock_enforce}, 0, {}},
            {"entering the cgroups", {StepKind::enter_cgroup}, 0, {}},
            {"joining the slot's network", {StepKind::join_network}, 0, {}},
            {"cgroup namespace", {StepKind::unshare_namespaces}, 0, {}},
            {"host name, title, OOM score, untraceable",
             {StepKind::set_hostname, StepKind::set_title, StepKind::set_oom_score, StepKind::hide_from_job},
             0,
             {}},
            {"groups, gid, uid, capabilities",
             {StepKind::drop_groups, StepKind::set_group, StepKind::set_user, StepKind::clear_capabilities},
             0,
             {}},
            {"resource limits", {StepKind::set_limit}, 0, {}},
            {"session, streams, descriptors, signals",
             {StepKind::new_session, StepKind::connect_streams, StepKind::default_signals, StepKind::close_descriptors},
             0,
             {}}};
}

// The blob of a plan with these steps turned into the cheapest there is.
std::string blob_without(const Plan& plan, const Kinds& kinds) {
    std::string blob = plan.bytes();
    for (std::size_t i = 0; i < plan.size(); i++) {
        char* at = blob.data() + sizeof(BlobHeader) + i * sizeof(Step);
        Step step;
        std::memcpy(&step, at, sizeof step);
        if (std::find(kinds.begin(), kinds.end(), step.kind) == kinds.end()) continue;
        step.kind = StepKind::set_file_mask;
        step.value = 0077;
        std::memcpy(at, &step, sizeof step);
    }
    return blob;
}

template <typename T>
T value_or_fail(Result<T> result) {
    if (!result) fail(result.error().message);
    return std::move(result).value();
}

// One slot, as the sandbox would have it: its spawner, its cgroup, its network.
class Slot {
  public:
    Slot(const std::string& directory, const std::string& program) {
        SandboxSettings settings;
        settings.state_directory = directory;
        const Machine machine = examine_machine(settings);
        cgroups_ = value_or_fail(Cgroups::open(machine.cgroups, fmt::format("windlass-bench-{}", getpid()), 1));
        SetupOptions options;
        options.mount_point = directory;
        options.filters =
            value_or_fail(make_filters({.refuse_memory_objects = false, .allow_clone3 = machine.cgroups.version == 2}));
        const HostFacts host = value_or_fail(look_at_host(settings.first_uid, settings.first_uid));
        spawner_.emplace(value_or_fail(SpawnerProcess::start(SPAWNER_PATH, make_setup_plan(host, options))));
        BoxSpec spec;
        spec.name = "bench";
        spec.argv = {program};
        spec.files = {{"code", ""}, {"data", ""}};
        BoxOptions box;
        box.uid = box.gid = settings.first_uid;
        box.landlock_abi = machine.landlock_abi;
        if (cgroups_) {
            static_cast<void>(value_or_fail(cgroups_->prepare(0, spec.limits)));
            if (!cgroups_->entered_by_birth()) box.cgroup_files = static_cast<int>(cgroups_->entrances(0).size());
        }
        if (machine.cgroups.version == 2) box.filter = value_or_fail(make_job_filter());
        plan_.emplace(value_or_fail(make_plan(spec, box)));
    }

    void run(const Kinds& without, int runs) {
        const std::string blob = blob_without(*plan_, without);
        for (int i = 0; i < runs; i++) {
            std::array<int, 2> out{};
            if (pipe2(out.data(), O_CLOEXEC) != 0) fail("pipe");
            const File read(out[0]);
            const File write(out[1]);
            Command command;
            command.kind = Command::start;
            command.box = ++box_;
            command.born_in_cgroup = cgroups_ && cgroups_->entered_by_birth() ? 1 : 0;
            std::vector<int> descriptors = {write.get(), write.get()};
            if (cgroups_ && box_ == 1) {
                const auto& entrances = cgroups_->entrances(0);
                command.cgroup_files = static_cast<std::uint32_t>(entrances.size());
                descriptors.insert(descriptors.end(), entrances.begin(), entrances.end());
            }
            const Status sent = spawner_->send(command, blob, descriptors);
            if (!sent) fail(sent.error().message);
            wait_for_end();
        }
    }

  private:
    void wait_for_end() {
        for (;;) {
            pollfd ready{spawner_->socket(), POLLIN, 0};
            poll(&ready, 1, -1);
            auto message = spawner_->receive();
            if (!message) fail(message.error().message);
            if (!*message || (*message)->report.kind != Report::ended) continue;
            const Report& report = (*message)->report;
            if (report.failed_step >= 0)
                fail(fmt::format("{}: {}", describe(*plan_, static_cast<std::size_t>(report.failed_step)),
                                 std::strerror(report.error)));
            if (report.status != 0) fail(fmt::format("the program ended with status {:#x}", report.status));
            return;
        }
    }

    std::unique_ptr<Cgroups> cgroups_;
    std::optional<SpawnerProcess> spawner_;
    std::optional<Plan> plan_;
    std::uint64_t box_ = 0;
};

class Directory {
  public:
    Directory() {
        if (mkdtemp(name_) == nullptr) fail("mkdtemp");
    }
    ~Directory() {
        std::error_code ignored;
        std::filesystem::remove_all(name_, ignored);
    }
    std::string path() const { return name_; }

  private:
    char name_[32] = "/tmp/bench-steps-XXXXXX";
};

// The price of what the boxes have waited for is known when their spawner has been waited for.
Cost cost_of(const std::string& program, const Kinds& without, int runs) {
    const Directory directory;
    const Cost empty = measure(1, [&] { Slot slot(directory.path(), program); });
    double wall_us = 0;
    Cost cost = measure(runs, [&] {
        Slot slot(directory.path(), program);
        slot.run(without, 10);
        const double begin = monotonic_seconds();
        slot.run(without, runs - 10);
        wall_us = (monotonic_seconds() - begin) / (runs - 10) * 1e6;
    });
    cost.wall_us = wall_us;
    cost.cpu_us -= empty.cpu_us / runs;
    cost.kernel_us -= empty.kernel_us / runs;
    return cost;
}

// A fork into new namespaces of a process that ends at once, without anything else.
Cost cost_of_fork(unsigned long namespaces, int runs) {
    return measure(runs, [&] {
        for (int i = 0; i < runs; i++) {
            const long pid = syscall(SYS_clone, namespaces | SIGCHLD, nullptr, nullptr, nullptr, 0);
            if (pid == 0) _exit(0);
            if (pid < 0) fail("clone");
            if (waitpid(static_cast<pid_t>(pid), nullptr, 0) != pid) fail("waitpid");
        }
    });
}

struct Fork {
    std::string what;
    unsigned long namespaces;
    std::vector<Cost> rounds;
};

void print_line(const std::string& what, const Cost& cost, const Cost& whole) {
    fmt::print("  {:<44} {:>9.1f} {:>9.1f} {:>9.1f} {:>7.1f} %\n", what, cost.wall_us, cost.cpu_us, cost.kernel_us,
               100 * cost.all_us() / whole.all_us());
}

Cost difference(const Cost& a, const Cost& b) {
    return {a.wall_us - b.wall_us, a.cpu_us - b.cpu_us, a.kernel_us - b.kernel_us};
}

void print_table(const std::string& program, int runs, int rounds) {
    std::vector<Row> table = rows();
    std::vector<Fork> forks = {{"fork and end of a process", 0, {}},
                               {"+ pid namespace", CLONE_NEWPID, {}},
                               {"+ mount namespace", CLONE_NEWPID | CLONE_NEWNS, {}},
                               {"+ ipc namespace", CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC, {}},
                               {"+ uts namespace", CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS, {}}};
    for (int round = 0; round < rounds; round++) {
        for (Row& row : table) row.rounds.push_back(cost_of(program, row.without, runs));
        for (Fork& fork : forks) fork.rounds.push_back(cost_of_fork(fork.namespaces, runs));
    }
    fmt::print("\nwhat each step of a box costs (static program, one at a time, {} rounds of {}): us per run\n", rounds,
               runs);
    fmt::print("  {:<44} {:>9} {:>9} {:>9} {:>9}\n", "", "wall", "cpu", "kernel", "share");
    const Cost whole = median_of(table[0].rounds);
    print_line(table[0].what, whole, whole);
    Cost rest = whole;
    for (std::size_t i = 1; i < table.size(); i++) {
        const Cost without = median_of(table[i].rounds);
        const Cost share = difference(median_of(table[static_cast<std::size_t>(table[i].base)].rounds), without);
        print_line(table[i].what, share, whole);
        rest = difference(rest, share);
    }
    print_line("rest: fork, four namespaces, messages, exec", rest, whole);
    fmt::print("  of the rest, each by itself, of a process as small as this benchmark:\n");
    for (std::size_t i = 0; i < forks.size(); i++) {
        const Cost cost = median_of(forks[i].rounds);
        print_line(forks[i].what, i == 0 ? cost : difference(cost, median_of(forks[i - 1].rounds)), whole);
    }
}

// PID 1 of the namespace only reaps: the table is printed by its child, for whom kill(-1) is as harmless as for a job.
[[noreturn]] void in_private_namespaces(const std::string& program, int runs, int rounds) {
    const int host_proc = open("/proc", O_PATH | O_DIRECTORY);
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) fail("private mounts");
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) fail("mount /proc");
    see_kernel_threads_in(fmt::format("/proc/self/fd/{}", host_proc));
    print_table(program, runs, rounds);
    std::fflush(stdout);
    _exit(0);
}

}  // namespace

void print_share_of_steps(const std::string& program, int runs, int rounds) {
    std::fflush(stdout);
    const pid_t outside = fork();
    if (outside == 0) {
        if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) fail("private namespaces");
        const pid_t inside = fork();
        if (inside == 0) in_private_namespaces(program, runs, rounds);
        int status = 0;
        waitpid(inside, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    int status = 0;
    if (outside < 0 || waitpid(outside, &status, 0) != outside || status != 0) fail("the table of steps");
}

}  // namespace windlass::bench
