// What an attempt has on the directory that this machine and Slurm's nodes share: made before sbatch is called, read
// while the job runs, emptied and removed when its result is safe.
//
//     <directory>/<identity>/<job>.<attempt>/    root, 0711: the job can neither rename nor replace what is in it
//         script, start                          root; start for the job's group alone: the job's environment is in it
//         stdout, stderr                         the job's, 0600: made here, so that they are files and no links
//         work/                                  the job's, 0700: code, data, input files, out/
//
// Every job runs as the same user, so every job can read what is the job's: what keeps them apart is Slurm's node, not
// we (docs/slurm-engine.md). All functions wait for the disk: none is for the loop's thread.
#pragma once

#include <cstdint>
#include <string>

#include "shared/result.h"
#include "worker/images/tree.h"
#include "worker/result_collector.h"
#include "worker/sandbox/sandbox.h"
#include "worker/slurm/words.h"

namespace windlass::worker::slurm {

// The part above, once at the start. denied: it is not ours alone to write to.
Status make_site_directory(const Site& site);

// From nothing: what a former try left is removed first.
Status make_attempt_directory(const Site& site, AttemptRef ref, const BoxSpec& box);

// The next bytes of a stream from `offset` on, at most `most`. Nothing: there are none yet, or it cannot be read.
std::string read_output(const Site& site, AttemptRef ref, OutputStream stream, std::int64_t offset, std::size_t most);

// What lies in work/; nothing, when it cannot be opened.
TreeSize measure_work(const Site& site, AttemptRef ref, const TreeLimits& limits);

CollectedFiles collect_work(const Site& site, AttemptRef ref, const CollectLimits& limits, const CollectBeside& beside);

void remove_attempt_directory(const Site& site, AttemptRef ref);

}  // namespace windlass::worker::slurm
