// The files that a job left, brought here. What they are called was chosen by the job: they stay below the directory
// that a person named, and nothing that is there already is followed or replaced.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "shared/result.h"

namespace windlass::cli {

// The path below `directory`; invalid when `path` is absolute, empty, or leads upwards.
Result<std::filesystem::path> place_of(const std::filesystem::path& directory, std::string_view path);

// Makes the directories above it and writes the file, which must not exist unless `replace`. A symbolic link on the way
// below `directory` is an error: it may lead anywhere.
Status write_result_file(const std::filesystem::path& directory, std::string_view path, std::string_view bytes,
                         bool replace);

}  // namespace windlass::cli
