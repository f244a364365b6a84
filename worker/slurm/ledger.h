// What this worker has submitted to Slurm, or is about to, on its own disk: one file per attempt below
// state_directory/slurm, which the next life reads. A file is the lease, and a line for each thing that followed:
//
//     {"type":"lease",…}     on disk (fsync) before sbatch is called
//     job 17                 sbatch's answer
//     cut 1 4096             what was printed on stream 1 up to byte 4096 was, or will be, sent in chunks that end
//                            here (output_collector.h: a chunk once cut never changes)
//
// A line that was not written to its end is none. Functions about different attempts may be called from different
// threads.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/protocol.h"
#include "shared/result.h"
#include "worker/file_descriptor.h"
#include "worker/slurm/words.h"

namespace windlass::worker::slurm {

struct LedgerEntry {
    protocol::Lease lease;  // of code and data nothing is kept: they are with the job
    std::optional<SlurmJobId> job;
    std::map<OutputStream, std::vector<std::int64_t>> cuts;  // ascending
};

class Ledger {
  public:
    // Locks the directory: it is this process' alone.
    //   conflict  another worker has it
    static Result<Ledger> open(const std::string& state_directory);

    // Random, the same in every life.
    const std::string& identity() const { return identity_; }
    // Those of former lives. What cannot be read is removed, and told in the log: its job in Slurm is found by name.
    std::vector<LedgerEntry> entries() const;

    Status begin(const protocol::Lease& lease) const;
    // Best effort: what cannot be written is missing for the next life, which then asks Slurm.
    void submitted(AttemptRef ref, SlurmJobId job) const;
    void cut(AttemptRef ref, OutputStream stream, std::int64_t end) const;
    void remove(AttemptRef ref) const;

  private:
    Ledger(std::string directory, FileDescriptor lock, std::string identity)
        : directory_(std::move(directory)), lock_(std::move(lock)), identity_(std::move(identity)) {}
    std::string path(AttemptRef ref) const { return directory_ + "/" + ref.text() + ".attempt"; }
    void append(AttemptRef ref, const std::string& line) const;

    std::string directory_;
    FileDescriptor lock_;
    std::string identity_;
};

// The text of one file. invalid: its first line is no lease.
Result<LedgerEntry> parse_entry(std::string_view text);

}  // namespace windlass::worker::slurm
