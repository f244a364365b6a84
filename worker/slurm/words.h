// The words that go to Slurm's programs and come back from them. Pure: nothing here runs anything.
//
// Nothing of a job but numbers ever becomes a word of a command line or a line of the script that sbatch reads (its
// #SBATCH lines are options): its name stays with us, its commands and its environment are in a file of their own
// that the script executes. sbatch(1), squeue(1), scancel(1) of Slurm 22.05.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/ids.h"
#include "shared/job.h"
#include "shared/outcome.h"
#include "shared/result.h"
#include "shared/time.h"
#include "worker/sandbox/sandbox.h"

namespace windlass::worker::slurm {

using SlurmJobId = std::int64_t;

struct Site {
    std::string directory;  // at the same path on this machine and on the nodes; ours
    // Whom the jobs run as, and whom Slurm's programs are called as.
    std::string user;
    uid_t uid = 0;
    gid_t gid = 0;
    std::string conf;                  // of Slurm; empty: where it looks itself
    std::vector<std::string> options;  // for every sbatch
    std::string identity;  // random, of this worker's state directory: two workers never take each other's jobs
    Milliseconds poll{2'000};
    Milliseconds patience{20'000};  // with one of Slurm's programs
};

// What one attempt has on the shared directory.
struct Places {
    std::string all;     // of root, not to be changed by the job
    std::string work;    // of the job: its working directory
    std::string start;   // what is executed
    std::string script;  // what sbatch reads
    std::string standard_output;
    std::string standard_error;
};
Places places(const Site& site, AttemptRef ref);

// The name of our job in Slurm, by which it is found again: "wl-<identity>-<job>.<attempt>".
std::string job_name(const Site& site, AttemptRef ref);
// Whose it is; nullopt: not one of this worker's.
std::optional<AttemptRef> ref_named(const Site& site, std::string_view name);

// What is asked of Slurm for an attempt. Processor time, memory and wall clock are rounded up to whole cores, MiB and
// minutes, and the wall clock has a minute more than the job may run: the worker keeps the exact time, Slurm is the
// second line.
std::vector<std::string> sbatch_words(const Site& site, AttemptRef ref, const JobSpec& spec);
std::vector<std::string> squeue_words(const Site& site);
// `at_once`: KILL instead of TERM, KillWait, KILL.
std::vector<std::string> scancel_words(const std::vector<SlurmJobId>& jobs, bool at_once);

// A script that executes `start`, and nothing else.
std::string script_text(const Places& places);
// The file `start`: the job's limits of one process, its environment and its command, each word quoted for sh.
std::string start_text(const Places& places, const BoxSpec& box);
std::string quoted(std::string_view word);  // for sh; of any bytes but NUL

// invalid: not what sbatch --parsable says.
Result<SlurmJobId> parse_submitted(std::string_view said);
// sbatch, which failed, has not asked the controller, or got no answer from it: the job may be there all the same.
bool may_have_been_submitted(std::string_view said);

struct QueuedJob {
    enum class Phase { waiting, running, over };
    SlurmJobId id = 0;
    AttemptRef ref;
    std::string state;    // as Slurm says it: "RUNNING"
    std::string reason;   // likewise: "Resources"
    int wait_status = 0;  // of the script, as of waitpid(); only once it is over
    std::optional<WallTime> started;
    std::optional<WallTime> ended;

    Phase phase() const;
    // Of one that is over.
    Outcome outcome(const Limits& limits) const;
};
// Of this worker's jobs. invalid: not what squeue says with squeue_words().
Result<std::vector<QueuedJob>> parse_queue(const Site& site, std::string_view said);

}  // namespace windlass::worker::slurm
