#include "worker/sandbox/sandbox.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
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

#include "shared/log.h"
#include "worker/sandbox/cgroup.h"
#include "worker/sandbox/filter.h"
#include "worker/sandbox/host.h"
#include "worker/sandbox/job_network.h"
#include "worker/sandbox/landlock.h"
#include "worker/sandbox/legacy.h"
#include "worker/sandbox/limit_words.h"
#include "worker/sandbox/linux_sandbox.h"
#include "worker/sandbox/plan.h"
#include "worker/sandbox/process_times.h"
#include "worker/sandbox/process_use.h"
#include "worker/sandbox/protection.h"
#include "worker/sandbox/spawner_process.h"
#include "worker/sandbox/stuck.h"

namespace windlass::worker {
namespace {

// Building a box counts in its cgroup too: a difference up to this is that.
constexpr Milliseconds unreaped{10};

struct Pipe {
    FileDescriptor read;
    FileDescriptor write;
};

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("making a pipe", errno);
    Pipe pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
    if (fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK) != 0) return errno_error("making a pipe", errno);
    return pipe;
}

// What the main process died of, also when a shell passed it on. 0: it ended by itself.
int signal_of(int status) {
    if (WIFSIGNALED(status)) return WTERMSIG(status);
    return WIFEXITED(status) && WEXITSTATUS(status) > 128 ? WEXITSTATUS(status) - 128 : 0;
}

SteadyTime steady(std::int64_t us) {
    return SteadyTime(Microseconds(us));
}

}  // namespace

BoxOptions LinuxSandbox::options_of(int slot, Network network) const {
    BoxOptions options;
    options.rootless = machine_.rootless;
    options.uid = machine_.rootless ? machine_.uid : settings_.first_uid + static_cast<uid_t>(slot);
    options.gid = machine_.rootless ? machine_.gid : settings_.first_uid + static_cast<gid_t>(slot);
    if (cgroups_ && !cgroups_->entered_by_birth())
        options.cgroup_files = static_cast<int>(cgroups_->entrances(slot).size());
    options.filter = network != Network::none ? job_filters_.with_network : job_filters_.without_network;
    options.network = machine_.has(Protection::network_namespace);
    options.landlock_abi = machine_.landlock_abi;
    if (settings_.network.full) options.resolver = JobSubnet::resolver;
    options.limit_memory_by_process = !machine_.has(Protection::memory_limit);
    options.limit_processes_by_user = !machine_.has(Protection::process_limit);
    return options;
}

std::optional<int> LinuxSandbox::free_slot() const {
    std::optional<int> free;
    for (std::size_t slot = 0; slot < boxes_.size(); slot++) {
        if (boxes_[slot].id != 0) continue;
        // Rather one whose last box is done with: what is kept of the other would be given up.
        if (kept_[slot] == 0) return static_cast<int>(slot);
        if (!free) free = static_cast<int>(slot);
    }
    return free;
}

Result<Sandbox::Launched> LinuxSandbox::start(const BoxSpec& spec) {
    if (!broken_.empty()) return make_error(ErrorKind::unavailable, broken_);
    if (spec.network == Network::full && !settings_.network.full) {
        return make_error(ErrorKind::denied,
                          "the job asks for the network and this worker offers none: its operator must set "
                          "worker.network = \"full\"");
    }
    if ((spec.image || !spec.datasets.empty()) && !settings_.other_roots)
        return make_error(ErrorKind::denied, "this sandbox has no images and no data sets");
    const std::optional<int> slot = free_slot();
    if (!slot)
        return make_error(ErrorKind::conflict, fmt::format("all {} slots of the sandbox are taken", boxes_.size()));
    if (spec.network == Network::service && !settings_.network.service)
        return make_error(ErrorKind::denied,
                          "the job has a service and this worker takes none: its operator must set "
                          "worker.service_listen");
    if (cgroups_) {
        auto prepared = cgroups_->prepare(*slot, spec.limits);
        // A worker that is started again gets its cgroup back, with the unit that holds it.
        if (!prepared && prepared.error().kind == ErrorKind::not_found) broken_ = prepared.error().message;
        WINDLASS_TRY(const bool new_entrances, std::move(prepared));
        if (new_entrances) entrances_due_[static_cast<std::size_t>(*slot)] = true;
    }
    WINDLASS_TRY(Plan plan, make_plan(spec, options_of(*slot, spec.network)));
    WINDLASS_TRY(Pipe out, make_pipe());
    WINDLASS_TRY(Pipe err, make_pipe());
    Box box;
    box.id = ++last_id_;
    box.plan = std::move(plan);
    box.name = spec.name;
    box.limits = spec.limits;
    box.out = std::move(out.write);
    box.err = std::move(err.write);
    Launched launched{box.id, -1, -1};
    if (legacy_) {
        WINDLASS_TRY_STATUS(write_record(*slot, box, spec.record));
        box.out_read = FileDescriptor(fcntl(out.read.get(), F_DUPFD_CLOEXEC, 0));
        box.err_read = FileDescriptor(fcntl(err.read.get(), F_DUPFD_CLOEXEC, 0));
        launched.stdout_file = files_[static_cast<std::size_t>(*slot)].out.get();
        launched.stderr_file = files_[static_cast<std::size_t>(*slot)].err.get();
    }
    if (spec.network != Network::none) {
        WINDLASS_TRY(JobNetwork network, start_network(*slot, spec.network));
        box.network.emplace(std::move(network));
    } else {
        WINDLASS_TRY_STATUS(send_start(*slot, box, FileDescriptor()));
        box.sent = true;
        box.close_pipes();
    }
    boxes_[static_cast<std::size_t>(*slot)] = std::move(box);
    launched.stdout_fd = out.read.release();
    launched.stderr_fd = err.read.release();
    return launched;
}

