#include "worker/output_patterns.h"

#include <algorithm>

namespace windlass::worker {
namespace {

constexpr std::string_view any_directories = "**";

std::vector<std::string> names_of(std::string_view pattern) {
    std::vector<std::string> names;
    const auto add = [&names](std::string_view name) {
        const bool again = name == any_directories && !names.empty() && names.back() == any_directories;
        if (!again) names.emplace_back(name);
    };
    std::size_t start = 0;
    for (std::size_t end = pattern.find('/'); end != std::string_view::npos; end = pattern.find('/', start)) {
        add(pattern.substr(start, end - start));
        start = end + 1;
    }
    if (start < pattern.size()) {
        add(pattern.substr(start));
    } else {  // "dir/"
        add(any_directories);
        add("*");
    }
    return names;
}

}  // namespace

OutputPatterns::OutputPatterns(const std::vector<std::string>& patterns) : texts_(patterns) {
    for (const std::string& pattern : patterns) patterns_.push_back(names_of(pattern));
}

// ** may stand for nothing, so what is behind it counts as well.
void OutputPatterns::add(Place& place, std::uint32_t pattern, std::uint32_t at) const {
    const auto& names = patterns_[pattern];
    for (; at < names.size(); ++at) {
        place.emplace_back(pattern, at);
        if (names[at] != any_directories) return;
    }
}

OutputPatterns::Place OutputPatterns::start() const {
    Place place;
    for (std::uint32_t pattern = 0; pattern < patterns_.size(); ++pattern) add(place, pattern, 0);
    return place;
}

OutputPatterns::Place OutputPatterns::below(const Place& place, std::string_view name) {
    Place further;
    for (const auto& [pattern, at] : place) {
        const auto& names = patterns_[pattern];
        if (names[at] == any_directories)
            add(further, pattern, at);
        else if (at + 1 < names.size() && fits(names[at], name))
            add(further, pattern, at + 1);
    }
    std::ranges::sort(further);
    further.erase(std::unique(further.begin(), further.end()), further.end());
    return further;
}

bool OutputPatterns::takes(const Place& place, std::string_view name) {
    return std::ranges::any_of(place, [&](const auto& one) {
        const auto& names = patterns_[one.first];
        // A ** at the end takes whatever is below, at any depth.
        return one.second + 1 == names.size() &&
               (names[one.second] == any_directories || fits(names[one.second], name));
    });
}

bool OutputPatterns::names(std::string_view path) const {
    return std::ranges::any_of(
        texts_, [&](const std::string& text) { return text == path && text.find_first_of("*?") == std::string::npos; });
}

// The greedy match that goes back to the last * only: at most the product of the lengths.
bool OutputPatterns::fits(std::string_view pattern, std::string_view name) {
    std::size_t p = 0;
    std::size_t n = 0;
    std::size_t after_star = std::string_view::npos;
    std::size_t star_took_to = 0;
    while (n < name.size()) {
        if (--steps_left_ < 0) return false;
        if (p < pattern.size() && pattern[p] == '*') {
            after_star = ++p;
            star_took_to = n;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
            ++p;
            ++n;
        } else if (after_star != std::string_view::npos) {
            p = after_star;
            n = ++star_took_to;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

}  // namespace windlass::worker
