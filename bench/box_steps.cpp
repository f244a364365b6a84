#include "bench/box_steps.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bench/cost.h"
#include "worker/sandbox/apply.h"
#include "worker/sandbox/cgroup.h"
#include "worker/sandbox/filter.h"
#include "worker/sandbox/host.h"
#include "worker/sandbox/plan.h"
#include "worker/sandbox/protection.h"

namespace windlass::bench {
namespace {

using namespace windlass::worker;

constexpr std::size_t most_steps = 128;

// In memory that all processes of the measurement share.
struct Times {
    double step_us[most_steps];  // sum over all runs
    double forks_us;             // of PID 1 and of the process that becomes the job
    double all_us;               // user and system time of both, as wait4(2) tells it, and the two forks
    double clock_us;             // one reading of the clock
    int runs;
};

struct Group {
    const char* what;
    std::vector<StepKind> kinds;
};

const std::vector<Group>& groups() {
    static const std::vector<Group> all = {
        {"/proc", {StepKind::mount_proc}},
        {"the tmpfs on /job", {StepKind::mount_tmpfs, StepKind::open_work_directory}},
        {"directories and files in /job",
         {StepKind::enter_directory, StepKind::make_directory, StepKind::make_file, StepKind::set_file_mask}},
        {"Landlock", {StepKind::landlock_begin, StepKind::landlock_allow, StepKind::landlock_enforce}},
        {"entering the cgroups (v1)", {StepKind::enter_cgroup}},
        {"joining the slot's network", {StepKind::join_network}},
        {"cgroup namespace", {StepKind::unshare_namespaces}},
        {"host name, title, OOM score, untraceable",
         {StepKind::set_hostname, StepKind::set_title, StepKind::set_oom_score, StepKind::hide_from_job}},
        {"groups, gid, uid, capabilities",
         {StepKind::drop_groups, StepKind::set_group, StepKind::set_user, StepKind::clear_capabilities}},
        {"resource limits", {StepKind::set_limit}},
        {"session, streams, descriptors, signals",
         {StepKind::new_session, StepKind::connect_streams, StepKind::default_signals, StepKind::close_descriptors}}};
    return all;
}

double thread_us() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

bool executes(StepKind kind) {
    return kind == StepKind::execute || kind == StepKind::execute_if_possible;
}

// Steps [first, last) one by one; ends the process at one that fails.
void apply_timed(const Blob& blob, std::uint32_t first, std::uint32_t last, Context& context, Times& times) {
    for (std::uint32_t i = first; i < last; i++) {
        if (executes(blob.steps[i].kind)) return;
        const double begin = thread_us();
        if (apply(blob, i, 1, context).step >= 0) _exit(2);
        times.step_us[i] += thread_us() - begin;
    }
}

[[noreturn]] void build_one_box(const Blob& blob, Context context, Times& times) {
    const std::uint32_t first = blob.header->first_steps;
    apply_timed(blob, 0, first, context, times);
    const double begin = thread_us();
    const pid_t job = vfork();  // as PID 1 does it
    if (job == 0) {
        apply_timed(blob, first, first + blob.header->second_steps, context, times);
        _exit(0);
    }
    times.forks_us += thread_us() - begin;
    int status = 0;
    if (job < 0 || waitpid(job, &status, 0) != job) _exit(3);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 4);
}

double cpu_us(const rusage& used) {
    return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
           static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

// Lives in the prepared root, as the spawner does.
[[noreturn]] void build_boxes(const Blob& blob, const Context& prepared, int runs, Times& times) {
    const double begin = thread_us();
    for (int i = 0; i < 1000; i++) times.clock_us = thread_us();
    times.clock_us = (thread_us() - begin) / 1001;
    for (times.runs = 0; times.runs < runs; times.runs++) {
        const double before = thread_us();
        const long pid = syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD, nullptr,
                                 nullptr, nullptr, 0);
        if (pid == 0) build_one_box(blob, prepared, times);
        const double fork_us = thread_us() - before;
        int status = 0;
        rusage used{};
        if (pid < 0 || wait4(static_cast<pid_t>(pid), &status, 0, &used) != pid || status != 0) _exit(5);
        times.forks_us += fork_us;
        times.all_us += cpu_us(used) + fork_us;
    }
    _exit(0);
}

template <typename T>
T value_or_fail(Result<T> result) {
    if (!result) fail(result.error().message);
    return std::move(result).value();
}

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

// Blob::steps must be aligned.
struct AlignedBytes {
    std::vector<std::uint64_t> words;
    explicit AlignedBytes(const std::string& bytes) : words((bytes.size() + 7) / 8), size(bytes.size()) {
        std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(words.data()));
    }
    Blob blob() { return open_blob(words.data(), size); }
    std::size_t size;
};