Status LinuxSandbox::send_start(int slot, const Box& box, const FileDescriptor& network) {
    Command command;
    command.kind = Command::start;
    command.slot = static_cast<std::uint32_t>(slot);
    command.box = box.id;
    command.stuck_after_ms = static_cast<std::uint32_t>(settings_.stuck_after.count());
    command.born_in_cgroup = cgroups_ && cgroups_->entered_by_birth() ? 1 : 0;
    std::vector<int> descriptors = {box.out.get(), box.err.get()};
    if (network) {
        command.own_network = 1;
        descriptors.push_back(network.get());
    }
    if (entrances_due_[static_cast<std::size_t>(slot)]) {
        const std::vector<int>& entrances = cgroups_->entrances(slot);
        command.cgroup_files = static_cast<std::uint32_t>(entrances.size());
        descriptors.insert(descriptors.end(), entrances.begin(), entrances.end());
    }
    if (legacy_) {
        const SlotFiles& files = files_[static_cast<std::size_t>(slot)];
        for (const FileDescriptor* one : {&box.out_read, &box.err_read, &files.record, &files.out, &files.err})
            descriptors.push_back(one->get());
        command.kept = 5;
        if (box.network) {
            descriptors.push_back(box.network->fd());
            command.kept++;
        }
        kept_[static_cast<std::size_t>(slot)] = box.id;
    }
    WINDLASS_TRY_STATUS(spawner_.send(command, box.plan->bytes(), std::move(descriptors)));
    entrances_due_[static_cast<std::size_t>(slot)] = false;
    return {};
}

// ---------------------------------------------------------------- networks of jobs

Result<JobNetwork> LinuxSandbox::start_network(int slot, Network kind) const {
    JobNetwork::User user;
    user.uid = machine_.rootless ? machine_.uid : network_uid(settings_, slot);
    user.gid = machine_.rootless ? machine_.gid : network_uid(settings_, slot);
    // As root the namespace belongs to that user, and PID 1 of the box has a right to it because it is root; rootless
    // it must belong to the boxes' own user namespace.
    if (machine_.rootless) user.user_namespace = spawner_.user_namespace();
    WINDLASS_TRY(JobNetwork network, JobNetwork::start(settings_.network, user, kind == Network::full));
    epoll_event event{};
    event.events = EPOLLIN;
    if (epoll_ctl(poll_.get(), EPOLL_CTL_ADD, network.fd(), &event) != 0) return errno_error("epoll_ctl", errno);
    return network;
}

void LinuxSandbox::on_network(int slot, NetworkEvent event, std::vector<BoxEvent>& events) {
    Box& box = boxes_[static_cast<std::size_t>(slot)];
    if (event.kind == NetworkEvent::Kind::ready) {
        if (box.sent || !box.out) return;  // stopped meanwhile
        const Status sent = send_start(slot, box, event.space);
        box.close_pipes();
        box.sent = sent.ok();
        if (!sent) give_up(box, sent.error().message, events);
        return;
    }
    if (box.network_lost.empty()) box.network_lost = event.words;
    if (event.kind == NetworkEvent::Kind::failed) return;  // `gone` follows
    box.network.reset();
    if (box.sent) {
        stop(box.id, Milliseconds{0});
    } else {
        give_up(box, box.network_lost, events);
    }
}

