#include "worker/explain.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "worker/sandbox/host.h"
#include "worker/sandbox/plan.h"

namespace windlass::worker {

Result<std::string> explain_sandbox(const SandboxSettings& settings) {
    SetupOptions setup;
    setup.rootless = geteuid() != 0;
    setup.uid = setup.rootless ? geteuid() : settings.first_uid;
    setup.gid = setup.rootless ? getegid() : settings.first_uid;
    setup.mount_point = settings.state_directory + "/root";
    setup.slots = settings.slots;
    WINDLASS_TRY(const HostFacts host, look_at_host(setup.uid, setup.gid));

    BoxSpec job;
    job.name = "100000001.1";
    job.argv = {"/bin/sh", "-c", "running_commands"};
    job.files = {{"code", ""}, {"data", ""}};
    BoxOptions box;
    box.rootless = setup.rootless;
    box.uid = setup.uid;
    box.gid = setup.gid;
    WINDLASS_TRY(const Plan plan, make_plan(job, box));
    return fmt::format("# once, at the start of the worker\n{}\n# for every job\n{}",
                       print(make_setup_plan(host, setup)), print(plan));
}

Check check_sandbox(const SandboxSettings& settings) {
    Check check;
    std::size_t missing = 0;
    for (const Finding& finding : Sandbox::examine(settings)) {
        const auto& weaker = settings.allow_weaker;
        const bool agreed = std::find(weaker.begin(), weaker.end(), finding.protection) != weaker.end();
        if (!finding.present && !agreed) ++missing;
        const char* verdict = finding.present ? "present" : agreed ? "done without" : "MISSING";
        check.text += fmt::format("{:<18} {:<12} {}\n", name(finding.protection), verdict, finding.how);
    }
    check.good = missing == 0;
    check.text +=
        check.good ? "this machine can run jobs\n"
                   : fmt::format("{} protection(s) missing: fix them, or agree to do without in worker.allow_weaker\n",
                                 missing);
    return check;
}

}  // namespace windlass::worker
