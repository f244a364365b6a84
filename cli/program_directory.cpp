#include "cli/program_directory.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

namespace windlass::cli {

Result<std::string> sibling_program(const std::string& name) {
    std::error_code failed;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
    if (failed) return make_error(ErrorKind::internal, "finding this program in /proc/self/exe: " + failed.message());
    const std::string path = (self.parent_path() / name).string();
    if (access(path.c_str(), X_OK) != 0)
        return make_error(
            ErrorKind::not_found,
            fmt::format(
                "{} is missing: it belongs beside this program. Build everything with: cmake --build --preset release",
                path));
    return path;
}

}  // namespace windlass::cli