// The box never came to the spawner.
void LinuxSandbox::give_up(Box& box, std::string detail, std::vector<BoxEvent>& events) {
    BoxEnded ended;
    ended.box = box.id;
    ended.outcome = {OutcomeKind::setup_failed, 0, 0,
                     detail.empty() ? "stopped before it could start" : "the job's network: " + std::move(detail)};
    events.emplace_back(std::move(ended));
    end_network(box);
    box = Box();
}

void LinuxSandbox::end_network(Box& box) {
    if (!box.network) return;
    box.network->end();
    ending_networks_.push_back(*std::move(box.network));
    box.network.reset();
}

void LinuxSandbox::stop(BoxId id, Milliseconds grace) {
    for (std::size_t slot = 0; slot < boxes_.size(); slot++) {
        if (id == 0 || boxes_[slot].id != id) continue;
        if (!boxes_[slot].sent) {
            boxes_[slot].network->end();  // its end is the box's
            boxes_[slot].close_pipes();
            continue;
        }
        Command command;
        command.kind = Command::stop;
        command.slot = static_cast<std::uint32_t>(slot);
        command.box = id;
        command.grace_ms = static_cast<std::uint32_t>(std::clamp<std::int64_t>(grace.count(), 0, INT32_MAX));
        const Status ignored = spawner_.send(command, "", {});  // a dead spawner shows in take_events()
    }
}

Result<int> LinuxSandbox::service_socket(BoxId id) {
    for (Box& box : boxes_) {
        if (id == 0 || box.id != id || !box.network) continue;
        WINDLASS_TRY(FileDescriptor made, box.network->make_socket());
        return made.release();
    }
    return make_error(ErrorKind::not_found, "there is no such box with a network");
}

std::optional<Microseconds> LinuxSandbox::cpu_used(BoxId id) const {
    for (std::size_t slot = 0; slot < boxes_.size(); slot++) {
        if (id == 0 || boxes_[slot].id != id) continue;
        const auto counted = cgroups_ ? cgroups_->cpu_used(static_cast<int>(slot)) : std::nullopt;
        if (counted || boxes_[slot].pid_one <= 0) return counted;
        return cpu_time_of_tree(boxes_[slot].pid_one);
    }
    return std::nullopt;
}

std::optional<std::size_t> LinuxSandbox::slot_of(BoxId id) const {
    for (std::size_t slot = 0; slot < boxes_.size(); slot++)
        if (id != 0 && boxes_[slot].id == id && boxes_[slot].pid_one > 0) return slot;
    return std::nullopt;
}

BoxUse LinuxSandbox::use(BoxId id) const {
    BoxUse use;
    const auto slot = slot_of(id);
    if (!slot) return use;
    if (cgroups_) {
        const CgroupUse counted = cgroups_->use(static_cast<int>(*slot));
        use = {counted.cpu, counted.memory_bytes, counted.processes, counted.read_bytes, counted.written_bytes};
    }
    if (use.cpu && use.memory_bytes && use.processes && use.read_bytes) return use;
    const ProcessesUse seen = use_of("/proc", processes(id), boxes_[*slot].pid_one);
    if (!use.cpu) use.cpu = seen.cpu;
    if (!use.memory_bytes) use.memory_bytes = seen.memory_bytes;
    if (!use.processes) use.processes = seen.processes;
    if (!use.read_bytes) {
        use.read_bytes = seen.read_bytes;
        use.written_bytes = seen.written_bytes;
    }
    return use;
}

std::vector<pid_t> LinuxSandbox::processes(BoxId id) const {
    const auto slot = slot_of(id);
    if (!slot) return {};
    const pid_t first = boxes_[*slot].pid_one;
    const std::string group = cgroups_ ? cgroups_->members_directory(static_cast<int>(*slot)) : std::string();
    std::vector<pid_t> all = group.empty() ? process_tree("/proc", first) : members_of_group(group);
    std::erase(all, first);
    all.insert(all.begin(), first);
    return all;
}

int LinuxSandbox::work_directory(BoxId id) const {
    const auto slot = slot_of(id);
    return slot ? boxes_[*slot].work_directory.get() : -1;
}

