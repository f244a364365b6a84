// Landlock, the second wall behind the mounts: which rights each version of its interface governs
// (Documentation/userspace-api/landlock.rst).
#pragma once

#include <cstdint>

namespace windlass::worker {

int landlock_abi();  // of this kernel; 0: none

struct LandlockRights {
    std::uint64_t governed = 0;          // refused unless granted
    std::uint64_t execute_file = 0;      // read and execute, of a rule for one file
    std::uint64_t read_and_execute = 0;  // of the whole root
    std::uint64_t own_directory = 0;     // everything but device nodes
    std::uint64_t use_device = 0;        // /dev/null and its like
    std::uint64_t network = 0;           // TCP bind and connect: granted nowhere
    std::uint64_t scopes = 0;            // abstract sockets and signals stay within the box
    std::uint32_t attribute_size = 0;
};
LandlockRights landlock_rights(int abi);

}  // namespace windlass::worker
