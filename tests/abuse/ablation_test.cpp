// Leaves layers out of the sandbox, and asks who notices: the proof of each row of evidence.h. A layer in a row of its
// own is needed; where several stand together each of them is enough: a second wall.
//
// Prints the table of docs/sandbox.md.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string_view>

#include "tests/abuse/evidence.h"
#include "tests/support/files_below.h"

namespace windlass::worker::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Why a layer that is there in this mode has no row in it.
using L = Layer;
const std::map<Layer, const char*> not_needed_rootless = {
    {L::usr_nosuid, "a program of root gives nothing where root is not mapped (user_namespaces(7))"},
    {L::usr_nodev, "nobody but root can put a device node there for the test"},
    {L::private_mounts, "the kernel makes the mounts of a new user namespace slaves by itself"},
    {L::work_flags, "the kernel refuses device nodes in a tmpfs of a user namespace by itself"},
    {L::capabilities, "those of the user namespace end with exec, because the user is not root in it"},
    {L::cgroup_namespace, "only where a cgroup is delegated: elsewhere there is nothing to hide"},
};
const std::map<Layer, const char*> not_needed_as_root = {
    {L::pid_one_capabilities, "it cannot do without them: it changes the user of the job"},
    {L::hidden_pid_one, "PID 1 is another user there, and hidden by hidepid; it is for workers without root"},
};

class Ablation : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        host = std::make_unique<Host>();
        gethostname(machine.data(), machine.size());
        if (!rootless()) be_a_careless_root();
    }
    static void TearDownTestSuite() {
        close();
        host.reset();
    }
    // A root with groups of its own and with capabilities that programs inherit, as some containers give it.
    static void be_a_careless_root() {
        const gid_t groups[] = {0, 4, 24};
        ASSERT_EQ(setgroups(3, groups), 0);
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct sets[2] = {};
        ASSERT_EQ(syscall(SYS_capget, &header, sets), 0);
        for (auto& set : sets) set.inheritable = set.permitted;
        ASSERT_EQ(syscall(SYS_capset, &header, sets), 0);
    }
    static void close() {
        box.reset();
        if (!rootless()) {
            EXPECT_EQ(sethostname(machine.data(), std::string_view(machine.data()).size()), 0);
        }
        leave_out({});
    }
    // A sandbox without these layers; the one of the call before is kept when they are the same. False: it does not
    // open.
    static bool open(const Layers& layers, int slots = 1) {
        if (box && layers == open_without && slots == open_slots && box->sandbox().broken().empty()) return true;
        close();
        leave_out(layers);
        open_without = layers;
        open_slots = slots;
        why_not.clear();
        box = std::make_unique<TestBox>(slots, std::function<void(SandboxSettings&)>{}, &why_not);
        if (!why_not.empty()) box.reset();
        return why_not.empty();
    }
    // What the abuse suite has to say against the program without these layers; empty: nothing.
    static std::string complaint(const Layers& layers, const char* program) {
        if (!open(layers)) return "the sandbox does not open: " + why_not;
        const Attack result = attack(*box, *host, act_named(program));
        EXPECT_FALSE(result.refused) << program << " did not dare";
        said = result.says;
        return result.complaints.empty() ? "" : result.complaints.front();
    }
    static bool fails_closed(const std::string& complaint) {
        return complaint.find("setup_failed") != std::string::npos ||
               complaint.find("does not open") != std::string::npos;
    }
    static void say(const Layers& layers, const std::string& program, const std::string& what) {
        fmt::print("  {:<58} {:<24} {}\n", names(layers), program, what.substr(0, 90));
        noticed.insert(layers.begin(), layers.end());
    }
    static bool has(Protection protection) {
        return box->sandbox().findings()[static_cast<std::size_t>(protection)].present;
    }

    static std::unique_ptr<Host> host;
    static std::unique_ptr<TestBox> box;
    static Layers open_without;
    static int open_slots;
    static std::string why_not;
    static std::string said;  // by the program that ran last
    static Layers noticed;
    static std::array<char, 65> machine;
};
std::unique_ptr<Host> Ablation::host;
std::unique_ptr<TestBox> Ablation::box;
Layers Ablation::open_without;
int Ablation::open_slots;
std::string Ablation::why_not;
std::string Ablation::said;
Layers Ablation::noticed;
std::array<char, 65> Ablation::machine;

