// What jobs use of GPUs, by the tool of their vendor: nvidia-smi, or a program that answers its two questions alike.
//
//   --query-gpu=uuid,utilization.gpu --format=csv,noheader,nounits             GPU-3f…, 87
//   --query-compute-apps=gpu_uuid,pid,used_memory --format=csv,noheader,nounits  GPU-3f…, 4711, 1024   (MiB)
//
// The tool is run with no right that it does not need: as user and group 65534 where we are root (setpriv), without
// new privileges, with an empty environment but for PATH and LANG, its input and errors at /dev/null; what it says is
// read up to 256 KiB and for five seconds, then it is killed.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/result.h"

namespace windlass::worker {

struct GpuProcess {
    std::string gpu;
    pid_t pid = 0;  // as this machine numbers processes
    std::int64_t memory_bytes = 0;

    bool operator==(const GpuProcess&) const = default;
};
struct GpuReading {
    std::vector<std::pair<std::string, double>> utilization;  // of each GPU, percent
    std::vector<GpuProcess> processes;
};

// Where a tool of this name is: itself if it is a path, else looked for in PATH. Empty: nowhere, or no name.
std::string find_tool(const std::string& name);

// Asks both questions. Blocks: not for the loop.
Result<GpuReading> ask_gpu_tool(const std::string& path);

// Pure. Lines that are not understood ("[N/A]") are passed over.
std::vector<std::pair<std::string, double>> parse_utilization(std::string_view csv);
std::vector<GpuProcess> parse_gpu_processes(std::string_view csv);

}  // namespace windlass::worker
