// cgroup v2 (Documentation/admin-guide/cgroup-v2.rst) below a delegated directory.
#include <fcntl.h>
#include <fmt/format.h>

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>

#include "worker/sandbox/cgroup_backends.h"
#include "worker/sandbox/cgroup_files.h"

namespace windlass::worker {
namespace {

struct IoBytes {
    std::int64_t read = 0;
    std::int64_t written = 0;
};

// io.stat, one line per device: "8:0 rbytes=90112 wbytes=0 rios=2 …".
IoBytes io_bytes_in(std::string_view text) {
    IoBytes sum;
    const auto add_all = [text](std::string_view key, std::int64_t& to) {
        for (std::size_t at = text.find(key); at != std::string_view::npos; at = text.find(key, at + key.size()))
            to += number_in(text.substr(at + key.size()));
    };
    add_all(" rbytes=", sum.read);
    add_all(" wbytes=", sum.written);
    return sum;
}

struct Stall {
    std::int64_t cpu_us = 0;
    std::int64_t memory_us = 0;
};

// A pressure file: "some avg10=0.00 avg60=0.00 avg300=0.00 total=4711", and the same with "full". 0: not in this
// kernel.
std::int64_t stall_us(const FileDescriptor& file, std::string_view which) {
    const std::string text = read_open(file);
    const std::size_t line = text.find(which);
    const std::size_t total = line == std::string::npos ? line : text.find("total=", line);
    return total == std::string::npos ? 0 : number_in(std::string_view(text).substr(total + 6));
}

struct Group {
    std::string directory;
    std::vector<int> entrances;
    FileDescriptor entrance;
    FileDescriptor memory_current;
    FileDescriptor memory_peak;  // writing into it resets the peak that this descriptor shows, from Linux 6.12 on
    FileDescriptor memory_events;
    FileDescriptor cpu_stat;
    FileDescriptor pids_peak;  // Linux 6.1
    FileDescriptor pids_events;
    FileDescriptor io_stat;
    FileDescriptor cpu_pressure;
    FileDescriptor memory_pressure;
    bool peak_resets = false;
    bool used = false;
    int generation = 0;
    std::int64_t kills_before = 0;
    std::int64_t user_before_us = 0;
    std::int64_t system_before_us = 0;
    std::int64_t refusals_before = 0;
    IoBytes io_before;
    Stall stall_before;
    // what was written last
    std::int64_t memory_bytes = -1;
    std::int32_t processes = -1;
    std::int32_t cpu_millis = -1;
};

class CgroupsV2 final : public Cgroups {
  public:
    CgroupsV2(CgroupSupport support, std::string root, int slots)
        : support_(std::move(support)), root_(std::move(root)), groups_(static_cast<std::size_t>(slots)) {}
    ~CgroupsV2() override { remove_group(root_); }

    Status make_all(const Kept& kept) {
        std::set<std::string> directories;
        for (const auto& [slot, words] : kept) {
            WINDLASS_TRY_STATUS(remember(static_cast<std::size_t>(slot), words));
            directories.insert(groups_[static_cast<std::size_t>(slot)].directory);
        }
        if (kept.empty())
            remove_group(root_);
        else
            remove_groups_in(root_, directories);
        if (support_.worker_moves) WINDLASS_TRY_STATUS(leave_base());
        if (support_.is_told) WINDLASS_TRY_STATUS(move_holder());
        const std::string controllers = wanted();
        if (controllers.empty()) return make_slots(controllers, kept);
        pass_down_to_base(controllers);
        if (auto status = write_file(support_.base + "/cgroup.subtree_control", controllers); !status) {
            return std::move(status.error())
                .in(support_.is_told
                        ? "the cgroup of worker.cgroup must belong to the worker (a unit with Delegate=yes)"
                        : "the worker's cgroup holds processes that are not its own (start it from a "
                          "unit with Delegate=yes)");
        }
        keep_for_the_worker();
        return make_slots(controllers, kept);
    }

