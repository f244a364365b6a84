// The one real Sandbox: a spawner, control groups, networks of jobs. sandbox.cpp opens it and runs boxes in it,
// sandbox_lives.cpp takes over those of a former life and writes down what the next one needs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/sandbox/cgroup.h"
#include "worker/sandbox/job_network.h"
#include "worker/sandbox/legacy.h"
#include "worker/sandbox/limit_words.h"
#include "worker/sandbox/plan.h"
#include "worker/sandbox/protection.h"
#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/spawner_process.h"

namespace windlass::worker {

struct Box {
    BoxId id = 0;              // 0: the slot is free
    std::optional<Plan> plan;  // until it runs: puts a failing step into words
    std::string name;
    bool started = false;
    bool stuck = false;
    FileDescriptor work_directory;
    Limits limits;
    pid_t pid_one = 0;  // once started
    // network: full, or a service. The box is sent to the spawner when its network stands; until then its pipes wait
    // here.
    std::optional<JobNetwork> network;
    std::string network_lost;  // why
    FileDescriptor out;
    FileDescriptor err;
    FileDescriptor out_read;  // with settings.outlive, for the spawner
    FileDescriptor err_read;
    bool sent = false;

    void close_pipes() {
        out = FileDescriptor();
        err = FileDescriptor();
        out_read = FileDescriptor();
        err_read = FileDescriptor();
    }
};

// What a job's own process loads on top of what it inherits; may be empty.
struct JobFilters {
    std::string without_network;
    std::string with_network;
};

class LinuxSandbox final : public Sandbox {
  public:
    LinuxSandbox(SandboxSettings settings, Machine machine, FileDescriptor lock, std::unique_ptr<Cgroups> cgroups,
                 SpawnerProcess spawner, JobFilters job_filters, FileDescriptor poll, std::optional<Legacy> legacy)
        : settings_(std::move(settings)),
          machine_(std::move(machine)),
          lock_(std::move(lock)),
          cgroups_(std::move(cgroups)),
          spawner_(std::move(spawner)),
          job_filters_(std::move(job_filters)),
          poll_(std::move(poll)),
          boxes_(static_cast<std::size_t>(settings_.slots)),
          entrances_due_(boxes_.size()),
          files_(boxes_.size()),
          kept_(boxes_.size()),
          legacy_(std::move(legacy)) {
        if (legacy_) last_id_ = legacy_->last_box;
    }

    Result<Launched> start(const BoxSpec& spec) override;
    void stop(BoxId box, Milliseconds grace) override;
    Result<int> service_socket(BoxId box) override;
    std::optional<Microseconds> cpu_used(BoxId box) const override;
    BoxUse use(BoxId box) const override;
    std::vector<pid_t> processes(BoxId box) const override;
    int work_directory(BoxId box) const override;
    std::vector<Inherited> take_inherited() override;
    void adopt(BoxId box, const std::string& name, const Limits& limits) override;
    std::optional<std::string> inherited_about() const override { return legacy_ ? legacy_->about : std::nullopt; }
    std::optional<SteadyTime> inherited_until() const override {
        return legacy_ && legacy_->about ? legacy_->page.get() : std::nullopt;
    }
    bool outlives() const override { return legacy_.has_value(); }
    void add_to_record(BoxId box, char kind, std::string_view text) override;
    void forget(BoxId box) override;
    void good_until(std::optional<SteadyTime> until) override {
        if (legacy_) legacy_->page.set(until);
    }
    std::array<int, 2> journals() const override {
        if (!legacy_) return {-1, -1};
        return {legacy_->journals[0].get(), legacy_->journals[1].get()};
    }
    int fd() const override { return poll_ ? poll_.get() : spawner_.socket(); }
    std::vector<BoxEvent> take_events() override;
    std::string broken() const override { return broken_; }
    const std::vector<Finding>& findings() const override { return machine_.findings; }
    int stuck_boxes() const override {
        return static_cast<int>(std::count_if(boxes_.begin(), boxes_.end(), [](const Box& box) { return box.stuck; }));
    }

  private:
    BoxOptions options_of(int slot, Network network) const;
    std::optional<int> free_slot() const;
    std::optional<std::size_t> slot_of(BoxId id) const;  // of one that was started
    Status send_start(int slot, const Box& box, const FileDescriptor& network);
    Status write_record(int slot, const Box& box, const std::string& entries);
    Inherited take_over(InheritedBox& inherited);
    pid_t pid_of(std::int32_t in_spawners_namespace) const;
    Result<JobNetwork> start_network(int slot, Network kind) const;
    void on_network(int slot, NetworkEvent event, std::vector<BoxEvent>& events);
    void end_network(Box& box);
    void give_up(Box& box, std::string detail, std::vector<BoxEvent>& events);
    void on_report(ReportMessage message, std::vector<BoxEvent>& events);
    BoxEnded end_of(int slot, const Report& report);
    Usage usage_of(const Report& report, const CgroupReading& reading) const;
    MemoryKeeper memory_keeper() const;
    LimitFacts facts_of(const Box& box, const Report& report, const CgroupReading& reading) const;
    Outcome outcome_of(const Box& box, const Report& report, const CgroupReading& reading) const;
    void end_all(std::vector<BoxEvent>& events);
    static std::string why_stuck(const std::string& box);

    SandboxSettings settings_;
    Machine machine_;
    FileDescriptor lock_;               // flock: one worker per state directory
    std::unique_ptr<Cgroups> cgroups_;  // outlives the spawner's boxes: members are destroyed in reverse
    SpawnerProcess spawner_;
    JobFilters job_filters_;
    FileDescriptor poll_;              // epoll over the spawner and the networks; empty: no network is offered
    std::vector<Box> boxes_;           // by slot
    std::vector<bool> entrances_due_;  // by slot: its cgroup is new, and the spawner has not heard of it
    std::vector<SlotFiles> files_;     // by slot; made when it is first used
    std::vector<BoxId> kept_;          // by slot: what the spawner keeps something of
    std::vector<Report> told_before_;  // by a former life's boxes, to be told to this one
    std::optional<Legacy> legacy_;
    std::vector<JobNetwork> ending_networks_;
    BoxId last_id_ = 0;
    std::string broken_;
};

}  // namespace windlass::worker
