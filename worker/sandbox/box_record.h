// What is written down about a box while it exists, in a file in memory that the spawner keeps: entries that are only
// ever appended, so that a worker which dies while it writes leaves all that it wrote before. A worker that takes the
// box over reads it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace windlass::worker {

struct RecordEntry {
    char kind = 0;
    std::string text;
    bool operator==(const RecordEntry&) const = default;
};

std::string record_entry(char kind, std::string_view text);
// What stands before a text of so many bytes; kind is not 0.
std::string record_head(char kind, std::size_t bytes);
// What is cut short at the end is left out, and what has no head yet (it is all zeros in a file) with all behind it.
std::vector<RecordEntry> entries_of(std::string_view record);

// Kinds that the sandbox writes; those of whoever uses it are lower-case letters.
inline constexpr char record_box = 'B';     // its number: whatever follows is about that box
inline constexpr char record_groups = 'G';  // the words of its cgroups

}  // namespace windlass::worker