void print_line(const std::string& what, double us, double all_us) {
    fmt::print("  {:<60} {:>8.1f} {:>8.1f} %\n", what, us, 100 * us / all_us);
}

void print_table(const Plan& plan, const Times& times) {
    const double runs = times.runs;
    const double all_us = times.all_us / runs;
    const auto in_step = [&](std::size_t i) { return times.step_us[i] / runs - times.clock_us; };
    fmt::print("\nwhat each step of a box costs, {} boxes one at a time: us of processor time per box\n", times.runs);
    print_line("the whole box without its program", all_us, all_us);
    double known_us = times.forks_us / runs;
    print_line("fork of PID 1 into four namespaces, vfork of the job", known_us, all_us);
    for (const Group& group : groups()) {
        double us = 0;
        for (std::size_t i = 0; i < plan.size(); i++) {
            const StepKind kind = plan.step(i).kind;
            if (std::find(group.kinds.begin(), group.kinds.end(), kind) != group.kinds.end()) us += in_step(i);
        }
        print_line(group.what, us, all_us);
        known_us += us;
    }
    print_line("the rest: page faults, the end of both processes, their mounts", all_us - known_us, all_us);
    std::fflush(stdout);
}

void measure_boxes(int runs) {
    SandboxSettings settings;
    const Directory directory;
    settings.state_directory = directory.path();
    const Machine machine = examine_machine(settings);
    const auto cgroups = value_or_fail(Cgroups::open(machine.cgroups, fmt::format("windlass-bench-{}", getpid()), 1));
    SetupOptions setup;
    setup.mount_point = directory.path();
    setup.filters = value_or_fail(make_filters({.refuse_memory_objects = false, .allow_clone3 = false}));
    const HostFacts host = value_or_fail(look_at_host(settings.first_uid, settings.first_uid));
    BoxSpec spec;
    spec.name = "bench";
    spec.argv = {"/bin/true"};
    spec.files = {{"code", ""}, {"data", ""}};
    BoxOptions box;
    box.uid = box.gid = settings.first_uid;
    box.landlock_abi = machine.landlock_abi;
    Context context;
    context.stdout_fd = context.stderr_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (cgroups) {
        static_cast<void>(value_or_fail(cgroups->prepare(0, spec.limits)));
        if (!cgroups->entered_by_birth()) {
            const auto& entrances = cgroups->entrances(0);
            box.cgroup_files = static_cast<int>(entrances.size());
            std::copy(entrances.begin(), entrances.end(), context.cgroup_files);
        }
    }
    const Plan plan = value_or_fail(make_plan(spec, box));
    if (plan.size() > most_steps) fail("more steps than the table holds");
    AlignedBytes set_up(make_setup_plan(host, setup).bytes());
    AlignedBytes steps(plan.bytes());
    void* shared = mmap(nullptr, sizeof(Times), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) fail("mmap");
    auto* times = new (shared) Times{};
    const pid_t spawner = fork();
    if (spawner == 0) {
        const Blob blob = set_up.blob();
        if (apply(blob, 0, blob.header->first_steps, context).step >= 0) _exit(6);
        build_boxes(steps.blob(), context, runs, *times);
    }
    int status = 0;
    if (spawner < 0 || waitpid(spawner, &status, 0) != spawner) fail("waitpid");
    if (status != 0) fail(fmt::format("a box could not be built: status {:#x} after {} boxes", status, times->runs));
    print_table(plan, *times);
}

}  // namespace

void print_share_of_steps(int runs) {
    std::fflush(stdout);
    const pid_t outside = fork();
    if (outside == 0) {
        if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) fail("private namespaces");
        const pid_t inside = fork();
        if (inside == 0) {
            if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) fail("private mounts");
            if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) fail("mount /proc");
            measure_boxes(runs);
            _exit(0);
        }
        int status = 0;
        waitpid(inside, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    int status = 0;
    if (outside < 0 || waitpid(outside, &status, 0) != outside || status != 0) fail("the table of steps");
}

}  // namespace windlass::bench
