// A site that was restored from a backup must not meet its own future: workers that still run what was leased after the
// backup, results that wait on their disks, ids that were given out and are forgotten. Each restore begins a new
// generation, and nothing of one generation is mistaken for anything of another:
//   epochs    of generation g begin at g million; a scheduler of the past is deposed
//   attempts  are numbered above g million, so whatever an older worker holds or reports is stale
//   job ids   go on a thousand million higher
#pragma once

#include <cstdint>

#include "shared/ids.h"

namespace windlass::scheduler {

inline constexpr std::int64_t generation_size = 1'000'000;  // starts of a scheduler, attempts of a job
inline constexpr std::int64_t job_ids_left_out = 1'000'000'000;

// The attempts that are leased under this epoch have higher numbers.
constexpr AttemptNumber attempts_after(std::int64_t epoch) {
    return static_cast<AttemptNumber>(epoch / generation_size * generation_size);
}

}  // namespace windlass::scheduler
