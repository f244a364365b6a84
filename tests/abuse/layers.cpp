#include "tests/abuse/layers.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "worker/sandbox/cgroup.h"
#include "worker/sandbox/plan.h"

// The product's own functions under the names that the linker gives them, and ours in their place.
namespace windlass::worker {
Plan product_make_setup_plan(const HostFacts& host, const SetupOptions& options) asm(
    "__real__ZN8windlass6worker15make_setup_planERKNS0_9HostFactsERKNS0_12SetupOptionsE");
Plan our_make_setup_plan(const HostFacts& host, const SetupOptions& options) asm(
    "__wrap__ZN8windlass6worker15make_setup_planERKNS0_9HostFactsERKNS0_12SetupOptionsE");
Result<Plan> product_make_plan(const BoxSpec& spec, const BoxOptions& options) asm(
    "__real__ZN8windlass6worker9make_planERKNS0_7BoxSpecERKNS0_10BoxOptionsE");
Result<Plan> our_make_plan(const BoxSpec& spec, const BoxOptions& options) asm(
    "__wrap__ZN8windlass6worker9make_planERKNS0_7BoxSpecERKNS0_10BoxOptionsE");
using OpenedGroups = Result<std::unique_ptr<Cgroups>>;
OpenedGroups
product_open_cgroups(const CgroupSupport& support, const std::string& name, int slots, const Cgroups::Kept& kept) asm(
    "__real__ZN8windlass6worker7Cgroups4openERKNS0_13CgroupSupportERKNSt7__cxx1112basic_stringIcSt11char_"
    "traitsIcESaIcEE"
    "EiRKSt3mapIiSA_St4lessIiESaISt4pairIKiSA_EEE");
OpenedGroups
our_open_cgroups(const CgroupSupport& support, const std::string& name, int slots, const Cgroups::Kept& kept) asm(
    "__wrap__ZN8windlass6worker7Cgroups4openERKNS0_13CgroupSupportERKNSt7__cxx1112basic_stringIcSt11char_"
    "traitsIcESaIcEE"
    "EiRKSt3mapIiSA_St4lessIiESaISt4pairIKiSA_EEE");

// Takes steps out of a plan, changes what they say, adds some.
class PlanEditor {
  public:
    explicit PlanEditor(Plan& plan) : plan_(plan) {}

    // Steps for which `wanted` is true go; whether there was one.
    bool drop(const std::function<bool(const Step&)>& wanted) {
        return std::erase_if(plan_.first_, wanted) + std::erase_if(plan_.second_, wanted) > 0;
    }
    bool drop(StepKind kind) {
        return drop([kind](const Step& step) { return step.kind == kind; });
    }
    bool clear_bits(StepKind kind, std::string_view subject, std::uint64_t bits) {
        return change(kind, subject, [bits](Step& step) {
            const bool found = (step.value & bits) != 0;
            step.value &= ~bits;
            return found;
        });
    }
    // In the options of a mount: "size=123" becomes `instead`.
    bool replace_option(StepKind kind, std::string_view subject, std::string_view key, std::string_view instead) {
        return change(kind, subject, [&](Step& step) {
            std::string options = plan_.string(step.object);
            const std::size_t at = options.find(key);
            if (at == std::string::npos) return false;
            options.replace(at, std::min(options.find(',', at), options.size()) - at, instead);
            step.object = plan_.text(options);
            return true;
        });
    }
    bool drop_namespace(std::uint64_t flag) {
        const bool found = (plan_.namespaces_ & flag) != 0;
        plan_.namespaces_ &= ~flag;
        return found;
    }
    bool change(StepKind kind, std::string_view subject, const std::function<bool(Step&)>& edit) {
        bool changed = false;
        for (auto* list : {&plan_.first_, &plan_.second_}) {
            for (Step& step : *list) {
                const bool meant = step.kind == kind && (subject.empty() || plan_.string(step.subject) == subject);
                if (meant) changed |= edit(step);
            }
        }
        return changed;
    }
    void add_to_first(StepKind kind) { plan_.first(kind); }

