// cgroup v1 (Documentation/admin-guide/cgroup-v1): memory, pids and cpu are hierarchies of their own.
#include <fcntl.h>
#include <fmt/format.h>

#include <unistd.h>
#include <array>
#include <cerrno>

#include "worker/sandbox/cgroup_backends.h"
#include "worker/sandbox/cgroup_files.h"

namespace windlass::worker {
namespace {

enum Hierarchy : std::size_t { memory, pids, cpu, hierarchies };
constexpr std::int64_t period_us = 100'000;

// The group of one slot in each hierarchy. A job of the slot finds the files as its predecessor left them.
struct Group {
    std::array<std::string, hierarchies> directories;  // empty: hierarchy missing
    std::vector<int> entrances;
    std::array<File, hierarchies> entrance_files;
    File pids_current;
    File memory_usage;
    File memory_peak;
    File memory_events;
    std::int64_t kills_before = 0;
    int generation = 0;
    bool used = false;
    // what was written last
    std::int64_t memory_bytes = -1;
    std::int32_t processes = -1;
    std::int32_t cpu_millis = -1;
};

class CgroupsV1 final : public Cgroups {
  public:
    CgroupsV1(std::vector<std::string> roots, int slots)
        : roots_(std::move(roots)), groups_(static_cast<std::size_t>(slots)) {}
    ~CgroupsV1() override {
        for (const std::string& root : roots_) {
            if (!root.empty()) remove_group(root);
        }
    }

    Status make_all() {
        for (const std::string& root : roots_) {
            if (root.empty()) continue;
            remove_group(root);
            WINDLASS_TRY_STATUS(make_group(root));
        }
        for (std::size_t slot = 0; slot < groups_.size(); slot++) WINDLASS_TRY_STATUS(make(slot));
        return {};
    }

    Result<bool> prepare(int slot, const Limits& limits) override {
        const auto index = static_cast<std::size_t>(slot);
        if (!is_clean(groups_[index])) WINDLASS_TRY_STATUS(replace(index));
        Group& group = groups_[index];
        WINDLASS_TRY_STATUS(write_limits(group, limits));
        if (group.memory_peak) write_open(group.memory_peak, "0");
        group.kills_before = kills(group);
        return !std::exchange(group.used, true);
    }

    const std::vector<int>& entrances(int slot) const override {
        return groups_[static_cast<std::size_t>(slot)].entrances;
    }

    bool entered_by_birth() const override { return false; }

    CgroupReading collect(int slot) override {
        Group& group = groups_[static_cast<std::size_t>(slot)];
        if (!group.pids_current || number_in(read_open(group.pids_current)) != 0) empty_all(group);
        CgroupReading reading;
        reading.memory_kills = kills(group) - group.kills_before;
        reading.peak_memory_bytes = number_in(read_open(group.memory_peak));
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

    Status make(std::size_t slot) {
        Group& group = groups_[slot];
        for (const std::string& root : roots_) {
            if (!root.empty())
                group.generation = free_generation(fmt::format("{}/slot-{}", root, slot), group.generation);
        }
        for (std::size_t i = 0; i < hierarchies; i++) {
            if (roots_[i].empty()) continue;
            std::string& directory = group.directories[i];
            directory = fmt::format("{}/slot-{}.{}", roots_[i], slot, group.generation);
            WINDLASS_TRY_STATUS(make_group(directory));
            // Not cgroup.procs: a thread that moves only itself spares the kernel a lock and a wait of milliseconds.
            group.entrance_files[i] = open_file(directory + "/tasks", O_WRONLY);
            if (!group.entrance_files[i]) return errno_error("opening " + directory + "/tasks", errno);
            group.entrances.push_back(group.entrance_files[i].get());
        }
        if (!roots_[pids].empty()) group.pids_current = open_file(group.directories[pids] + "/pids.current", O_RDONLY);
        if (!roots_[memory].empty()) {
            const std::string& directory = group.directories[memory];
            group.memory_usage = open_file(directory + "/memory.usage_in_bytes", O_RDONLY);
            group.memory_peak = open_file(directory + "/memory.max_usage_in_bytes", O_RDWR);
            group.memory_events = open_file(directory + "/memory.oom_control", O_RDONLY);
        }
        return {};
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
    std::vector<Group> groups_;
};

}  // namespace

Result<std::unique_ptr<Cgroups>> open_cgroups_v1(const CgroupSupport& support, const std::string& name, int slots) {
    std::vector<std::string> roots;
    for (const std::string& base : support.bases) roots.push_back(base.empty() ? "" : base + "/" + name);
    auto groups = std::make_unique<CgroupsV1>(std::move(roots), slots);
    WINDLASS_TRY_STATUS(groups->make_all());
    return std::unique_ptr<Cgroups>(std::move(groups));
}

}  // namespace windlass::worker
