// Whether this machine can give a box another root (an image): what `windlass-worker --check` says about it. Tries it
// in a child, which takes everything with it.
#pragma once

#include <string>

namespace windlass::worker {

struct OtherRoots {
    std::string why_no_overlay;  // empty: jobs with an image can run
    std::string why_no_id_map;   // empty: what is in an image belongs to the job (rootless: it does anyway)
};
// `directory`: on the file system where the images lie, or will lie.
OtherRoots examine_other_roots(const std::string& directory);

}  // namespace windlass::worker
