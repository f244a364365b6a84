// Patterns of a job (worker/output_patterns.h) against paths that it left, and its commands as words
// (worker/simple_command.h). The input is lines: patterns, an empty line, paths. All of it is tried as a command too.
//
// Promises: the walk takes exactly the paths that a plain recursive reading of the patterns takes, and goes down only
// where something can match; the words of a command are its words, in order, and nothing that a shell would read.
#include "worker/output_patterns.h"

#include <algorithm>
#include <map>

#include "tests/fuzz/target.h"
#include "worker/simple_command.h"

namespace windlass::fuzz {
namespace {

using Names = std::vector<std::string>;

Names split(std::string_view text, char separator) {
    Names parts;
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto end = std::min(text.find(separator, begin), text.size());
        parts.emplace_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

// ---- the plain reading, by the words of the header

bool name_fits(std::string_view pattern, std::string_view name) {
    if (pattern.empty()) return name.empty();
    if (pattern.front() == '*')
        return name_fits(pattern.substr(1), name) || (!name.empty() && name_fits(pattern, name.substr(1)));
    return !name.empty() && (pattern.front() == '?' || pattern.front() == name.front()) &&
           name_fits(pattern.substr(1), name.substr(1));
}

bool path_fits(std::span<const std::string> pattern, std::span<const std::string> path) {
    if (pattern.empty()) return path.empty();
    if (pattern.front() == "**") {
        if (pattern.size() == 1) return !path.empty();
        return path_fits(pattern.subspan(1), path) || (!path.empty() && path_fits(pattern, path.subspan(1)));
    }
    return !path.empty() && name_fits(pattern.front(), path.front()) && path_fits(pattern.subspan(1), path.subspan(1));
}

Names names_of(const std::string& pattern) {
    auto names = split(pattern, '/');
    if (names.back().empty()) {  // "dir/": everything below
        names.back() = "**";
        names.emplace_back("*");
    }
    return names;
}

// ---- the walk, as the collector does it

bool walk_takes(worker::OutputPatterns& patterns, std::span<const std::string> path) {
    auto place = patterns.start();
    for (; path.size() > 1; path = path.subspan(1)) {
        if (place.empty()) return false;
        place = patterns.below(place, path.front());
        require(
            std::is_sorted(place.begin(), place.end()) && std::adjacent_find(place.begin(), place.end()) == place.end(),
            "a place is sorted and has nothing twice");
    }
    return patterns.takes(place, path.front());
}

// As the api lets them through (submit_fields.h), and short enough for the plain reading.
bool is_relative(std::string_view path) {
    const auto parts = split(path, '/');
    return path.size() <= 40 && parts.size() <= 8 &&
           std::none_of(parts.begin(), parts.end(), [](const auto& part) { return part.empty(); });
}

void try_command(std::string_view commands) {
    const auto words = worker::simple_command(commands, {{"HOME", "/tmp"}});
    if (!words) return;
    require(!words->empty() && words->size() <= 64 && words->front().starts_with('/'),
            "a command begins with its path");
    std::string joined;
    for (const auto& word : *words) {
        require(word.find_first_of(std::string_view("\0\t\n !\"#$&'()*;<>?[\\]^`{|}~", 26)) == std::string::npos &&
                    !word.empty(),
                "a word is nothing that a shell reads", word);
        joined += word;
    }
    std::string plain(commands);
    std::erase_if(plain, [](char c) { return c == ' ' || c == '\t' || c == '\n'; });
    require(joined == plain, "no byte is lost");
}

}  // namespace

void fuzz_output_patterns(std::string_view input) {
    try_command(input);
    std::vector<std::string> patterns;
    std::vector<std::string> paths;
    auto* list = &patterns;
    for (auto& line : split(input.substr(0, 1000), '\n')) {
        if (line.empty()) {
            list = &paths;
            continue;
        }
        const auto whole = line.size() > 1 && line.ends_with('/') ? line.substr(0, line.size() - 1) : line;
        const bool many_stars = std::count(line.begin(), line.end(), '*') > 6;  // the plain reading goes back for each
        if (list->size() < 8 && is_relative(list == &patterns ? whole : line) && !(list == &patterns && many_stars))
            list->push_back(std::move(line));
    }
    worker::OutputPatterns walk(patterns);
    require(walk.empty() == patterns.empty(), "no patterns are no patterns");
    for (const auto& path : paths) {
        const auto names = split(path, '/');
        const bool fits = std::any_of(patterns.begin(), patterns.end(),
                                      [&](const auto& pattern) { return path_fits(names_of(pattern), names); });
        require(walk_takes(walk, names) == fits, "the walk takes what the patterns say", path);
        require(!walk.names(path) || fits, "what a pattern says exactly is taken", path);
    }
    require(!walk.gave_up(), "few patterns take few steps");
}

}  // namespace windlass::fuzz
