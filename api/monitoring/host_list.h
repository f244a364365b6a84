// Lists of hosts as Slurm writes them, "node[01-04,7],login1" or "rack[1-2]n[1-3]", and as this family writes them,
// with "|" between names. (The format: Slurm's scontrol(1), "show hostnames".) Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "shared/result.h"

namespace windlass::api {

inline constexpr std::size_t most_hosts = 65'536;  // as many nodes as Slurm allows in a cluster
inline constexpr std::size_t longest_host_list = 1024 * 1024;

// Every host, in the order written. Numbers keep the width that their range begins with. Bounded: what would be more
// than most_hosts, or longer than longest_host_list, is refused before it is made.
//   invalid  it is no such list, or too long a one
Result<std::vector<std::string>> expand_host_list(std::string_view text);

std::string joined_hosts(const std::vector<std::string>& hosts);  // with "|" between

}  // namespace windlass::api