    Result<bool> prepare(int slot, const Limits& limits) override {
        const auto index = static_cast<std::size_t>(slot);
        // With the unit whose group it is, for instance, when somebody kills that unit's process.
        if (support_.is_told && access(root_.c_str(), F_OK) != 0)
            return make_error(ErrorKind::not_found,
                              "the cgroup of all jobs, " + root_ + ", was taken away: was windlass-boxes killed?");
        if (!is_clean(groups_[index])) WINDLASS_TRY_STATUS(replace(index));
        Group& group = groups_[index];
        WINDLASS_TRY_STATUS(write_limits(group, limits));
        group.kills_before = kills(group);
        const std::string cpu = read_open(group.cpu_stat);
        group.user_before_us = value_of(cpu, "user_usec");
        group.system_before_us = value_of(cpu, "system_usec");
        group.refusals_before = value_of(read_open(group.pids_events), "max");
        group.io_before = io_bytes_in(read_open(group.io_stat));
        group.stall_before = stall_of(group);
        return !std::exchange(group.used, true);
    }

    const std::vector<int>& entrances(int slot) const override {
        return groups_[static_cast<std::size_t>(slot)].entrances;
    }

    bool entered_by_birth() const override { return true; }
    int version() const override { return 2; }

    std::optional<Microseconds> cpu_used(int slot) const override {
        const Group& group = groups_[static_cast<std::size_t>(slot)];
        const std::string cpu = read_open(group.cpu_stat);
        return Microseconds(value_of(cpu, "usage_usec") - group.user_before_us - group.system_before_us);
    }

    CgroupUse use(int slot) const override {
        const Group& group = groups_[static_cast<std::size_t>(slot)];
        CgroupUse use;
        use.cpu = cpu_used(slot);
        // Pages of files that may be dropped at any time are not what the job uses: memory.current would only ever
        // grow.
        if (group.memory_current) {
            const std::string stat = read_small(group.directory + "/memory.stat");
            use.memory_bytes = number_in(read_open(group.memory_current)) - value_of(stat, "inactive_file");
        }
        if (const std::string pids = read_small(group.directory + "/pids.current"); !pids.empty())
            use.processes = std::max<std::int64_t>(number_in(pids) - 1, 0);
        if (group.io_stat) {
            const IoBytes io = io_bytes_in(read_open(group.io_stat));
            use.read_bytes = io.read - group.io_before.read;
            use.written_bytes = io.written - group.io_before.written;
        }
        return use;
    }

    std::string members_directory(int slot) const override { return groups_[static_cast<std::size_t>(slot)].directory; }

    std::string words(int slot) const override {
        const Group& group = groups_[static_cast<std::size_t>(slot)];
        std::vector<std::string> words = {group.directory};
        for (const std::int64_t number :
             {std::int64_t{group.generation}, group.kills_before, group.user_before_us, group.system_before_us,
              group.refusals_before, group.io_before.read, group.io_before.written, group.stall_before.cpu_us,
              group.stall_before.memory_us, group.memory_bytes, std::int64_t{group.processes},
              std::int64_t{group.cpu_millis}, std::int64_t{2}})
            words.push_back(std::to_string(number));
        return in_lines(words);
    }

    CgroupReading collect(int slot) override {
        Group& group = groups_[static_cast<std::size_t>(slot)];
        if (value_of(read_small(group.directory + "/cgroup.events"), "populated") != 0) {
            const Status ignored = write_file(group.directory + "/cgroup.kill", "1");
            empty_group(group.directory);
        }
        CgroupReading reading;
        reading.memory_kills = kills(group) - group.kills_before;
        reading.peak_memory_bytes = number_in(read_open(group.memory_peak));
        const std::string cpu = read_open(group.cpu_stat);
        reading.cpu_user = Microseconds(value_of(cpu, "user_usec") - group.user_before_us);
        reading.cpu_system = Microseconds(value_of(cpu, "system_usec") - group.system_before_us);
        reading.process_refusals = value_of(read_open(group.pids_events), "max") - group.refusals_before;
        if (const std::int64_t peak = number_in(read_open(group.pids_peak)); peak > 0)
            reading.peak_processes = static_cast<std::int32_t>(std::max<std::int64_t>(peak - 1, 1));
        const IoBytes io = io_bytes_in(read_open(group.io_stat));
        reading.read_bytes = io.read - group.io_before.read;
        reading.written_bytes = io.written - group.io_before.written;
        const Stall stall = stall_of(group);
        reading.cpu_stall = Microseconds(stall.cpu_us - group.stall_before.cpu_us);
        reading.memory_stall = Microseconds(stall.memory_us - group.stall_before.memory_us);
        return reading;
    }

