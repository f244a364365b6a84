// Reading and writing the small files of cgroup directories.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shared/result.h"
#include "worker/file_descriptor.h"

namespace windlass::worker {

FileDescriptor open_file(const std::string& path, int flags);  // errno tells why it is empty
Status write_file(const std::string& path, std::string_view text);
bool write_open(const FileDescriptor& file, std::string_view text);  // from the start of the file
std::string read_open(const FileDescriptor& file);                   // at most 4 KiB from the start
std::string read_small(const std::string& path);                     // likewise; empty if it cannot be read
std::int64_t number_in(std::string_view text);                       // the whole text; "max" and rubbish are 0
// The number behind a key at the start of a line: "oom_kill 3".
std::int64_t value_of(std::string_view text, std::string_view key);

// Kills every process in a group until it is empty (bounded), reading `directory`/cgroup.procs. True: empty.
bool empty_group(const std::string& directory);
Status make_group(const std::string& directory);
// The first of directory.0, directory.1, … from `generation` on that holds no process: a box of a past life that cannot
// be ended keeps its group for ever.
int free_generation(const std::string& directory, int generation);
// Empties and removes a group and the groups in it. True: gone.
bool remove_group(const std::string& directory);
// The same with the groups in it alone, but for some of them.
void remove_groups_in(const std::string& directory, const std::set<std::string>& but);

// Words of a life to the next one, a line each, none of which holds a line feed.
std::string in_lines(const std::vector<std::string>& words);
// No value: not exactly `count` of them.
std::optional<std::vector<std::string>> from_lines(std::string_view lines, std::size_t count);

}  // namespace windlass::worker