std::vector<BoxEvent> LinuxSandbox::take_events() {
    std::vector<BoxEvent> events;
    for (const Report& report : std::exchange(told_before_, {})) {
        ReportMessage message;
        message.report = report;
        on_report(std::move(message), events);
    }
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
    for (std::size_t slot = 0; poll_ && slot < boxes_.size(); slot++) {
        while (boxes_[slot].network) {
            auto event = boxes_[slot].network->take_event();
            if (!event) break;
            on_network(static_cast<int>(slot), *std::move(event), events);
        }
    }
    std::erase_if(ending_networks_, [](JobNetwork& network) {
        while (const auto event = network.take_event()) {
            if (event->kind == NetworkEvent::Kind::gone) return true;
        }
        return false;
    });
    return events;
}

void LinuxSandbox::on_report(ReportMessage message, std::vector<BoxEvent>& events) {
    const Report& report = message.report;
    const auto slot = static_cast<std::size_t>(report.slot);
    if (slot >= boxes_.size() || boxes_[slot].id != report.box) return;
    if (report.kind == Report::started) {
        if (std::exchange(boxes_[slot].started, true)) return;  // what a former life was told, and did not read
        if (message.descriptor) {
            boxes_[slot].pid_one = message.sender;
            boxes_[slot].work_directory = std::move(message.descriptor);
        }
        events.emplace_back(BoxStarted{report.box, steady(report.started_us)});
    } else if (report.kind == Report::ended) {
        events.emplace_back(end_of(static_cast<int>(slot), report));
    } else if (report.kind == Report::stuck) {
        if (std::exchange(boxes_[slot].stuck, true)) return;
        events.emplace_back(BoxStuck{report.box, why_stuck(boxes_[slot].name)});
    }
}

BoxEnded LinuxSandbox::end_of(int slot, const Report& report) {
    Box& box = boxes_[static_cast<std::size_t>(slot)];
    const CgroupReading reading = cgroups_ ? cgroups_->collect(slot) : CgroupReading{};
    BoxEnded ended;
    ended.box = box.id;
    ended.outcome = outcome_of(box, report, reading);
    ended.usage = usage_of(report, reading);
    if (report.first_choice != 0 && report.reported != 0 && report.status != -1 && WIFSIGNALED(report.status))
        ended.first_choice_signal = WTERMSIG(report.status);
    ended.waited = what_it_waited_for(ended.usage.wall, reading.cpu_stall, reading.memory_stall);
    ended.work_directory_fd = box.work_directory.release();
    end_network(box);
    box = Box();
    return ended;
}

Usage LinuxSandbox::usage_of(const Report& report, const CgroupReading& reading) const {
    Usage usage;
    if (report.started_us > 0) {
        const std::int64_t end_us =
            report.ended_us > 0 ? report.ended_us : SystemClock().now().steady.time_since_epoch().count();
        usage.wall = Microseconds(end_us - report.started_us);
    }
    usage.cpu_user = Microseconds(report.user_us);
    usage.cpu_system = Microseconds(report.system_us);
    const Microseconds reaped = usage.cpu_user + usage.cpu_system;
    const Microseconds counted =
        reading.cpu_user.value_or(Microseconds{}) + reading.cpu_system.value_or(Microseconds{});
    // PID 1 was killed, or the job ignored the end of children: only the cgroup still knows. Otherwise what was reaped
    // is exact, and does not hold what it took to build the box.
    if (report.reported == 0 || counted > reaped + unreaped) {
        usage.cpu_user = reading.cpu_user.value_or(Microseconds{});
        usage.cpu_system = reading.cpu_system.value_or(Microseconds{});
    }
    usage.peak_memory_bytes = reading.peak_memory_bytes;
    if (!machine_.has(Protection::memory_limit)) {
        usage.peak_memory_bytes = report.largest_process_kib * kibibyte;
        usage.peak_memory_is_largest_process = true;
    }
    usage.read_bytes = std::max(report.blocks_read * 512, reading.read_bytes);
    usage.written_bytes = std::max(report.blocks_written * 512, reading.written_bytes);
    usage.peak_processes = reading.peak_processes;
    return usage;
}

MemoryKeeper LinuxSandbox::memory_keeper() const {
    if (!machine_.has(Protection::memory_limit)) return MemoryKeeper::each_process;
    return machine_.cgroups.version == 1 ? MemoryKeeper::cgroup_v1 : MemoryKeeper::cgroup_v2;
}

