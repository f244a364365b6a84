// Directory trees that strangers filled: counted, copied, made harmless, removed. Everything goes by descriptor and
// follows no link, so that what is in a tree can lead nowhere outside of it. Blocking.
#pragma once

#include <cstdint>
#include <string>

#include "shared/result.h"
#include "worker/file_descriptor.h"

namespace windlass::worker {

struct TreeLimits {
    std::int64_t bytes = 0;
    std::int64_t files = 0;  // and directories, links
};
struct TreeSize {
    std::int64_t bytes = 0;  // as they lie on the disk
    std::int64_t files = 0;
};

Result<FileDescriptor> open_directory(const std::string& path);

// Stops early, with more than the limits allow, when there is more. What vanishes meanwhile is not counted.
TreeSize measure_tree(int directory, const TreeLimits& limits);
// The sentence that says which limit is passed; empty: none.
std::string beyond(const TreeSize& size, const TreeLimits& limits);

// Regular files, directories and links of `from` into the empty `to`. Sockets, pipes and devices are left out. The
// result is the same for the same tree: a SHA-256 (hex) over names, permissions and contents.
Result<std::string> copy_tree(int from, int to, const TreeLimits& limits);

// What an image may be: all of it ours (as root: root's; rootless it is already), no setuid or setgid bits, no extended
// attributes, nothing but files, directories and links, all of it readable by its owner.
Status make_harmless(int directory);

// As much of /`path` inside `root` as is missing, links resolved inside `root` (WorkingDir of an image). A failure is
// no failure of the import: the job is told that it cannot enter.
void make_path_inside(int root, const std::string& path);
// A regular file of at most `most` bytes inside `root`, links resolved there; empty if there is none.
std::string read_inside(int root, const std::string& path, std::size_t most);

// Everything below the directory `name` of `parent`, and that directory. Gone is also good.
Status remove_tree(int parent, const std::string& name);

}  // namespace windlass::worker
