// readdir(3) on a stream that closes itself.
#pragma once

#include <dirent.h>

#include <memory>
#include <string_view>

namespace windlass::worker {

struct CloseDirectory {
    void operator()(DIR* stream) const { closedir(stream); }
};
using DirectoryStream = std::unique_ptr<DIR, CloseDirectory>;

// The directory itself and the one above, which readdir(3) lists too.
inline bool is_dots(std::string_view name) {
    return name == "." || name == "..";
}

}  // namespace windlass::worker
