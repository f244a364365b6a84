// Results on disk until the scheduler has them: one file per attempt, state_directory/results/<job>.<attempt>, written
// beside and renamed, so a file is whole or absent. Not synced: it is to survive the worker's process, and after a
// crash of the machine the attempt is run again anyway (at least once).
//
// write() and remove() may be called on any thread, for different attempts at the same time; the rest is the owner's.
#pragma once

#include <string>
#include <vector>

#include "shared/ids.h"
#include "shared/result.h"
#include "worker/finished_attempt.h"

namespace windlass::worker {

class ResultSpool {
  public:
    // Makes the directory (0700) if needed and removes what a killed process left half written.
    static Result<ResultSpool> open(const std::string& state_directory);

    // What is there, in the order of job and attempt.
    std::vector<AttemptRef> list() const;
    Status write(const FinishedAttempt& finished) const;
    // not_found, or invalid when the file is damaged: remove() it then.
    Result<FinishedAttempt> read(AttemptRef ref) const;
    void remove(AttemptRef ref) const;

  private:
    explicit ResultSpool(std::string directory) : directory_(std::move(directory)) {}
    std::string path(AttemptRef ref) const { return directory_ + "/" + ref.text(); }

    std::string directory_;
};

}  // namespace windlass::worker
