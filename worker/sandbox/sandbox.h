// Runs one strange program at a time in a box of its own, many boxes side by side.
//
// The processes (docs/sandbox.md tells more):
//   worker   this process. Large, with threads. Never forks a job.
//   spawner  bin/windlass-spawner: tiny, static, single-threaded; started once by open(); lives in the prepared root.
//   Dies
//            with the worker (PDEATHSIG and end-of-file on its socket), and everything below it with it.
//   PID 1    one per box: builds what is new for this job, reaps, kills, reports.
//   job      the program.
//
// A Sandbox is a passive object on one thread: the owner polls fd() (epoll, uv_poll) and calls take_events() when it is
// readable. No callbacks, no threads of its own.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shared/job.h"
#include "shared/limits.h"
#include "shared/outcome.h"
#include "shared/result.h"
#include "shared/time.h"
#include "worker/sandbox/box_record.h"
#include "worker/sandbox/egress.h"

namespace windlass::worker {

// A protection that can be missing on a machine. Without it the sandbox refuses to open, and says how to fix it, unless
// the operator names it in allow_weaker.
enum class Protection {
    user_namespace,
    network_namespace,
    memory_limit,
    process_limit,
    cpu_limit,
    landlock,
    uid_per_job,
    job_network  // only when full network, or services, are offered; can not be done without then
};
std::string_view name(Protection protection);  // "memory-limit", …: the words of allow_weaker
Result<Protection> protection_named(std::string_view text);
// False: allow_weaker does not help. Rootless boxes cannot be built without user namespaces, and no job is let out
// without the egress rule.
bool can_be_done_without(Protection protection);

// One line of the start log and of `windlass doctor`.
struct Finding {
    Protection protection;
    bool present = false;
    std::string how;  // present: by what ("cgroup v1: memory"); missing: why
    std::string fix;  // missing: the command or setting that brings it, to be read by an administrator
};

// What jobs with a network need; see docs/sandbox.md.
struct NetworkSettings {
    bool full = false;        // this sandbox offers it
    bool service = false;     // jobs may have a network for a service
    std::string keeper_path;  // of bin/windlass-network
    std::string slirp_path = "/usr/bin/slirp4netns";
    std::string nft_path = "/usr/sbin/nft";
    EgressSettings egress;
};

struct SandboxSettings {
    std::string spawner_path;     // of bin/windlass-spawner
    std::string state_directory;  // 0700, ours alone; for sockets and mount points; removed remains of a past life
    std::string cgroup;  // name below which job cgroups are made, e.g. "windlass-<instance>"; unique per worker
    // With cgroup v2: below which group that is made. "/a/b": from the root of the hierarchy on; "../b": from the
    // worker's own on; empty: the worker's own, or one above it.
    std::string cgroup_base;
    int slots = 1;              // boxes at the same time; one uid, one network namespace and one cgroup each
    uid_t first_uid = 200'000;  // as root: slot i runs as first_uid + i (uid and gid)
    std::vector<Protection> allow_weaker;
    NetworkSettings network;
    bool other_roots = true;  // boxes may have images and data sets
    // Boxes outlive this process if it dies, until good_until(); the next one with the same state directory takes them
    // over. `about` is what it finds then: a line, of the worker.
    bool outlive = false;
    std::string about;
    // A box in which processes are left so long after they were killed is told as stuck (BoxStuck).
    Milliseconds stuck_after{10'000};
};

// A root file system instead of the prepared one. Nothing here is written to: what the job changes lies on its own disk
// (limits.disk_bytes) and is gone with it. Root's files in it, which are all of them (worker/images/), belong to the
// job.
struct BoxImage {
    std::string root_directory;  // absolute, without links
    std::string passwd;          // /etc/passwd and /etc/group of the job; {uid} and {gid} stand for its own
    std::string group;
    std::string home = "/job";
    std::map<std::string, std::string> env;  // below BoxSpec::env
};
struct BoxDataset {
    std::string name;       // mounted read-only at /tmp/<name>
    std::string directory;  // absolute, without links
};

struct BoxSpec {
    std::string name;  // for messages and process titles: "100000042.1"
    // argv[0] is a path inside the box; with an image it may be a name that is looked for in its PATH.
    std::vector<std::string> argv;
    // Executed instead of argv if that is possible, with PWD in its environment as a shell would set it. Empty: none.
    std::vector<std::string> first_choice;
    std::map<std::string, std::string>
        env;  // the whole environment beside PATH, HOME, TMPDIR, LANG, which the box sets
    std::map<std::string, std::string> files;  // placed in the working directory (0600, the job's), name -> bytes
    Limits limits;
    bool make_out_directory = true;  // an empty out/ in the working directory
    Network network = Network::none;
    std::optional<BoxImage> image;
    std::vector<BoxDataset> datasets;  // at most max_datasets (wire.h)
    // Where the program starts: absolute. The files, out/ and what is collected are in /job all the same.
    std::string start_directory = "/job";
    // Entries (box_record.h) for whoever takes this box over.
    std::string record;
};

using BoxId = std::uint64_t;

// The spawner answers each start() with exactly one of these two …
struct BoxStarted {
    BoxId box = 0;
    SteadyTime at{};
};
// … and each BoxStarted is followed by exactly one BoxEnded, when no process of the box exists any more.
struct BoxEnded {
    BoxId box = 0;
    // exited or signalled as the program did; out_of_memory, out_of_disk when a limit of the box was the cause;
    // setup_failed("mount /proc: Operation not permitted") when the box could not be built (then BoxStarted never
    // came). A stop() is not known here: its caller knows why it stopped the box, and lets the first cause win.
    Outcome outcome;
    Usage usage;
    // What it waited for, if it was a good part of the time: for the one who stops it for being late. May be empty.
    std::string waited;
    // O_PATH-like handle on the working directory, which outlives the processes: for collecting results with openat2.
    // -1 if the box was never built. The receiver closes it; the directory's memory is free then.
    int work_directory_fd = -1;
    // The signal that ended the program of first_choice. 0: none did, or argv was executed, or the box ended by force.
    int first_choice_signal = 0;
};
// Everything in the box was killed long ago, and the kernel cannot end one of its processes (uninterruptible sleep). At
// most once per box, between start() and BoxEnded, which may never come: the slot stays taken until it does. No process
// of the box will execute another instruction of its program.
struct BoxStuck {
    BoxId box = 0;
    std::string why;  // "process 4711 (dd) of box 7.1 was killed and does not end: state D, waits in the kernel in …"
};
using BoxEvent = std::variant<BoxStarted, BoxEnded, BoxStuck>;

// What a box uses at this moment; of a running one. No value: nobody counts it.
struct BoxUse {
    std::optional<Microseconds> cpu;  // so far, of living and dead
    std::optional<std::int64_t> memory_bytes;
    std::optional<std::int64_t> processes;   // and threads, without PID 1 of the box
    std::optional<std::int64_t> read_bytes;  // so far, from block devices
    std::optional<std::int64_t> written_bytes;