  private:
    static std::int64_t kills(const Group& group) { return value_of(read_open(group.memory_events), "oom_kill"); }

    static Stall stall_of(const Group& group) {
        return {stall_us(group.cpu_pressure, "some"), stall_us(group.memory_pressure, "full")};
    }

    std::string wanted() const {
        std::string text;
        if (support_.missing_memory.empty()) text += "+memory ";
        if (support_.missing_processes.empty()) text += "+pids ";
        if (support_.missing_cpu.empty()) text += "+cpu ";
        if (!text.empty() && support_.counts_io) text += "+io ";
        return text;
    }

    // Those above us that lack a controller get it; what cannot be had shows when the base is asked for it.
    void pass_down_to_base(const std::string& controllers) const {
        for (std::size_t at = support_.top.size(); at < support_.base.size(); at = support_.base.find('/', at + 1)) {
            const Status ignored = write_file(support_.base.substr(0, at) + "/cgroup.subtree_control", controllers);
        }
    }

    Status make_slots(const std::string& controllers, const Kept& kept) {
        WINDLASS_TRY_STATUS(make_group(root_));
        if (!controllers.empty()) WINDLASS_TRY_STATUS(write_file(root_ + "/cgroup.subtree_control", controllers));
        for (std::size_t slot = 0; slot < groups_.size(); slot++) {
            if (kept.contains(static_cast<int>(slot)))
                WINDLASS_TRY_STATUS(open_files(groups_[slot]));
            else
                WINDLASS_TRY_STATUS(make(slot));
        }
        return {};
    }

    // The worker (every thread of it) moves into a leaf: the base must hold no process of its own.
    Status leave_base() {
        const std::string leaf = support_.base + worker_leaf;
        WINDLASS_TRY_STATUS(make_group(leaf));
        return write_file(leaf + "/cgroup.procs", std::to_string(getpid()));
    }

    // What holds the told base open may have ended meanwhile; what stays shows when controllers are handed down.
    Status move_holder() {
        const std::string leaf = support_.base + holder_leaf;
        WINDLASS_TRY_STATUS(make_group(leaf));
        std::istringstream members(read_small(support_.base + "/cgroup.procs"));
        for (std::string pid; members >> pid;) const Status shows_later = write_file(leaf + "/cgroup.procs", pid);
        return {};
    }

    // What the worker itself needs, whatever its jobs do: memory that is not taken from it, and ten times the share of
    // all jobs together. Both hold as far as those above us have as much. Beside a told base its unit says so.
    void keep_for_the_worker() const {
        if (!support_.worker_moves) return;
        const std::string leaf = support_.base + worker_leaf;
        const Status no_memory = write_file(leaf + "/memory.min", std::to_string(worker_memory_bytes));
        const Status no_weight = write_file(leaf + "/cpu.weight", "1000");  // absent without the controller
    }

    bool is_clean(Group& group) const {
        if (!group.used) return true;
        if (number_in(read_open(group.pids_peak)) > small_peak_processes + 1) return false;
        if (group.memory_peak && !(group.peak_resets && write_open(group.memory_peak, "reset"))) return false;
        return !group.memory_current || number_in(read_open(group.memory_current)) <= clean_enough_bytes;
    }

    Status replace(std::size_t slot) {
        Group old = std::move(groups_[slot]);
        groups_[slot] = {};
        groups_[slot].generation = old.generation + 1;
        remove_group(old.directory);
        return make(slot);
    }

    Status make(std::size_t slot) {
        Group& group = groups_[slot];
        group.generation = free_generation(fmt::format("{}/slot-{}", root_, slot), group.generation);
        group.directory = fmt::format("{}/slot-{}.{}", root_, slot, group.generation);
        const std::string& directory = group.directory;
        WINDLASS_TRY_STATUS(make_group(directory));
        WINDLASS_TRY_STATUS(open_files(group));
        if (!support_.missing_memory.empty()) return {};
        const Status swap_ignored = write_file(directory + "/memory.swap.max", "0");  // absent where there is no swap
        return write_file(directory + "/memory.oom.group", "1");
    }

