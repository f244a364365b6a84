// cgroup v1 (Documentation/admin-guide/cgroup-v1): memory, pids and cpu are hierarchies of their own.
#include <fcntl.h>
#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>

#include "worker/sandbox/cgroup_backends.h"
#include "worker/sandbox/cgroup_files.h"

namespace windlass::worker {
namespace {

enum Hierarchy : std::size_t { memory, pids, cpu, cpuacct, hierarchies };
constexpr std::int64_t period_us = 100'000;

// The group of one slot in each hierarchy. A job of the slot finds the files as its predecessor left them.
struct Group {
    std::array<std::string, hierarchies> directories;  // empty: hierarchy missing
    std::vector<int> entrances;
    std::array<FileDescriptor, hierarchies> entrance_files;
    FileDescriptor pids_current;
    FileDescriptor pids_peak;    // Linux 6.1
    FileDescriptor pids_events;  // Linux 4.8
    FileDescriptor cpu_usage;    // nanoseconds
    FileDescriptor cpu_user;
    FileDescriptor cpu_system;
    FileDescriptor memory_usage;
    FileDescriptor memory_peak;
    FileDescriptor memory_events;
    std::int64_t kills_before = 0;
    std::int64_t refusals_before = 0;
    std::int64_t usage_before_ns = 0;
    std::int64_t user_before_ns = 0;
    std::int64_t system_before_ns = 0;
    int generation = 0;
    bool used = false;
    // what was written last
    std::int64_t memory_bytes = -1;
    std::int32_t processes = -1;
    std::int32_t cpu_millis = -1;
};

class CgroupsV1 final : public Cgroups {
  public:
    CgroupsV1(std::vector<std::string> roots, bool counts_cpu_with_quota, int slots)
        : roots_(std::move(roots)),
          cpu_counter_(counts_cpu_with_quota ? cpu : cpuacct),
          groups_(static_cast<std::size_t>(slots)) {}
    ~CgroupsV1() override {
        for (const std::string& root : roots_) {
            if (!root.empty()) remove_group(root);
        }
    }

    Status make_all(const Kept& kept) {
        std::set<std::string> directories;
        for (const auto& [slot, words] : kept) {
            WINDLASS_TRY_STATUS(remember(static_cast<std::size_t>(slot), words));
            for (const std::string& directory : groups_[static_cast<std::size_t>(slot)].directories)
                directories.insert(directory);
        }
        for (const std::string& root : roots_) {
            if (root.empty()) continue;
            if (kept.empty())
                remove_group(root);
            else
                remove_groups_in(root, directories);
            WINDLASS_TRY_STATUS(make_group(root));
        }
        // All jobs together have half the share of one process beside them, and the worker is one: it answers in time
        // however many they are. Memory cannot be kept for somebody in version 1; jobs are ended first (OOM score).
        if (!roots_[cpu].empty()) WINDLASS_TRY_STATUS(write_file(roots_[cpu] + "/cpu.shares", "512"));
        for (std::size_t slot = 0; slot < groups_.size(); slot++) {
            if (kept.contains(static_cast<int>(slot)))
                WINDLASS_TRY_STATUS(take_up(groups_[slot]));
            else
                WINDLASS_TRY_STATUS(make(slot));
        }
        return {};
    }

    std::string words(int slot) const override {
        const Group& group = groups_[static_cast<std::size_t>(slot)];
        std::vector<std::string> words(group.directories.begin(), group.directories.end());
        for (const std::int64_t number :
             {std::int64_t{group.generation}, group.kills_before, group.refusals_before, group.usage_before_ns,
              group.user_before_ns, group.system_before_ns, group.memory_bytes, std::int64_t{group.processes},
              std::int64_t{group.cpu_millis}})
            words.push_back(std::to_string(number));
        return in_lines(words);
    }

    Result<bool> prepare(int slot, const Limits& limits) override {
        const auto index = static_cast<std::size_t>(slot);
        if (!is_clean(groups_[index])) WINDLASS_TRY_STATUS(replace(index));
        if (number_in(read_open(groups_[index].pids_peak)) > small_peak_processes + 1)
            WINDLASS_TRY_STATUS(replace_pids(index));
        Group& group = groups_[index];
        WINDLASS_TRY_STATUS(write_limits(group, limits));
        if (group.memory_peak) write_open(group.memory_peak, "0");
        group.kills_before = kills(group);
        group.refusals_before = value_of(read_open(group.pids_events), "max");
        group.usage_before_ns = number_in(read_open(group.cpu_usage));
        group.user_before_ns = number_in(read_open(group.cpu_user));
        group.system_before_ns = number_in(read_open(group.cpu_system));
        return !std::exchange(group.used, true);
    }

    const std::vector<int>& entrances(int slot) const override {
        return groups_[static_cast<std::size_t>(slot)].entrances;
    }

    bool entered_by_birth() const override { return false; }
    int version() const override { return 1; }

    std::optional<Microseconds> cpu_used(int slot) const override {
        const Group& group = groups_[static_cast<std::size_t>(slot)];
        if (!group.cpu_usage) return std::nullopt;
        return Microseconds((number_in(read_open(group.cpu_usage)) - group.usage_before_ns) / 1000);
    }