TEST_F(Ablation, what_is_removed_is_noticed_and_each_layer_of_a_row_alone_holds) {
    for (const Row& row : evidence()) {
        if (!applies(row)) continue;
        if (row.program == std::string_view("use_device") && !std::filesystem::is_character_file(traps() + "/zero")) {
            fmt::print("  {:<58} {:<24} SKIPPED: only root can make the device for it\n", names(row.layers),
                       row.program);
            continue;
        }
        if (act_named(row.program).needs_memory_controller && open({}) && !has(Protection::memory_limit)) {
            fmt::print("  {:<58} {:<24} SKIPPED: no memory controller\n", names(row.layers), row.program);
            continue;
        }
        const std::string all_out = complaint(row.layers, row.program);
        EXPECT_EQ(left_out(), row.layers) << "not every one of them was there to be removed";
        EXPECT_FALSE(all_out.empty()) << names(row.layers) << ": " << row.program << " does not notice: " << said;
        if (row.layers.size() > 1) {
            EXPECT_FALSE(fails_closed(all_out)) << names(row.layers) << ": " << all_out;
            for (const Layer kept : row.layers) {
                Layers others = row.layers;
                others.erase(kept);
                const std::string held = complaint(others, row.program);
                EXPECT_TRUE(held.empty() || fails_closed(held))
                    << name(kept) << " alone does not hold against " << row.program << ": " << held;
            }
        }
        say(row.layers, row.program, all_out);
    }
}

TEST_F(Ablation, without_its_own_pid_namespace_the_spawner_refuses) {
    EXPECT_FALSE(open({L::spawner_pid_namespace}));
    EXPECT_THAT(why_not, HasSubstr("become PID 1"));
    say({L::spawner_pid_namespace}, "(the spawner)", why_not);
}

TEST_F(Ablation, without_private_mounts_the_machine_would_see_them) {
    if (rootless()) GTEST_SKIP() << not_needed_rootless.at(L::private_mounts);
    EXPECT_FALSE(open({L::private_mounts}));
    say({L::private_mounts}, "(the spawner)", why_not);
}

TEST_F(Ablation, without_a_user_namespace_nothing_can_be_built_rootless) {
    if (!rootless()) GTEST_SKIP() << "root needs none";
    EXPECT_FALSE(open({L::user_namespace}));
    say({L::user_namespace}, "(the spawner)", why_not);
}

// Two boxes at once: one has a name, the other looks for it.
TEST_F(Ablation, without_a_network_for_each_slot_neighbours_meet) {
    const auto seen = [](const Layers& layers) {
        open(layers, 2);
        const BoxId neighbour = box->start(
            script("exec perl -MSocket -e '$| = 1; socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, pack(\"Sa*\", AF_UNIX, "
                   "\"\\0neighbour\")) or die; listen(S, 5); print \"up\\n\"; sleep 1000'"));
        box->wait_for_output(neighbour, "up");
        const std::string found = box->run(script("grep -c neighbour /proc/net/unix")).out;
        box->sandbox().stop(neighbour, Milliseconds(0));
        box->finish(neighbour);
        return found;
    };
    EXPECT_EQ(seen({}), "0\n");
    EXPECT_EQ(seen({L::network_per_slot}), "1\n");
    say({L::network_per_slot}, "(a neighbour)", "its abstract socket is seen");
}

