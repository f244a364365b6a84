// Everything below a directory that others use at the same time: what vanishes meanwhile, or may not be looked into, is
// passed over. (A recursive_directory_iterator is at its end then, wherever it was.)
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace windlass::test {

inline void add_files_below(const std::filesystem::path& directory, std::vector<std::string>& found) {
    std::error_code failed;
    std::vector<std::filesystem::directory_entry> entries;
    for (std::filesystem::directory_iterator at(directory, failed), end; !failed && at != end; at.increment(failed))
        entries.push_back(*at);
    for (const auto& entry : entries) {
        found.push_back(entry.path().string());
        std::error_code gone;
        if (std::filesystem::is_directory(entry.symlink_status(gone)) && !gone) add_files_below(entry.path(), found);
    }
}

// Links are not followed.
inline std::vector<std::string> files_below(const std::filesystem::path& directory) {
    std::vector<std::string> found;
    add_files_below(directory, found);
    return found;
}

}  // namespace windlass::test
