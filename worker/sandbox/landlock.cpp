#include "worker/sandbox/landlock.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace windlass::worker {
namespace {

enum Right : std::uint64_t {
    execute = 1U << 0U,
    write_file = 1U << 1U,
    read_file = 1U << 2U,
    read_directory = 1U << 3U,
    make_character_device = 1U << 6U,
    make_block_device = 1U << 11U,
    all_of_abi_1 = (1U << 13U) - 1,
    refer = 1U << 13U,          // ABI 2: link and rename between directories
    truncate_file = 1U << 14U,  // ABI 3
    device_ioctl = 1U << 15U,   // ABI 5
};

}  // namespace

int landlock_abi() {
    const long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, 1U /* version */);
    return abi > 0 ? static_cast<int>(abi) : 0;
}

LandlockRights landlock_rights(int abi) {
    LandlockRights rights;
    rights.governed = all_of_abi_1;
    if (abi >= 2) rights.governed |= refer;
    if (abi >= 3) rights.governed |= truncate_file;
    if (abi >= 5) rights.governed |= device_ioctl;
    rights.execute_file = execute | read_file;
    rights.read_and_execute = execute | read_file | read_directory;
    rights.own_directory = rights.governed & ~std::uint64_t{make_character_device | make_block_device | device_ioctl};
    rights.use_device = read_file | write_file | truncate_file | device_ioctl;
    if (abi >= 4) rights.network = 3;
    if (abi >= 6) rights.scopes = 3;
    rights.attribute_size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    return rights;
}

}  // namespace windlass::worker