    bool operator==(const BoxUse&) const = default;
};

class Sandbox {
  public:
    // Checks the protections, cleans up what a past life of the same state_directory left, starts the spawner.
    static Result<std::unique_ptr<Sandbox>> open(const SandboxSettings& settings);
    // What this machine has, one finding per protection, in a fixed order. Touches nothing that stays.
    static std::vector<Finding> examine(const SandboxSettings& settings);
    virtual ~Sandbox() = default;  // kills every box

    struct Launched {
        BoxId box = 0;
        int stdout_fd = -1;  // read ends, O_NONBLOCK, O_CLOEXEC; the caller owns them. End-of-file proves nothing:
        int stderr_fd = -1;  // wait for BoxEnded, then drain once more without blocking
        // Files in memory, the sandbox's, until BoxEnded: what is read from the pipes and written here is there for
        // whoever takes the box over. -1: nobody ever will.
        int stdout_file = -1;
        int stderr_file = -1;
    };
    // Asks the spawner to start a box; does not wait. At most settings.slots boxes may exist between start() and
    // BoxEnded (conflict otherwise).
    virtual Result<Launched> start(const BoxSpec& spec) = 0;

    // TERM to the job's processes now; after `grace` everything in the box is killed for certain. grace 0: killed at
    // once. A later call may shorten the grace, never lengthen it. Unknown or ended boxes: ignored. Time is counted by
    // the spawner, so the end comes even if the caller's loop stands still.
    virtual void stop(BoxId box, Milliseconds grace) = 0;

    // Of a box with Network::service: a TCP socket in its network, not connected, non-blocking; the caller's.
    virtual Result<int> service_socket(BoxId) {
        return make_error(ErrorKind::unavailable, "this sandbox has no services");
    }

    // Processor time of everything in the box so far, of living and dead. No value: unknown box, or nobody counts.
    virtual std::optional<Microseconds> cpu_used(BoxId box) const = 0;
    // A few reads of small files; of the processes of the box where no cgroup counts. Empty: unknown box, or not yet
    // started.
    virtual BoxUse use(BoxId box) const = 0;
    // Its processes at this moment, by the numbers of this machine, PID 1 of the box first. At most some hundred.
    virtual std::vector<pid_t> processes(BoxId box) const = 0;
    // O_PATH, of a running box; -1: none. Lives as long as the box.
    virtual int work_directory(BoxId box) const = 0;

    // ---- boxes of a former life (settings.outlive) ----
    struct Inherited {
        Launched launched;
        std::string name;
        std::vector<RecordEntry> record;  // empty: nobody knows whose it is
    };
    // Once, before anything is started. Each is to be adopted or stopped; take_events() then tells what it would have
    // told from the beginning (BoxStarted, BoxEnded).
    virtual std::vector<Inherited> take_inherited() { return {}; }
    virtual void adopt(BoxId, const std::string& /*name*/, const Limits&) {}
    // What the former life called itself (settings.about) and how long its boxes may run. No value: there was none.
    virtual std::optional<std::string> inherited_about() const { return std::nullopt; }
    virtual std::optional<SteadyTime> inherited_until() const { return std::nullopt; }

    // ---- for the next life; nothing happens without settings.outlive ----
    virtual bool outlives() const { return false; }
    virtual void add_to_record(BoxId, char /*kind*/, std::string_view /*text*/) {}
    // Nothing of an ended box is needed any more. To be called once for each.
    virtual void forget(BoxId) {}
    // What runs may run until then without us: as long as the leases that were confirmed last. No value: nothing may.
    virtual void good_until(std::optional<SteadyTime>) {}
    // Two files in memory that the next life finds as they are, for results on their way. -1: there are none.
    virtual std::array<int, 2> journals() const { return {-1, -1}; }

    virtual int fd() const = 0;  // readable: take_events() has something
    virtual std::vector<BoxEvent> take_events() = 0;

    // Empty while all is well. Otherwise the sentence that says why no box can be started any more (the spawner died):
    // the worker must end.
    virtual std::string broken() const = 0;
    virtual const std::vector<Finding>& findings() const = 0;
    // How many slots are lost to boxes that were told as BoxStuck and have not ended.
    virtual int stuck_boxes() const = 0;
};

}  // namespace windlass::worker
