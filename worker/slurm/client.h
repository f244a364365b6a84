// Slurm's programs, called one at a time with a deadline. Each call waits, so none is made on the loop's thread; any
// number of others. Virtual, so that a test can be Slurm.
#pragma once

#include <string>
#include <vector>

#include "shared/result.h"
#include "worker/slurm/words.h"

namespace windlass::worker::slurm {

class Client {
  public:
    virtual ~Client() = default;

    // invalid      Slurm refuses it: its sentence. There is no such job
    // unavailable  nobody knows whether it was submitted
    virtual Result<SlurmJobId> submit(AttemptRef ref, const JobSpec& spec) const = 0;
    // All jobs of this worker that Slurm has not forgotten (MinJobAge after their end).
    virtual Result<std::vector<QueuedJob>> queue() const = 0;
    // What is not there is no error.
    virtual Status cancel(const std::vector<SlurmJobId>& jobs, bool at_once) const = 0;
};

// Calls sbatch, squeue and scancel, found in the usual places, as site.user.
class Programs final : public Client {
  public:
    explicit Programs(Site site) : site_(std::move(site)) {}
    Result<SlurmJobId> submit(AttemptRef ref, const JobSpec& spec) const override;
    Result<std::vector<QueuedJob>> queue() const override;
    Status cancel(const std::vector<SlurmJobId>& jobs, bool at_once) const override;

  private:
    const Site site_;
};

}  // namespace windlass::worker::slurm