LimitFacts LinuxSandbox::facts_of(const Box& box, const Report& report, const CgroupReading& reading) const {
    LimitFacts facts;
    struct statfs space {};
    if (box.work_directory && fstatfs(box.work_directory.get(), &space) == 0) {
        facts.bytes_full = space.f_bfree == 0;
        facts.files_full = space.f_ffree == 0;
    }
    facts.memory_keeper = memory_keeper();
    facts.process_refusals = reading.process_refusals;
    facts.signal = signal_of(report.status);
    facts.largest_process_bytes = report.largest_process_kib * kibibyte;
    return facts;
}

Outcome LinuxSandbox::outcome_of(const Box& box, const Report& report, const CgroupReading& reading) const {
    if (reading.memory_kills > 0)
        return {OutcomeKind::out_of_memory, 0, 0, memory_reached(box.limits, memory_keeper())};
    if (report.failed_step >= 0) {
        const std::string step = box.plan ? describe(*box.plan, static_cast<std::size_t>(report.failed_step)) : "start";
        const std::string detail = errno_error(step, report.error).message;
        return {report.error == ENOSPC ? OutcomeKind::out_of_disk : OutcomeKind::setup_failed, 0, 0, detail};
    }
    if (!box.started) return {OutcomeKind::setup_failed, 0, 0, "stopped before it could start"};
    const bool by_force = report.reported == 0 || report.status == -1;
    if (!box.network_lost.empty() && (by_force || (WIFSIGNALED(report.status) && WTERMSIG(report.status) == SIGKILL)))
        return {OutcomeKind::worker_lost, 0, 0, "the job lost its network: " + box.network_lost};
    if (by_force) return {OutcomeKind::signalled, 0, SIGKILL, "ended by force"};
    if (report.status == 0) return {OutcomeKind::exited, 0, 0, ""};
    if (report.error != 0) {
        const std::string why = errno_error("the program could not be executed", report.error).message;
        return {OutcomeKind::exited, WEXITSTATUS(report.status), 0, why};
    }
    const LimitFacts facts = facts_of(box, report, reading);
    // Its own RLIMIT_CPU, in case nobody counted for all of its processes.
    const Microseconds used(report.user_us + report.system_us);
    const bool cpu_spent = box.limits.cpu_time.count() > 0 && used >= box.limits.cpu_time;
    if (cpu_spent && (facts.signal == SIGKILL || facts.signal == SIGXCPU))
        return {OutcomeKind::out_of_time, 0, 0, cpu_time_reached(box.limits, used)};
    const std::string detail = limits_reached(box.limits, facts);
    if ((facts.bytes_full || facts.files_full) && facts.signal != SIGXFSZ)
        return {OutcomeKind::out_of_disk, 0, 0, detail};
    if (WIFEXITED(report.status)) return {OutcomeKind::exited, WEXITSTATUS(report.status), 0, detail};
    return {OutcomeKind::signalled, 0, WTERMSIG(report.status), detail};
}

std::string LinuxSandbox::why_stuck(const std::string& box) {
    // The kernel keeps 15 bytes of the title "box NAME" of PID 1.
    const std::string known_as = ("box " + box).substr(0, 15).substr(4);
    std::string why;
    for (const StuckProcess& process : stuck_processes()) {
        if (process.box == known_as) why += (why.empty() ? "" : "; ") + in_words(process);
    }
    return why.empty() ? "its processes were killed and do not end, and /proc does not show which" : why;
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
        end_network(box);
        box = Box();
    }
}

// ---------------------------------------------------------------- opening

namespace {

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
Result<FileDescriptor> lock_state_directory(const std::string& path) {
    std::error_code error;
    std::filesystem::create_directories(path + "/root", error);
    if (error) return make_error(ErrorKind::unavailable, fmt::format("making {}: {}", path, error.message()));
    if (chmod(path.c_str(), 0700) != 0) return errno_error("chmod " + path, errno);
    FileDescriptor lock = open_file(path, O_RDONLY | O_DIRECTORY);
    if (!lock) return errno_error("opening " + path, errno);
    if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return make_error(ErrorKind::conflict, fmt::format("{} is in use by another worker: give each its own", path));
    }
    return lock;
}