    Status open_files(Group& group) const {
        const std::string& directory = group.directory;
        group.entrance = open_file(directory, O_RDONLY | O_DIRECTORY);
        if (!group.entrance) return errno_error("opening " + directory, errno);
        group.entrances = {group.entrance.get()};
        group.cpu_stat = open_file(directory + "/cpu.stat", O_RDONLY);
        group.pids_peak = open_file(directory + "/pids.peak", O_RDONLY);
        group.pids_events = open_file(directory + "/pids.events", O_RDONLY);
        group.io_stat = open_file(directory + "/io.stat", O_RDONLY);
        group.cpu_pressure = open_file(directory + "/cpu.pressure", O_RDONLY);
        group.memory_pressure = open_file(directory + "/memory.pressure", O_RDONLY);
        if (!support_.missing_memory.empty()) return {};
        group.memory_current = open_file(directory + "/memory.current", O_RDONLY);
        group.memory_events = open_file(directory + "/memory.events", O_RDONLY);
        group.memory_peak = open_file(directory + "/memory.peak", O_RDWR);
        group.peak_resets = bool(group.memory_peak);
        if (!group.memory_peak) group.memory_peak = open_file(directory + "/memory.peak", O_RDONLY);
        return {};
    }

    Status remember(std::size_t slot, const std::string& words) {
        const auto known = from_lines(words, 14);
        if (!known || slot >= groups_.size())
            return make_error(ErrorKind::invalid, "no words of a cgroup of version 2");
        Group& group = groups_[slot];
        group.directory = (*known)[0];
        const auto number = [&](std::size_t at) { return number_in((*known)[at]); };
        group.generation = static_cast<int>(number(1));
        group.kills_before = number(2);
        group.user_before_us = number(3);
        group.system_before_us = number(4);
        group.refusals_before = number(5);
        group.io_before = {number(6), number(7)};
        group.stall_before = {number(8), number(9)};
        group.memory_bytes = number(10);
        group.processes = static_cast<std::int32_t>(number(11));
        group.cpu_millis = static_cast<std::int32_t>(number(12));
        if (number(13) != 2 || !group.directory.starts_with(root_ + "/"))
            return make_error(ErrorKind::invalid, "the worker has another cgroup than before");
        group.used = true;  // the spawner still has its entrance
        return {};
    }

    Status write_limits(Group& group, const Limits& limits) {
        const auto write = [&](const char* file, const std::string& text) {
            return write_file(group.directory + "/" + file, text);
        };
        if (support_.missing_memory.empty() && group.memory_bytes != limits.memory_bytes) {
            WINDLASS_TRY_STATUS(write("memory.max", std::to_string(limits.memory_bytes)));
            group.memory_bytes = limits.memory_bytes;
        }
        if (support_.missing_processes.empty() && group.processes != limits.processes) {
            WINDLASS_TRY_STATUS(write("pids.max", std::to_string(limits.processes + 1)));  // PID 1 is one more
            group.processes = limits.processes;
        }
        if (support_.missing_cpu.empty() && group.cpu_millis != limits.cpu_millis) {
            const std::string quota =
                limits.cpu_millis > 0 ? fmt::format("{} 100000", limits.cpu_millis * 100LL) : "max";
            WINDLASS_TRY_STATUS(write("cpu.max", quota));
            group.cpu_millis = limits.cpu_millis;
        }
        return {};
    }

    CgroupSupport support_;
    std::string root_;
    std::vector<Group> groups_;
};

}  // namespace

Status check_birth_in_group() {
    // Without arguments it makes nothing: a kernel that takes the call says EINVAL.
    if (syscall(SYS_clone3, nullptr, std::size_t{0}) >= 0 || errno != ENOSYS) return {};
    return make_error(
        ErrorKind::invalid,
        "a filter refuses clone3, by which jobs are born inside their cgroups: below systemd remove "
        "RestrictNamespaces= from the worker's unit and its drop-ins (systemctl cat windlass-worker); in a "
        "container allow the call in its seccomp profile");
}

Result<std::unique_ptr<Cgroups>> open_cgroups_v2(const CgroupSupport& support, const std::string& name, int slots,
                                                 const Cgroups::Kept& kept) {
    auto groups = std::make_unique<CgroupsV2>(support, support.base + "/" + name, slots);
    WINDLASS_TRY_STATUS(groups->make_all(kept));
    return std::unique_ptr<Cgroups>(std::move(groups));
}

}  // namespace windlass::worker
