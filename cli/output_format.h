// What `--json` and `--quiet` print: a contract with scripts. In the manual and in docs/commands.md.
#pragma once

#include <string_view>

namespace windlass::cli {

// `--json` is `--json=1`. Within a version members are added, never renamed, removed or given another meaning.
inline constexpr std::string_view json_version = "1";

inline constexpr std::string_view json_promise =
    "`--json` is short for `--json=1`, the version described here. Within a version members are added, never renamed, "
    "removed or given another meaning, so pass over those that you do not know. A command that no longer knew the "
    "version asked for would end with 2 and print nothing. Members are those of the answers in docs/api.md.";

struct OutputShape {
    std::string_view words;
    std::string_view json;
    std::string_view quiet;
};
inline constexpr OutputShape output_shapes[] = {
    {"lists: `job list`, `array members`, …",
     "`[{…}, …]`, all pages as one; of images, data sets, courses and classes the object that has it",
     "the id or name of each, a line each"},
    {"one thing: `job show`, `submit`, `queue set`, …", "`{…}`",
     "its id, or what one asks it for (`job show`: status)"},
    {"`job wait`, `job rerun`", "`{…}` for each job, a line each", "nothing; the new ids"},
    {"`run`", "`{…}`: the result, when the job has ended", "what the job prints, nothing else"},
    {"nothing to tell: `pause`, `remove`, `logout`, …", "`{}`", "nothing"},
    {"`login`", "`{\"url\", \"username\"}`", "nothing"},
    {"`blob put`", "`{\"sha256\"}`", "the SHA-256"},
    {"`audit verify`", "`{\"checked\", \"last\"}`", "NUMBER:HASH"},
    {"`init`", "`{\"changed\": […], \"next\": […]}`", "nothing"},
    {"`doctor`", "`{\"version\", \"ok\", \"findings\": [{\"about\", \"result\", \"text\", \"fix\"}]}`",
     "what is not well"},
    {"`job log`, `man`, `completion`, `dev`", "the same as without", "the same as without"},
    {"a failure", "`{\"error\": {\"message\", \"exit_code\"}}` as the last line; the sentence on standard error",
     "the sentence on standard error"},
};

}  // namespace windlass::cli
