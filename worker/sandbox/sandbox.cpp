#include "worker/sandbox/sandbox.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "worker/sandbox/cgroup.h"
#include "worker/sandbox/filter.h"
#include "worker/sandbox/host.h"
#include "worker/sandbox/landlock.h"
#include "worker/sandbox/plan.h"
#include "worker/sandbox/protection.h"
#include "worker/sandbox/spawner_process.h"

namespace windlass::worker {
namespace {

struct Box {
    BoxId id = 0;              // 0: the slot is free
    std::optional<Plan> plan;  // until it runs: puts a failing step into words
    bool started = false;
    File work_directory;
};

struct Pipe {
    File read;
    File write;
};

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("making a pipe", errno);
    Pipe pipe{File(ends[0]), File(ends[1])};
    if (fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK) != 0) return errno_error("making a pipe", errno);
    return pipe;
}

bool is_full(const File& directory) {
    struct statfs space {};
    return directory && fstatfs(directory.get(), &space) == 0 && (space.f_bfree == 0 || space.f_ffree == 0);
}

SteadyTime steady(std::int64_t us) {
    return SteadyTime(Microseconds(us));
}

class LinuxSandbox final : public Sandbox {
  public:
    LinuxSandbox(SandboxSettings settings, Machine machine, File lock, std::unique_ptr<Cgroups> cgroups,
                 SpawnerProcess spawner, std::string job_filter)
        : settings_(std::move(settings)),
          machine_(std::move(machine)),
          lock_(std::move(lock)),
          cgroups_(std::move(cgroups)),
          spawner_(std::move(spawner)),
          job_filter_(std::move(job_filter)),
          boxes_(static_cast<std::size_t>(settings_.slots)) {}

    Result<Launched> start(const BoxSpec& spec) override;
    void stop(BoxId box, Milliseconds grace) override;
    int fd() const override { return spawner_.socket(); }
    std::vector<BoxEvent> take_events() override;
    std::string broken() const override { return broken_; }
    const std::vector<Finding>& findings() const override { return machine_.findings; }

  private:
    BoxOptions options_of(int slot) const;
    std::optional<int> free_slot() const;
    Status send_start(int slot, BoxId id, const Plan& plan, const File& out, const File& err, bool new_entrances) const;
    void on_report(ReportMessage message, std::vector<BoxEvent>& events);
    BoxEnded end_of(int slot, const Report& report);
    Outcome outcome_of(const Box& box, const Report& report, const CgroupReading& reading) const;
    void end_all(std::vector<BoxEvent>& events);

    SandboxSettings settings_;
    Machine machine_;
    File lock_;                         // flock: one worker per state directory
    std::unique_ptr<Cgroups> cgroups_;  // outlives the spawner's boxes: members are destroyed in reverse
    SpawnerProcess spawner_;
    std::string job_filter_;
    std::vector<Box> boxes_;  // by slot
    BoxId last_id_ = 0;
    std::string broken_;
};

BoxOptions LinuxSandbox::options_of(int slot) const {
    BoxOptions options;
    options.rootless = machine_.rootless;
    options.uid = machine_.rootless ? machine_.uid : settings_.first_uid + static_cast<uid_t>(slot);
    options.gid = machine_.rootless ? machine_.gid : settings_.first_uid + static_cast<gid_t>(slot);
    if (cgroups_ && !cgroups_->entered_by_birth())
        options.cgroup_files = static_cast<int>(cgroups_->entrances(slot).size());
    options.filter = job_filter_;
    options.network = machine_.has(Protection::network_namespace);
    options.landlock_abi = machine_.landlock_abi;
    options.limit_memory_by_process = !machine_.has(Protection::memory_limit);
    options.limit_processes_by_user = !machine_.has(Protection::process_limit);
    return options;
}

std::optional<int> LinuxSandbox::free_slot() const {
    for (std::size_t slot = 0; slot < boxes_.size(); slot++) {
        if (boxes_[slot].id == 0) return static_cast<int>(slot);
    }
    return std::nullopt;
}

Result<Sandbox::Launched> LinuxSandbox::start(const BoxSpec& spec) {
    if (!broken_.empty()) return make_error(ErrorKind::unavailable, broken_);
    const std::optional<int> slot = free_slot();
    if (!slot)
        return make_error(ErrorKind::conflict, fmt::format("all {} slots of the sandbox are taken", boxes_.size()));
    bool new_entrances = false;
    if (cgroups_) {
        WINDLASS_TRY(new_entrances, cgroups_->prepare(*slot, spec.limits));
    }
    WINDLASS_TRY(Plan plan, make_plan(spec, options_of(*slot)));
    WINDLASS_TRY(Pipe out, make_pipe());
    WINDLASS_TRY(Pipe err, make_pipe());
    const BoxId id = ++last_id_;
    WINDLASS_TRY_STATUS(send_start(*slot, id, plan, out.write, err.write, new_entrances));
    boxes_[static_cast<std::size_t>(*slot)] = {id, std::move(plan), false, File()};
    return Launched{id, out.read.release(), err.read.release()};
}