    CgroupUse use(int slot) const override {
        const Group& group = groups_[static_cast<std::size_t>(slot)];
        CgroupUse use;
        use.cpu = cpu_used(slot);
        // Without pages of files that may be dropped at any time.
        if (group.memory_usage) {
            const std::string stat = read_small(group.directories[memory] + "/memory.stat");
            use.memory_bytes = std::max<std::int64_t>(
                number_in(read_open(group.memory_usage)) - value_of(stat, "total_inactive_file"), 0);
        }
        if (group.pids_current) use.processes = std::max<std::int64_t>(number_in(read_open(group.pids_current)) - 1, 0);
        return use;  // the bytes of block devices are with another hierarchy (blkio), which we have none of
    }

    std::string members_directory(int slot) const override {
        for (const std::string& directory : groups_[static_cast<std::size_t>(slot)].directories)
            if (!directory.empty()) return directory;
        return "";
    }

    CgroupReading collect(int slot) override {
        Group& group = groups_[static_cast<std::size_t>(slot)];
        if (!group.pids_current || number_in(read_open(group.pids_current)) != 0) empty_all(group);
        CgroupReading reading;
        reading.memory_kills = kills(group) - group.kills_before;
        reading.peak_memory_bytes = number_in(read_open(group.memory_peak));
        reading.process_refusals = value_of(read_open(group.pids_events), "max") - group.refusals_before;
        if (const std::int64_t peak = number_in(read_open(group.pids_peak)); peak > 0)
            reading.peak_processes = static_cast<std::int32_t>(std::max<std::int64_t>(peak - 1, 1));
        if (group.cpu_user && group.cpu_system) {
            reading.cpu_user = Microseconds((number_in(read_open(group.cpu_user)) - group.user_before_ns) / 1000);
            reading.cpu_system = Microseconds((number_in(read_open(group.cpu_system)) - group.system_before_ns) / 1000);
        }
        return reading;
    }

  private:
    static void empty_all(const Group& group) {
        for (const std::string& directory : group.directories) {
            if (!directory.empty()) empty_group(directory);
        }
    }

    static std::int64_t kills(const Group& group) { return value_of(read_open(group.memory_events), "oom_kill"); }

    bool is_clean(const Group& group) const {
        if (!group.memory_usage || number_in(read_open(group.memory_usage)) <= clean_enough_bytes) return true;
        const Status ignored =
            write_file(group.directories[memory] + "/memory.force_empty", "0");  // drops pages of files
        return number_in(read_open(group.memory_usage)) <= clean_enough_bytes;
    }

    Status replace(std::size_t slot) {
        Group old = std::move(groups_[slot]);
        groups_[slot] = {};
        groups_[slot].generation = old.generation + 1;
        for (const std::string& directory : old.directories) {
            if (!directory.empty()) remove_group(directory);  // what is charged to it passes to its parent
        }
        return make(slot);
    }

    // Only that hierarchy: its mark is the only one that cannot be reset.
    Status replace_pids(std::size_t slot) {
        Group& group = groups_[slot];
        const std::string old = group.directories[pids];
        group.generation++;
        group.processes = -1;
        group.used = false;  // the spawner needs the new entrances
        WINDLASS_TRY_STATUS(make_in(slot, pids));
        open_pids_files(group);
        remove_group(old);
        return {};
    }

    Status remember(std::size_t slot, const std::string& words) {
        const auto known = from_lines(words, hierarchies + 9);
        if (!known || slot >= groups_.size()) return make_error(ErrorKind::invalid, "no words of a cgroup of version 1");
        Group& group = groups_[slot];
        std::copy_n(known->begin(), std::size_t{hierarchies}, group.directories.begin());
        const auto number = [&](std::size_t at) { return number_in((*known)[hierarchies + at]); };
        group.generation = static_cast<int>(number(0));
        group.kills_before = number(1);
        group.refusals_before = number(2);
        group.usage_before_ns = number(3);
        group.user_before_ns = number(4);
        group.system_before_ns = number(5);
        group.memory_bytes = number(6);
        group.processes = static_cast<std::int32_t>(number(7));
        group.cpu_millis = static_cast<std::int32_t>(number(8));
        group.used = true;  // the spawner still has its entrances
        for (std::size_t i = 0; i < hierarchies; i++) {
            if (group.directories[i].empty() != roots_[i].empty())
                return make_error(ErrorKind::invalid, "the machine has other cgroups than before");
        }
        return {};
    }

    Status take_up(Group& group) {
        for (std::size_t i = 0; i < hierarchies; i++) {
            if (!roots_[i].empty()) WINDLASS_TRY_STATUS(open_entrance(group, i));
        }
        open_counters(group);
        return {};
    }

    Status make_in(std::size_t slot, std::size_t hierarchy) {
        Group& group = groups_[slot];
        std::string& directory = group.directories[hierarchy];
        directory = fmt::format("{}/slot-{}.{}", roots_[hierarchy], slot, group.generation);
        WINDLASS_TRY_STATUS(make_group(directory));
        return open_entrance(group, hierarchy);
    }

