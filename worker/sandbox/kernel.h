// Layouts of the kernel's interface that Debian 12's headers lack or hold only in part (uapi/linux/landlock.h,
// mount.h).
#pragma once

#include <cstdint>

namespace windlass::worker {

struct MountAttributes {  // struct mount_attr
    std::uint64_t set = 0;
    std::uint64_t clear = 0;
    std::uint64_t propagation = 0;
    std::uint64_t user_namespace_fd = 0;
};

struct LandlockRuleset {  // struct landlock_ruleset_attr: 8 bytes up to ABI 3, 16 from 4 (network), 24 from 6 (scopes)
    std::uint64_t file_system = 0;
    std::uint64_t network = 0;
    std::uint64_t scopes = 0;
};

struct LandlockPath {  // struct landlock_path_beneath_attr
    std::uint64_t rights = 0;
    std::int32_t fd = -1;
} __attribute__((packed));

}  // namespace windlass::worker