Result<Plan> plan_set_up(const SandboxSettings& settings, const Machine& machine) {
    const uid_t uid = machine.rootless ? machine.uid : settings.first_uid;
    WINDLASS_TRY(HostFacts host, look_at_host(uid, machine.rootless ? machine.gid : settings.first_uid));
    if (settings.network.full) add_resolver(host);
    SetupOptions options;
    options.rootless = machine.rootless;
    options.uid = machine.uid;
    options.gid = machine.gid;
    options.mount_point = std::filesystem::absolute(settings.state_directory).string() + "/root";
    options.slots = settings.slots;
    options.other_roots = settings.other_roots;
    options.first_uid = settings.first_uid;
    options.networks = machine.has(Protection::network_namespace);
    WINDLASS_TRY(options.filters,
                 make_filters({.refuse_memory_objects = !machine.has(Protection::memory_limit),
                               .allow_clone3 = machine.cgroups.version == 2,
                               .refuse_ip_sockets = !settings.network.full && !settings.network.service,
                               .allow_other_roots = settings.other_roots}));
    return make_setup_plan(host, options);
}

// Networks of jobs come and go beside the spawner; the caller still has one descriptor to wait for.
Result<FileDescriptor> poll_for(const SpawnerProcess& spawner) {
    FileDescriptor poll(epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    event.events = EPOLLIN;
    if (!poll || epoll_ctl(poll.get(), EPOLL_CTL_ADD, spawner.socket(), &event) != 0)
        return errno_error("epoll", errno);
    return poll;
}

}  // namespace

std::vector<Finding> Sandbox::examine(const SandboxSettings& settings) {
    return examine_machine(settings).findings;
}

Result<std::unique_ptr<Sandbox>> Sandbox::open(const SandboxSettings& settings) {
    WINDLASS_TRY_STATUS(check_settings(settings));
    WINDLASS_TRY_STATUS(check_egress(settings.network.egress));
    Machine machine = examine_machine(settings);
    WINDLASS_TRY_STATUS(check_protections(machine, settings.allow_weaker));
    if (machine.cgroups.version == 2) WINDLASS_TRY_STATUS(check_birth_in_group());
    WINDLASS_TRY(FileDescriptor lock, lock_state_directory(settings.state_directory));
    auto inherited = inherit_what_fits(settings, machine);
    Cgroups::Kept kept;
    if (inherited) {
        for (const InheritedBox& box : inherited->boxes)
            kept.emplace(static_cast<int>(box.about.slot), text_of(record_of(box), record_groups));
    }
    auto opened = Cgroups::open(machine.cgroups, settings.cgroup, settings.slots, kept);
    if (!opened && inherited) {
        log::warning("the jobs of the former worker are ended: {}", opened.error().message);
        { const SpawnerProcess ends_here = SpawnerProcess::take_over(*inherited); }
        inherited.reset();
        opened = Cgroups::open(machine.cgroups, settings.cgroup, settings.slots);
    }
    WINDLASS_TRY(auto cgroups, std::move(opened));
    WINDLASS_TRY(const Plan setup, plan_set_up(settings, machine));
    JobFilters job_filters;
    const bool networks = settings.network.full || settings.network.service;
    const bool refuse_clone3 = machine.cgroups.version == 2;
    WINDLASS_TRY(job_filters.without_network,
                 make_job_filter({.refuse_clone3 = refuse_clone3, .refuse_ip_sockets = networks}));
    WINDLASS_TRY(job_filters.with_network, make_job_filter({.refuse_clone3 = refuse_clone3}));
    std::optional<Legacy> legacy;
    if (inherited) {
        WINDLASS_TRY(legacy, legacy_of(*inherited));
    }
    SpawnerProcess::ForAll for_all;
    if (!inherited && settings.outlive) {
        WINDLASS_TRY(legacy, new_legacy(settings, describe_shape(settings, machine), for_all));
    }
    WINDLASS_TRY(SpawnerProcess spawner,
                 inherited ? Result<SpawnerProcess>(SpawnerProcess::take_over(*inherited))
                           : SpawnerProcess::start(settings.spawner_path, setup, legacy ? &for_all : nullptr));
    FileDescriptor poll;
    if (networks) {
        WINDLASS_TRY(poll, poll_for(spawner));
    }
    return std::unique_ptr<Sandbox>(
        std::make_unique<LinuxSandbox>(settings, std::move(machine), std::move(lock), std::move(cgroups),
                                       std::move(spawner), std::move(job_filters), std::move(poll), std::move(legacy)));
}

}  // namespace windlass::worker
