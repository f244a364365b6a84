// What the machine can do at best, measured beside what we do on it.
#pragma once

#include <string>

namespace windlass::bench {

// Of 4 KiB, in a file in this directory.
double fdatasync_per_second(const std::string& directory);

}  // namespace windlass::bench