Status LinuxSandbox::send_start(int slot, BoxId id, const Plan& plan, const File& out, const File& err,
                                bool new_entrances) const {
    Command command;
    command.kind = Command::start;
    command.slot = static_cast<std::uint32_t>(slot);
    command.box = id;
    command.born_in_cgroup = cgroups_ && cgroups_->entered_by_birth() ? 1 : 0;
    std::vector<int> descriptors = {out.get(), err.get()};
    if (new_entrances) {
        const std::vector<int>& entrances = cgroups_->entrances(slot);
        command.cgroup_files = static_cast<std::uint32_t>(entrances.size());
        descriptors.insert(descriptors.end(), entrances.begin(), entrances.end());
    }
    return spawner_.send(command, plan.bytes(), std::move(descriptors));
}

void LinuxSandbox::stop(BoxId id, Milliseconds grace) {
    for (std::size_t slot = 0; slot < boxes_.size(); slot++) {
        if (id == 0 || boxes_[slot].id != id) continue;
        Command command;
        command.kind = Command::stop;
        command.slot = static_cast<std::uint32_t>(slot);
        command.box = id;
        command.grace_ms = static_cast<std::uint32_t>(std::clamp<std::int64_t>(grace.count(), 0, INT32_MAX));
        const Status ignored = spawner_.send(command, "", {});  // a dead spawner shows in take_events()
    }
}

std::vector<BoxEvent> LinuxSandbox::take_events() {
    std::vector<BoxEvent> events;
    while (broken_.empty()) {
        auto message = spawner_.receive();
        if (!message) {
            broken_ = std::move(message).error().message;
            end_all(events);
        } else if (*message) {
            on_report(std::move(**message), events);
        } else {
            break;
        }
    }
    return events;
}

void LinuxSandbox::on_report(ReportMessage message, std::vector<BoxEvent>& events) {
    const Report& report = message.report;
    const auto slot = static_cast<std::size_t>(report.slot);
    if (slot >= boxes_.size() || boxes_[slot].id != report.box) return;
    if (report.kind == Report::started) {
        boxes_[slot].started = true;
        boxes_[slot].work_directory = std::move(message.descriptor);
        events.emplace_back(BoxStarted{report.box, steady(report.started_us)});
    } else if (report.kind == Report::ended) {
        events.emplace_back(end_of(static_cast<int>(slot), report));
    }
}

BoxEnded LinuxSandbox::end_of(int slot, const Report& report) {
    Box& box = boxes_[static_cast<std::size_t>(slot)];
    const CgroupReading reading = cgroups_ ? cgroups_->collect(slot) : CgroupReading{};
    BoxEnded ended;
    ended.box = box.id;
    ended.outcome = outcome_of(box, report, reading);
    Usage& usage = ended.usage;
    if (report.started_us > 0) {
        const std::int64_t end_us =
            report.ended_us > 0 ? report.ended_us : SystemClock().now().steady.time_since_epoch().count();
        usage.wall = Microseconds(end_us - report.started_us);
    }
    usage.cpu_user = Microseconds(report.user_us);
    usage.cpu_system = Microseconds(report.system_us);
    if (report.reported == 0) {  // PID 1 was killed: only the cgroup still knows
        usage.cpu_user = reading.cpu_user.value_or(Microseconds{});
        usage.cpu_system = reading.cpu_system.value_or(Microseconds{});
    }
    usage.peak_memory_bytes = reading.peak_memory_bytes;
    if (!machine_.has(Protection::memory_limit)) {
        usage.peak_memory_bytes = report.largest_process_kib * kibibyte;
        usage.peak_memory_is_largest_process = true;
    }
    usage.read_bytes = report.blocks_read * 512;
    usage.written_bytes = report.blocks_written * 512;
    ended.work_directory_fd = box.work_directory.release();
    box = Box();
    return ended;
}

