#include "worker/explain.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "worker/sandbox/host.h"
#include "worker/sandbox/job_network.h"
#include "worker/sandbox/other_roots.h"
#include "worker/sandbox/plan.h"
#include "worker/sandbox/stuck.h"
#include "worker/simple_command.h"

namespace windlass::worker {
namespace {

Result<std::string> explain_network(const SandboxSettings& settings, BoxSpec job, const BoxOptions& box) {
    job.network = Network::full;
    WINDLASS_TRY(const Plan plan, make_plan(job, box));
    WINDLASS_TRY(const auto addresses, addresses_of_host());
    const std::string user = box.rootless ? "the worker's user" : fmt::format("user {}", network_uid(settings, 0));
    return fmt::format(
        "\n# for a job with network: full, before all else: windlass-network\n"
        "become {} without rights\n"
        "make a network namespace for this job alone\n"
        "bring loopback up\n"
        "load the egress rule: with {}, as printed below\n"
        "start slirp4netns: {} on {}, without the host's loopback, with its own sandbox and filter\n"
        "# and then\n{}"
        "# the egress rule, with the addresses that this host has now\n{}",
        user, settings.network.nft_path, JobSubnet::block, JobSubnet::device, print(plan),
        make_ruleset(settings.network.egress, addresses));
}

// Asked twice, because every process that dies is among them for a moment.
std::vector<StuckProcess> stuck_for_a_while() {
    std::vector<StuckProcess> before = stuck_processes();
    if (before.empty()) return before;
    std::this_thread::sleep_for(Milliseconds{500});
    std::vector<StuckProcess> still = stuck_processes();
    std::erase_if(still, [&](const StuckProcess& process) {
        return std::none_of(before.begin(), before.end(), [&](const auto& one) { return one.pid == process.pid; });
    });
    return still;
}

}  // namespace

Result<std::string> explain_sandbox(const SandboxSettings& settings) {
    SetupOptions setup;
    setup.rootless = geteuid() != 0;
    setup.uid = setup.rootless ? geteuid() : settings.first_uid;
    setup.gid = setup.rootless ? getegid() : settings.first_uid;
    setup.mount_point = settings.state_directory + "/root";
    setup.other_roots = settings.other_roots;
    setup.first_uid = settings.first_uid;
    setup.slots = settings.slots;
    WINDLASS_TRY(HostFacts host, look_at_host(setup.uid, setup.gid));
    if (settings.network.full) add_resolver(host);

    BoxSpec job;
    job.name = "100000001.1";
    job.argv = {"/bin/sh", "-c", "running_commands"};
    if (shell_is_dash()) job.first_choice = {"the first word of a running_commands that needs no shell"};
    job.files = {{"code", ""}, {"data", ""}};
    BoxOptions box;
    box.rootless = setup.rootless;
    box.uid = setup.uid;
    box.gid = setup.gid;
    WINDLASS_TRY(const Plan plan, make_plan(job, box));
    std::string text = fmt::format("# once, at the start of the worker\n{}\n# for every job\n{}",
                                   print(make_setup_plan(host, setup)), print(plan));
    job.image.emplace().root_directory = "/var/lib/windlass-worker/site/images/SHA256/root";
    job.datasets = {{"iris", "/srv/data/iris"}};
    WINDLASS_TRY(const Plan in_image, make_plan(job, box));
    text += "\n# for a job with an image and a data set\n" + print(in_image);
    job.image.reset();
    job.datasets.clear();
    if (settings.network.full) {
        WINDLASS_TRY(const std::string network, explain_network(settings, job, box));
        text += network;
    }
    return text;
}

Check check_sandbox(const SandboxSettings& settings) {
    Check check;
    std::size_t missing = 0;
    for (const Finding& finding : Sandbox::examine(settings)) {
        const auto& weaker = settings.allow_weaker;
        const bool agreed = can_be_done_without(finding.protection) &&
                            std::find(weaker.begin(), weaker.end(), finding.protection) != weaker.end();
        if (!finding.present && !agreed) ++missing;
        const char* verdict = finding.present ? "present" : agreed ? "done without" : "MISSING";
        check.text += fmt::format("{:<18} {:<12} {}\n", name(finding.protection), verdict, finding.how);
        if (!finding.present) check.text += fmt::format("{:<31} to get it: {}\n", "", finding.fix);
        if (finding.protection == Protection::memory_limit && !finding.present) {
            check.text += fmt::format(
                "{:<31} without it each process is bounded by itself (RLIMIT_DATA), not the job as a whole\n", "");
        }
    }
    const OtherRoots roots = examine_other_roots(settings.state_directory);
    check.text += fmt::format("{:<18} {:<12} {}\n", "images", roots.why_no_overlay.empty() ? "present" : "missing",
                              roots.why_no_overlay.empty() ? "jobs with an image can run here"
                                                           : roots.why_no_overlay +
                                                                 "; jobs with an image end as "
                                                                 "setup_failed here");
    if (!roots.why_no_id_map.empty())
        check.text += fmt::format("{:<18} {:<12} {}; jobs cannot change what is root's in their image\n",
                                  "image-ownership", "missing", roots.why_no_id_map);
    for (const StuckProcess& process : stuck_for_a_while())
        check.text +=
            fmt::format("{:<18} {:<12} {}; its slot is lost until it does\n", "ending", "STUCK", in_words(process));
    check.good = missing == 0;
    check.text +=
        check.good ? "this machine can run jobs\n"
                   : fmt::format("{} protection(s) missing: fix them, or agree to do without in worker.allow_weaker\n",
                                 missing);
    return check;
}

}  // namespace windlass::worker