  private:
    Plan& plan_;
};

namespace testing {
namespace {

Layers wanted;
Layers done;

bool drop_limit(PlanEditor& editor, std::uint64_t resource) {
    return editor.drop(
        [resource](const Step& step) { return step.kind == StepKind::set_limit && step.value == resource; });
}

// Where nothing else is left, in the place of no bound at all one that the machine can live with: the bombs end by
// themselves before.
constexpr std::uint64_t loose_memory = 3 * gibibyte;
constexpr std::uint64_t loose_processes = 700;

bool loosen_limit(PlanEditor& editor, std::uint64_t resource, std::uint64_t value) {
    return editor.change(StepKind::set_limit, "", [=](Step& step) {
        if (step.value == resource) step.extra = value;
        return step.value == resource;
    });
}

bool is_landlock(const Step& step) {
    return step.kind == StepKind::landlock_begin || step.kind == StepKind::landlock_allow ||
           step.kind == StepKind::landlock_enforce;
}

bool remove_from_setup(Layer layer, PlanEditor& editor) {
    const auto clear_trees = [&](std::uint64_t bits) {
        return editor.change(StepKind::bind_tree, "", [bits](Step& step) {
            const bool is_tree = (step.value & MOUNT_ATTR_RDONLY) != 0 || (step.value & MOUNT_ATTR_NODEV) != 0;
            if (is_tree) step.value &= ~bits;
            return is_tree;
        });
    };
    switch (layer) {
        case Layer::user_namespace:
            return editor.drop([](const Step& step) {
                return step.kind == StepKind::write_proc_file ||
                       (step.kind == StepKind::unshare_namespaces && step.value == CLONE_NEWUSER);
            });
        case Layer::spawner_pid_namespace:
            return editor.clear_bits(StepKind::unshare_namespaces, "", CLONE_NEWPID);
        case Layer::private_mounts:  // where images are possible, its mounts follow the host's first
            return editor.drop([](const Step& step) {
                return step.kind == StepKind::make_mounts_private || step.kind == StepKind::make_mounts_follow;
            });
        case Layer::usr_read_only:
            return clear_trees(MOUNT_ATTR_RDONLY);
        case Layer::usr_nosuid:
            return clear_trees(MOUNT_ATTR_NOSUID);
        case Layer::usr_nodev:
            return clear_trees(MOUNT_ATTR_NODEV);
        case Layer::device_noexec:
            return editor.clear_bits(StepKind::bind_tree, "", MOUNT_ATTR_NOEXEC);
        case Layer::root_read_only:
            return editor.clear_bits(StepKind::protect_mount, ".", MOUNT_ATTR_RDONLY);
        case Layer::network:
            return editor.drop(StepKind::make_networks);
        case Layer::bounding_set:
            return editor.drop(StepKind::drop_bounding_set);
        case Layer::no_new_privileges:
            return editor.drop(StepKind::no_new_privileges);
        case Layer::filter:
            return editor.drop(StepKind::load_filter);
        default:
            return false;
    }
}

bool remove_from_box(Layer layer, PlanEditor& editor) {
    switch (layer) {
        case Layer::network:
        case Layer::network_per_slot:
            return editor.drop(StepKind::join_network);
        case Layer::filter:
            return editor.drop(StepKind::load_filter);
        case Layer::pid_namespace:
            return editor.drop_namespace(CLONE_NEWPID);
        case Layer::mount_namespace:
            return editor.drop_namespace(CLONE_NEWNS);
        case Layer::ipc_namespace:
            return editor.drop_namespace(CLONE_NEWIPC);
        case Layer::uts_namespace:
            return editor.drop_namespace(CLONE_NEWUTS);
        case Layer::cgroup_namespace:
            return editor.drop(StepKind::unshare_namespaces);
        case Layer::host_name:
            return editor.drop(StepKind::set_hostname);
        case Layer::oom_score:
            return editor.drop(StepKind::set_oom_score);
        case Layer::hidden_pid_one:
            return editor.drop(StepKind::hide_from_job);
        case Layer::pid_one_capabilities:  // without a set of its own to compare with, any job of its user is its equal
            editor.add_to_first(StepKind::clear_capabilities);
            return true;
        case Layer::proc_read_only:
            return editor.clear_bits(StepKind::mount_proc, "/proc", MS_RDONLY);
        case Layer::proc_hides_others:
            return editor.replace_option(StepKind::mount_proc, "/proc", "hidepid=", "hidepid=0");
        case Layer::disk_size:
            return editor.replace_option(StepKind::mount_tmpfs, "/job", "size=", "size=1g");
        case Layer::inodes:
            return editor.replace_option(StepKind::mount_tmpfs, "/job", "nr_inodes=", "nr_inodes=1m");
        case Layer::work_flags:
            return editor.clear_bits(StepKind::mount_tmpfs, "/job", MS_NOSUID | MS_NODEV);
        case Layer::site_read_only:
            return editor.clear_bits(StepKind::take_tree, "", MOUNT_ATTR_RDONLY);
        case Layer::site_nosuid:
            return editor.clear_bits(StepKind::take_tree, "", MOUNT_ATTR_NOSUID);
        case Layer::site_nodev:
            return editor.clear_bits(StepKind::take_tree, "", MOUNT_ATTR_NODEV);
        case Layer::session:
            return editor.drop(StepKind::new_session);
        case Layer::groups:
            return editor.drop(StepKind::drop_groups);
        case Layer::group:
            return editor.drop(StepKind::set_group);
        case Layer::user:
            editor.replace_option(StepKind::mount_tmpfs, "/job", "uid=", "uid=0");
            return editor.drop(StepKind::set_user);
        case Layer::capabilities:
            return editor.drop(StepKind::clear_capabilities);
        case Layer::close_descriptors:
            return editor.drop(StepKind::close_descriptors);
        case Layer::limit_core:
            return drop_limit(editor, RLIMIT_CORE);
        case Layer::limit_open_files:
            return drop_limit(editor, RLIMIT_NOFILE);
        case Layer::limit_file_size:
            return drop_limit(editor, RLIMIT_FSIZE);
        case Layer::limit_locked_memory:
            return drop_limit(editor, RLIMIT_MEMLOCK);
        case Layer::limit_message_queues:
            return drop_limit(editor, RLIMIT_MSGQUEUE);
        case Layer::limit_pending_signals:
            return drop_limit(editor, RLIMIT_SIGPENDING);
        case Layer::limit_processes_of_user:
            return loosen_limit(editor, RLIMIT_NPROC, loose_processes);
        case Layer::limit_data:
            return loosen_limit(editor, RLIMIT_DATA, loose_memory);
        case Layer::landlock:
            return editor.drop(is_landlock);
        default:
            return false;
    }
}

class LooseCgroups final : public Cgroups {
  public:
    explicit LooseCgroups(std::unique_ptr<Cgroups> real) : real_(std::move(real)) {}

