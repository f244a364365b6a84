#include "tests/simulation/trace.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace windlass::simulation {

namespace {

using namespace windlass::scheduler;  // NOLINT: about nothing else

std::string list(const std::vector<AttemptRef>& refs) {
    std::string text;
    for (const AttemptRef& ref : refs) text += " " + ref.text();
    return text.empty() ? " nothing" : text;
}

std::string worker(WorkerId id) {
    return "worker " + id.text() + " ";
}

struct Words {
    std::string operator()(const Submit& e) const { return "submit of " + std::to_string(e.jobs.size()); }
    std::string operator()(const CancelJobs& e) const {
        std::string text = "cancel";
        for (const JobId job : e.jobs) text += " " + job.text();
        return text;
    }
    std::string operator()(const SetQuota& e) const { return "quota of user " + e.user.text(); }
    std::string operator()(const ConfigureQueue& e) const {
        return "configure queue " + e.config.name + (e.config.held ? " held" : "");
    }
    std::string operator()(const RemoveQueue& e) const { return "remove queue " + e.name; }
    std::string operator()(const DrainWorker& e) const {
        return std::string(e.draining ? "drain " : "resume ") + worker(e.worker);
    }
    std::string operator()(const ForgetWorker& e) const { return "forget " + worker(e.worker); }
    std::string operator()(const WorkerJoined& e) const { return worker(e.worker) + "joins with" + list(e.held); }
    std::string operator()(const WorkerLeft& e) const { return worker(e.worker) + "left"; }
    std::string operator()(const LeasesRenewed& e) const { return worker(e.worker) + "renews" + list(e.held); }
    std::string operator()(const WorkerDraining& e) const { return worker(e.worker) + "drains"; }
    std::string operator()(const AttemptStarted& e) const { return worker(e.worker) + "started " + e.attempt.text(); }
    std::string operator()(const AttemptReady& e) const { return worker(e.worker) + "ready " + e.attempt.text(); }
    std::string operator()(const AttemptReturned& e) const { return worker(e.worker) + "returns " + e.attempt.text(); }
    std::string operator()(const TimePassed&) const { return "time passed"; }
    std::string operator()(const AttemptFinished& e) const {
        return worker(e.worker) + "finished " + e.attempt.text() + " " + std::string(name(e.outcome));
    }
    std::string operator()(const InsertJob& e) const { return "insert " + e.job.text(); }
    std::string operator()(const InsertMember& e) const {
        return "insert " + e.job.text() + " of array " + e.row.array.text();
    }
    std::string operator()(const ChangeArray& e) const { return "array " + e.job.text(); }
    std::string operator()(const StoreQueue& e) const { return "store queue " + e.config.name; }
    std::string operator()(const DropQueue& e) const { return "drop queue " + e.name; }
    std::string operator()(const StoreDraining& e) const {
        return "store " + worker(e.worker) + (e.draining ? "drained" : "resumed");
    }
    std::string operator()(const AddUsage& e) const { return "usage of user " + e.user.text(); }
    std::string operator()(const ChangeState& e) const {
        return "change " + e.job.text() + " " + std::string(name(e.from_state)) + " to " +
               std::string(name(e.row.state)) + "." + std::to_string(e.row.attempt);
    }
    std::string operator()(const RecordEvent& e) const {
        return "event " + e.job.text() + " " + std::string(name(e.move));
    }
    std::string operator()(const AcceptResult& e) const { return "accept " + e.attempt.text(); }
    std::string operator()(const RecordLoss& e) const { return "loss of " + e.attempt.text() + ": " + e.detail; }
    std::string operator()(const SendLease& e) const { return "lease " + e.attempt.text() + " to " + worker(e.worker); }
    std::string operator()(const SendCancel& e) const {
        return "cancel " + e.attempt.text() + " to " + worker(e.worker);
    }
    std::string operator()(const SendRevoke& e) const {
        return "revoke " + e.attempt.text() + " to " + worker(e.worker);
    }
    std::string operator()(const AcknowledgeFinish& e) const {
        return "acknowledge " + e.attempt.text() + " to " + worker(e.worker);
    }
    std::string operator()(const AnswerRenewal& e) const { return "renewed to " + worker(e.worker) + list(e.kept); }
    std::string operator()(const AnswerSubmit& e) const {
        return "submitted" + (e.jobs.empty() ? "" : " from " + e.jobs.front().text());
    }
    std::string operator()(const RefuseSubmit& e) const { return "submit refused: " + e.detail; }
    std::string operator()(const AnswerCancel&) const { return "cancel answered"; }
    std::string operator()(const AnswerOperator& e) const { return "operator answered " + e.refused; }
    std::string operator()(const JobEnded& e) const {
        return "ended " + e.job.text() + " " + std::string(name(e.state));
    }
    std::string operator()(const MembersEnded& e) const {
        return "ended what of " + e.array.text() + " had not started " + std::string(name(e.state));
    }
    std::string operator()(const ArmTimer&) const { return "timer"; }
};

}  // namespace

bool tracing() {
    static const bool wanted = std::getenv("WINDLASS_SIM_TRACE") != nullptr;
    return wanted;
}

void trace(SteadyTime now, const std::string& what) {
    std::fprintf(stderr, "%12.6f  %s\n", static_cast<double>(now.time_since_epoch().count()) / 1e6, what.c_str());
}

std::string describe(const Event& event) {
    return std::visit(Words{}, event);
}
std::string describe(const Effect& effect) {
    return std::visit(Words{}, effect);
}

}  // namespace windlass::simulation