    static Status open_entrance(Group& group, std::size_t hierarchy) {
        const std::string& directory = group.directories[hierarchy];
        // Not cgroup.procs: a thread that moves only itself spares the kernel a lock and a wait of milliseconds.
        FileDescriptor entrance = open_file(directory + "/tasks", O_WRONLY);
        if (!entrance) return errno_error("opening " + directory + "/tasks", errno);
        group.entrance_files[hierarchy] = std::move(entrance);
        group.entrances.clear();
        for (const FileDescriptor& file : group.entrance_files) {
            if (file) group.entrances.push_back(file.get());
        }
        return {};
    }

    static void open_pids_files(Group& group) {
        group.pids_current = open_file(group.directories[pids] + "/pids.current", O_RDONLY);
        group.pids_peak = open_file(group.directories[pids] + "/pids.peak", O_RDONLY);
        group.pids_events = open_file(group.directories[pids] + "/pids.events", O_RDONLY);
    }

    Status make(std::size_t slot) {
        Group& group = groups_[slot];
        for (const std::string& root : roots_) {
            if (!root.empty())
                group.generation = free_generation(fmt::format("{}/slot-{}", root, slot), group.generation);
        }
        for (std::size_t i = 0; i < hierarchies; i++) {
            if (!roots_[i].empty()) WINDLASS_TRY_STATUS(make_in(slot, i));
        }
        open_counters(group);
        return {};
    }

    void open_counters(Group& group) const {
        if (!roots_[pids].empty()) open_pids_files(group);
        if (!roots_[cpu_counter_].empty()) {
            const std::string& directory = group.directories[cpu_counter_];
            group.cpu_usage = open_file(directory + "/cpuacct.usage", O_RDONLY);
            group.cpu_user = open_file(directory + "/cpuacct.usage_user", O_RDONLY);
            group.cpu_system = open_file(directory + "/cpuacct.usage_sys", O_RDONLY);
        }
        if (!roots_[memory].empty()) {
            const std::string& directory = group.directories[memory];
            group.memory_usage = open_file(directory + "/memory.usage_in_bytes", O_RDONLY);
            group.memory_peak = open_file(directory + "/memory.max_usage_in_bytes", O_RDWR);
            group.memory_events = open_file(directory + "/memory.oom_control", O_RDONLY);
        }
    }

    Status write_limits(Group& group, const Limits& limits) {
        if (!roots_[memory].empty() && group.memory_bytes != limits.memory_bytes) {
            WINDLASS_TRY_STATUS(write_memory(group.directories[memory], limits.memory_bytes));
            group.memory_bytes = limits.memory_bytes;
        }
        if (!roots_[pids].empty() && group.processes != limits.processes) {
            const std::string text = std::to_string(limits.processes + 1);  // PID 1 is one more
            WINDLASS_TRY_STATUS(write_file(group.directories[pids] + "/pids.max", text));
            group.processes = limits.processes;
        }
        if (!roots_[cpu].empty() && group.cpu_millis != limits.cpu_millis) {
            WINDLASS_TRY_STATUS(write_cpu(group.directories[cpu], limits.cpu_millis));
            group.cpu_millis = limits.cpu_millis;
        }
        return {};
    }

    // The limit with swap must never be below the one without: which of the two goes first depends on the direction.
    static Status write_memory(const std::string& directory, std::int64_t bytes) {
        const std::string text = std::to_string(bytes);
        const std::string with_swap = directory + "/memory.memsw.limit_in_bytes";
        const std::string plain = directory + "/memory.limit_in_bytes";
        const bool accounts_swap = access(with_swap.c_str(), W_OK) == 0;
        if (!accounts_swap) {
            const Status ignored = write_file(directory + "/memory.swappiness", "0");
            return write_file(plain, text);
        }
        if (write_file(plain, text).ok()) return write_file(with_swap, text);
        WINDLASS_TRY_STATUS(write_file(with_swap, text));
        return write_file(plain, text);
    }

    static Status write_cpu(const std::string& directory, std::int32_t millis) {
        const std::int64_t quota = millis > 0 ? std::max<std::int64_t>(period_us * millis / 1000, 1000) : -1;
        return write_file(directory + "/cpu.cfs_quota_us", std::to_string(quota));
    }

    std::vector<std::string> roots_;  // by Hierarchy; ours; empty: missing
    Hierarchy cpu_counter_;           // where cpuacct's files are
    std::vector<Group> groups_;
};

}  // namespace

Result<std::unique_ptr<Cgroups>> open_cgroups_v1(const CgroupSupport& support, const std::string& name, int slots,
                                                 const Cgroups::Kept& kept) {
    std::vector<std::string> roots;
    for (const std::string& base : support.bases) roots.push_back(base.empty() ? "" : base + "/" + name);
    auto groups = std::make_unique<CgroupsV1>(std::move(roots), support.counts_cpu_with_quota, slots);
    WINDLASS_TRY_STATUS(groups->make_all(kept));
    return std::unique_ptr<Cgroups>(std::move(groups));
}

}  // namespace windlass::worker