    Result<bool> prepare(int slot, const Limits& limits) override {
        Limits loose = limits;
        if (leaves_out(Layer::memory_limit)) loose.memory_bytes = loose_memory;
        if (leaves_out(Layer::process_limit)) loose.processes = loose_processes;
        if (leaves_out(Layer::cpu_limit)) loose.cpu_millis = 0;
        return real_->prepare(slot, loose);
    }
    const std::vector<int>& entrances(int slot) const override { return real_->entrances(slot); }
    bool entered_by_birth() const override { return real_->entered_by_birth(); }
    std::optional<Microseconds> cpu_used(int slot) const override { return real_->cpu_used(slot); }
    CgroupUse use(int slot) const override { return real_->use(slot); }
    std::string members_directory(int slot) const override { return real_->members_directory(slot); }
    std::string words(int slot) const override { return real_->words(slot); }
    CgroupReading collect(int slot) override { return real_->collect(slot); }
    int version() const override { return real_->version(); }

  private:
    static bool leaves_out(Layer layer) {
        if (!wanted.contains(layer)) return false;
        done.insert(layer);
        return true;
    }
    std::unique_ptr<Cgroups> real_;
};

}  // namespace

void leave_out(const Layers& layers) {
    wanted = layers;
    done.clear();
}

const Layers& left_out() {
    return done;
}

}  // namespace testing

Plan our_make_setup_plan(const HostFacts& real_host, const SetupOptions& options) {
    HostFacts host = real_host;
    if (testing::wanted.contains(testing::Layer::own_root)) testing::done.insert(testing::Layer::own_root);
    for (const char* more : {"/root", "/home", "/run", "/sys", "/srv", "/opt", "/mnt"}) {
        if (testing::wanted.contains(testing::Layer::own_root)) host.directories.emplace_back(more);
    }
    Plan plan = product_make_setup_plan(host, options);
    PlanEditor editor(plan);
    for (const testing::Layer layer : testing::wanted) {
        if (testing::remove_from_setup(layer, editor)) testing::done.insert(layer);
    }
    return plan;
}

Result<Plan> our_make_plan(const BoxSpec& spec, const BoxOptions& options) {
    WINDLASS_TRY(Plan plan, product_make_plan(spec, options));
    PlanEditor editor(plan);
    for (const testing::Layer layer : testing::wanted) {
        if (testing::remove_from_box(layer, editor)) testing::done.insert(layer);
    }
    return plan;
}

OpenedGroups our_open_cgroups(const CgroupSupport& support, const std::string& name, int slots,
                              const Cgroups::Kept& kept) {
    WINDLASS_TRY(auto real, product_open_cgroups(support, name, slots, kept));
    if (!real) return std::unique_ptr<Cgroups>();
    return std::unique_ptr<Cgroups>(std::make_unique<testing::LooseCgroups>(std::move(real)));
}

}  // namespace windlass::worker
