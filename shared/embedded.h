// Files that are part of the program: cmake/Embed.cmake puts them there. A list of them is declared where it is used,
//     namespace windlass::embedded { std::span<const File> some_files(); }
// by the name that windlass_embed() was given.
#pragma once

#include <span>
#include <string_view>

namespace windlass::embedded {

struct File {
    std::string_view name;   // without its directories: "jobs.json"
    std::string_view bytes;  // lives as long as the program
};

}  // namespace windlass::embedded
