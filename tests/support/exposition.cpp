#include "tests/support/exposition.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <regex>
#include <sstream>

#include "tests/support/temporary_directory.h"

namespace windlass::test {
namespace {

const std::regex metadata(R"(# (HELP|TYPE) ([a-z_][a-z0-9_]*) (.+))");
const std::regex sample(
    R"xx(([a-z_][a-z0-9_]*)(\{([a-z_][a-z0-9_]*="([^"\\\n]|\\["\\n])*"(,[a-z_][a-z0-9_]*="([^"\\\n]|\\["\\n])*")*)?\})? (\S+))xx");

bool ends_with(const std::string& text, std::string_view end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// The family that a sample of this name belongs to.
std::string family_of(const Exposition& all, const std::string& name) {
    if (all.families.contains(name)) return name;
    for (const char* part : {"_bucket", "_sum", "_count"}) {
        if (!ends_with(name, part)) continue;
        const std::string whole = name.substr(0, name.size() - std::string_view(part).size());
        const auto family = all.families.find(whole);
        if (family != all.families.end() && family->second.type == "histogram") return whole;
    }
    return "";
}

void check_histograms(Exposition& all) {
    std::map<std::string, std::pair<double, double>> last;  // of the buckets, by the labels beside `le`
    const std::regex le(R"xx(,?le="([^"]*)")xx");
    std::map<std::string, std::map<double, double>> buckets;
    for (const auto& [key, value] : all.samples) {
        std::smatch bound;
        if (key.find("_bucket{") == std::string::npos || !std::regex_search(key, bound, le)) continue;
        buckets[std::regex_replace(key, le, "")][bound[1] == "+Inf" ? HUGE_VAL : std::stod(bound[1])] = value;
    }
    for (const auto& [series, by_bound] : buckets) {
        double before = 0;
        for (const auto& [bound, count] : by_bound) {
            if (count < before) all.faults.push_back(series + ": buckets must not fall");
            before = count;
        }
        if (!std::isinf(by_bound.rbegin()->first)) all.faults.push_back(series + ": there is no bucket +Inf");
    }
}

}  // namespace

std::set<std::string> Exposition::names() const {
    std::set<std::string> all;
    for (const auto& [key, value] : samples) all.insert(key.substr(0, key.find('{')));
    return all;
}

Exposition read_exposition(std::string_view text) {
    Exposition all;
    if (text.empty() || text.back() != '\n') all.faults.push_back("the last line has no end");
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        std::smatch parts;
        if (std::regex_match(line, parts, metadata)) {
            auto& family = all.families[parts[2]];
            auto& place = parts[1] == "HELP" ? family.help : family.type;
            if (!place.empty()) all.faults.push_back("twice: " + line);
            place = parts[3];
            continue;
        }
        if (!std::regex_match(line, parts, sample)) {
            all.faults.push_back("no line of the format: " + line);
            continue;
        }
        const std::string family = family_of(all, parts[1]);
        if (family.empty()) all.faults.push_back("no family: " + line);
        char* end = nullptr;
        const std::string number = parts[7];
        const double value = std::strtod(number.c_str(), &end);
        if (*end != 0) all.faults.push_back("no number: " + line);
        if (!all.samples.emplace(line.substr(0, line.rfind(' ')), value).second) all.faults.push_back("twice: " + line);
    }
    for (const auto& [name, family] : all.families) {
        if (family.help.empty()) all.faults.push_back(name + " has no HELP");
        if (family.type != "gauge" && family.type != "counter" && family.type != "histogram")
            all.faults.push_back(name + " has no TYPE that we use");
        if ((family.type == "counter") != ends_with(name, "_total"))
            all.faults.push_back(name + ": counters end in _total, and nothing else does");
        if (family.type == "histogram" && !ends_with(name, "_seconds"))
            all.faults.push_back(name + ": a histogram of ours counts seconds, and says so");
        for (const char* unit : {"_ms", "_us", "_millis", "_minutes", "_kib", "_mb", "_kilobytes"})
            if (name.find(unit) != std::string::npos) all.faults.push_back(name + " is in no base unit");
    }
    check_histograms(all);
    return all;
}

std::string complaints_of_promtool(const std::string& text) {
    if (std::system("command -v promtool >/dev/null") != 0) return "";
    const TemporaryDirectory directory;
    const std::string file = directory.path() + "/figures";
    if (std::FILE* out = std::fopen(file.c_str(), "we")) {
        std::fwrite(text.data(), 1, text.size(), out);
        std::fclose(out);
    }
    std::string said;
    std::FILE* pipe = popen(fmt::format("promtool check metrics <{} 2>&1; echo end $?", file).c_str(), "re");
    char bytes[4096];
    while (pipe != nullptr && std::fgets(bytes, sizeof bytes, pipe) != nullptr) said += bytes;
    if (pipe != nullptr) pclose(pipe);
    return said == "end 0\n" ? "" : said;
}

}  // namespace windlass::test