Outcome LinuxSandbox::outcome_of(const Box& box, const Report& report, const CgroupReading& reading) const {
    if (reading.memory_kills > 0) return {OutcomeKind::out_of_memory, 0, 0, "reached its limit of memory"};
    if (report.failed_step >= 0) {
        const std::string step = box.plan ? describe(*box.plan, static_cast<std::size_t>(report.failed_step)) : "start";
        const std::string detail = errno_error(step, report.error).message;
        return {report.error == ENOSPC ? OutcomeKind::out_of_disk : OutcomeKind::setup_failed, 0, 0, detail};
    }
    if (!box.started) return {OutcomeKind::setup_failed, 0, 0, "stopped before it could start"};
    if (report.reported == 0 || report.status == -1) return {OutcomeKind::signalled, 0, SIGKILL, "ended by force"};
    if (WIFEXITED(report.status)) {
        Outcome outcome{OutcomeKind::exited, WEXITSTATUS(report.status), 0, ""};
        if (report.error != 0) outcome.detail = errno_error("the program could not be executed", report.error).message;
        if (outcome.exit_code == 0 || !is_full(box.work_directory)) return outcome;
    } else if (!is_full(box.work_directory)) {
        return {OutcomeKind::signalled, 0, WTERMSIG(report.status), ""};
    }
    return {OutcomeKind::out_of_disk, 0, 0, "failed with its working directory full"};
}

void LinuxSandbox::end_all(std::vector<BoxEvent>& events) {
    for (std::size_t slot = 0; slot < boxes_.size(); slot++) {
        Box& box = boxes_[slot];
        if (box.id == 0) continue;
        BoxEnded ended;
        ended.box = box.id;
        ended.outcome = {OutcomeKind::worker_lost, 0, 0, broken_};
        ended.work_directory_fd = box.work_directory.release();
        events.emplace_back(ended);
        box = Box();
    }
}

// ---------------------------------------------------------------- opening

Status check_settings(const SandboxSettings& settings) {
    if (settings.slots < 1 || settings.slots > max_slots) {
        return make_error(ErrorKind::invalid, fmt::format("slots must be between 1 and {}", max_slots));
    }
    if (settings.cgroup.empty() || settings.cgroup.find('/') != std::string::npos || settings.cgroup[0] == '.') {
        return make_error(ErrorKind::invalid, "the sandbox needs a plain name for its cgroup, such as windlass-1");
    }
    if (settings.first_uid < 1000) {
        return make_error(ErrorKind::invalid, "first_uid must be at least 1000: jobs must not run as a system user");
    }
    return {};
}

// Ours alone from here on: a second worker with the same directory would remove our groups.
Result<File> lock_state_directory(const std::string& path) {
    std::error_code error;
    std::filesystem::create_directories(path + "/root", error);
    if (error) return make_error(ErrorKind::unavailable, fmt::format("making {}: {}", path, error.message()));
    if (chmod(path.c_str(), 0700) != 0) return errno_error("chmod " + path, errno);
    File lock = open_file(path, O_RDONLY | O_DIRECTORY);
    if (!lock) return errno_error("opening " + path, errno);
    if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return make_error(ErrorKind::conflict, fmt::format("{} is in use by another worker: give each its own", path));
    }
    return lock;
}

Result<Plan> plan_set_up(const SandboxSettings& settings, const Machine& machine) {
    const uid_t uid = machine.rootless ? machine.uid : settings.first_uid;
    WINDLASS_TRY(const HostFacts host, look_at_host(uid, machine.rootless ? machine.gid : settings.first_uid));
    SetupOptions options;
    options.rootless = machine.rootless;
    options.uid = machine.uid;
    options.gid = machine.gid;
    options.mount_point = std::filesystem::absolute(settings.state_directory).string() + "/root";
    options.slots = settings.slots;
    options.networks = machine.has(Protection::network_namespace);
    WINDLASS_TRY(options.filters, make_filters({.refuse_memory_objects = !machine.has(Protection::memory_limit),
                                                .allow_clone3 = machine.cgroups.version == 2}));
    return make_setup_plan(host, options);
}

}  // namespace

std::vector<Finding> Sandbox::examine(const SandboxSettings& settings) {
    return examine_machine(settings).findings;
}

Result<std::unique_ptr<Sandbox>> Sandbox::open(const SandboxSettings& settings) {
    WINDLASS_TRY_STATUS(check_settings(settings));
    Machine machine = examine_machine(settings);
    WINDLASS_TRY_STATUS(check_protections(machine, settings.allow_weaker));
    WINDLASS_TRY(File lock, lock_state_directory(settings.state_directory));
    WINDLASS_TRY(auto cgroups, Cgroups::open(machine.cgroups, settings.cgroup, settings.slots));
    WINDLASS_TRY(const Plan setup, plan_set_up(settings, machine));
    std::string job_filter;
    if (machine.cgroups.version == 2) {
        WINDLASS_TRY(job_filter, make_job_filter());
    }
    WINDLASS_TRY(SpawnerProcess spawner, SpawnerProcess::start(settings.spawner_path, setup));
    return std::unique_ptr<Sandbox>(std::make_unique<LinuxSandbox>(
        settings, std::move(machine), std::move(lock), std::move(cgroups), std::move(spawner), std::move(job_filter)));
}

}  // namespace windlass::worker