// What the site lends to a job, here as a data set: written to, and with programs and devices that lend rights.
TEST_F(Ablation, without_its_flags_what_is_the_sites_could_be_changed_and_would_give_rights) {
    const TemporaryDirectory site;
    site.write("open", "of the site\n");
    std::filesystem::permissions(site.path(), std::filesystem::perms(0755));
    std::filesystem::permissions(site / "open", std::filesystem::perms(0666));
    struct Try {
        Layers layers;
        std::string text;
        std::string got_through;
    };
    std::vector<Try> tries = {{{L::site_read_only}, "echo mine > /tmp/site/open && echo written", "written\n"}};
    if (!rootless()) {
        tries.push_back({{L::site_nodev}, "head -c 1 /tmp/traps/zero > /dev/null && echo read", "read\n"});
        tries.push_back({{L::site_nosuid, L::no_new_privileges, L::landlock}, "/tmp/traps/setuid-id -u", "0\n"});
    }
    for (const Try& one : tries) {
        const auto said_without = [&](const Layers& layers) {
            if (!open(layers)) return "the sandbox does not open: " + why_not;
            BoxSpec spec = script(one.text);
            spec.datasets = {{"site", std::filesystem::canonical(site.path())},
                             {"traps", std::filesystem::canonical(traps())}};
            return box->run(spec).out;
        };
        EXPECT_EQ(said_without(one.layers), one.got_through) << names(one.layers);
        EXPECT_EQ(left_out(), one.layers) << "not every one of them was there to be removed";
        for (const Layer kept : one.layers) {
            Layers others = one.layers;
            others.erase(kept);
            EXPECT_NE(said_without(others), one.got_through) << name(kept) << " alone does not hold";
        }
        say(one.layers, "(a data set)", "got through: " + one.text);
    }
}

// How often the group of the slot was held back for having used up its share.
TEST_F(Ablation, without_a_limit_of_cpu_nothing_is_held_back) {
    open({});
    if (!has(Protection::cpu_limit)) GTEST_SKIP() << "no cpu controller";
    const auto throttled = [](const Layers& layers) {
        open(layers);
        BoxSpec spec = script("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done");
        spec.limits.cpu_millis = 200;
        box->run(spec);
        std::int64_t times = 0;
        for (const std::string& path : test::files_below("/sys/fs/cgroup")) {
            if (path.ends_with("/cpu.stat") && path.find(box->settings().cgroup + "/slot-") != std::string::npos)
                times += value_of(read_small(path), "nr_throttled");
        }
        return times;
    };
    EXPECT_GT(throttled({}), 0);
    EXPECT_EQ(throttled({L::cpu_limit}), 0);
    say({L::cpu_limit}, "(a loop)", "never held back");
}

// The rest of the suite: stopped by the kernel, because nobody without rights may do that, or ended with its box. No
// layer that could be left out makes a difference; so the abuse suite may say so.
TEST_F(Ablation, all_other_programs_are_stopped_even_without_every_layer_that_can_be_removed_at_once) {
    Layers all(all_layers().begin(), all_layers().end());
    for (const Layer kept : {L::user_namespace, L::spawner_pid_namespace, L::private_mounts, L::pid_namespace,
                             L::mount_namespace, L::ipc_namespace, L::uts_namespace, L::user, L::group,
                             L::pid_one_capabilities, L::own_root, L::inodes, L::disk_size, L::session})
        all.erase(kept);
    if (rootless()) all.erase(L::cgroup_namespace);
    const bool memory_controller = open({}) && has(Protection::memory_limit);
    std::set<std::string> has_a_row;
    for (const Row& row : evidence()) {
        if (applies(row)) has_a_row.insert(row.program);
    }
    int count = 0;
    for (const Act& act : all_acts()) {
        if (has_a_row.contains(act.program) || (act.needs_memory_controller && !memory_controller)) continue;
        EXPECT_THAT(complaint(all, act.program), IsEmpty())
            << act.program << " is stopped by a layer: by which? " << said;
        count++;
    }
    fmt::print("  {} programs are stopped by the kernel alone, or end with their box\n", count);
}

TEST_F(Ablation, each_layer_was_noticed_by_somebody) {
    for (const Layer layer : all_layers()) {
        if (noticed.contains(layer)) continue;
        if (open({layer})) box->run(script("true"));
        if (why_not.empty() && left_out().empty()) continue;  // this machine, or this mode, does not have it
        const auto& excuses = rootless() ? not_needed_rootless : not_needed_as_root;
        const auto excuse = excuses.find(layer);
        EXPECT_NE(excuse, excuses.end()) << name(layer)
                                         << " is removed and nobody notices: give it a program that does";
        if (excuse != excuses.end()) fmt::print("  {:<58} not needed here: {}\n", name(layer), excuse->second);
    }
}

}  // namespace
}  // namespace windlass::worker::testing
