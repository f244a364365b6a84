#include "api/batch_dependencies.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace windlass::api {
namespace {

using Items = std::vector<OrProblem<SubmittedJob>>;
constexpr std::size_t ambiguous = static_cast<std::size_t>(-1);

Problem refusal(std::size_t entry, std::string detail) {
    Problem problem = make_problem(422, "");
    problem.errors.push_back({fmt::format("/after/{}", entry), std::move(detail)});
    problem.detail = fmt::format("{}: {}", problem.errors[0].pointer, problem.errors[0].detail);
    return problem;
}

// Name to number of the item. Bad items have none: what they were called is not known for sure.
std::unordered_map<std::string_view, std::size_t> named_items(const Items& items) {
    std::unordered_map<std::string_view, std::size_t> names;
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (!items[i].ok() || items[i].value().spec.name.empty()) continue;
        const auto [entry, fresh] = names.emplace(items[i].value().spec.name, i);
        if (!fresh) entry->second = ambiguous;
    }
    return names;
}

std::optional<std::string> fault_of(const SubmittedDependency& dependency, std::size_t item, bool any_bad,
                                    const std::unordered_map<std::string_view, std::size_t>& names) {
    const auto found = names.find(dependency.name);
    if (found == names.end())
        return fmt::format("no {}item of this batch is named \"{}\"", any_bad ? "good " : "", dependency.name);
    if (found->second == ambiguous)
        return fmt::format("more than one item of this batch is named \"{}\"", dependency.name);
    if (found->second == item) return "a job cannot wait for itself";
    return std::nullopt;
}

// "a" -> "b" -> "a": who waits for whom.
std::string circle(const Items& items, const std::vector<std::size_t>& members) {
    constexpr std::size_t most = 10;
    std::string text;
    for (std::size_t i = 0; i < std::min(members.size(), most); ++i)
        text += fmt::format("\"{}\" waits for ", items[members[i]].value().spec.name);
    if (members.size() > most) text += fmt::format("… ({} more) which wait for ", members.size() - most);
    return text + fmt::format("\"{}\"", items[members.front()].value().spec.name);
}

// Walks on from `start` along first unfinished dependencies until it meets itself. All of `left` has such a one.
std::vector<std::size_t> find_circle(std::size_t start, const DependencyIndexes& indexes,
                                     const std::vector<std::size_t>& open) {
    std::vector<std::size_t> path;
    std::unordered_map<std::size_t, std::size_t> place;
    std::size_t at = start;
    while (!place.contains(at)) {
        place.emplace(at, path.size());
        path.push_back(at);
        for (const auto& next : indexes[at])
            if (next && open[*next] > 0) {
                at = *next;
                break;
            }
    }
    path.erase(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(place[at]));
    return path;
}

std::size_t entry_of(const std::vector<std::optional<std::size_t>>& entries, std::size_t item) {
    return static_cast<std::size_t>(std::find(entries.begin(), entries.end(), std::optional(item)) - entries.begin());
}

// Kahn's order (Commun. ACM 5(11), 1962): what cannot be put into it stands in a circle or behind one.
void refuse_circles(Items& items, const DependencyIndexes& indexes) {
    std::vector<std::size_t> open(items.size(), 0);  // dependencies that are not in the order yet
    std::vector<std::vector<std::size_t>> behind(items.size());
    for (std::size_t i = 0; i < items.size(); ++i)
        for (const auto& on : indexes[i])
            if (on && items[i].ok()) {
                ++open[i];
                behind[*on].push_back(i);
            }
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < items.size(); ++i)
        if (open[i] == 0) ready.push_back(i);
    std::size_t ordered = 0;
    while (ordered < ready.size())
        for (const std::size_t next : behind[ready[ordered++]])
            if (--open[next] == 0) ready.push_back(next);
    if (ordered == items.size()) return;

    const auto first = static_cast<std::size_t>(
        std::find_if(open.begin(), open.end(), [](std::size_t left) { return left > 0; }) - open.begin());
    const auto members = find_circle(first, indexes, open);
    const std::string text = "goes round in a circle: " + circle(items, members);
    // Names are gone once an item is a problem, so the text was made first.
    for (std::size_t i = 0; i < members.size(); ++i)
        items[members[i]] = refusal(entry_of(indexes[members[i]], members[(i + 1) % members.size()]), text);
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (open[i] == 0 || !items[i].ok()) continue;
        const auto on = std::find_if(indexes[i].begin(), indexes[i].end(),
                                     [&](const auto& next) { return next && open[*next] > 0; });
        items[i] = refusal(static_cast<std::size_t>(on - indexes[i].begin()),
                           "waits, directly or not, for items that go round in a circle");
    }
}

}  // namespace

DependencyIndexes resolve_names(Items& items) {
    DependencyIndexes indexes(items.size());
    const bool any_bad = std::any_of(items.begin(), items.end(), [](const auto& item) { return !item.ok(); });
    bool any_named = false;
    std::vector<std::pair<std::size_t, Problem>> refused;  // put in place once nobody looks at names any more
    {
        const auto names = named_items(items);
        for (std::size_t i = 0; i < items.size(); ++i) {
            if (!items[i].ok()) continue;
            const auto& after = items[i].value().after;
            for (std::size_t entry = 0; entry < after.size(); ++entry) {
                auto& index = indexes[i].emplace_back();
                if (after[entry].job) continue;
                any_named = true;
                if (auto fault = fault_of(after[entry], i, any_bad, names)) {
                    refused.emplace_back(i, refusal(entry, *std::move(fault)));
                    break;
                }
                index = names.find(after[entry].name)->second;
            }
        }
    }
    if (!any_named) return indexes;
    for (auto& [item, problem] : refused) {
        items[item] = std::move(problem);
    }
    refuse_circles(items, indexes);
    refuse_dependants(items, indexes);
    return indexes;
}

void refuse_dependants(Items& items, const DependencyIndexes& indexes) {
    std::vector<std::vector<std::size_t>> behind(items.size());
    std::vector<std::size_t> bad;
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (!items[i].ok()) {
            bad.push_back(i);
            continue;
        }
        for (const auto& on : indexes[i])
            if (on) behind[*on].push_back(i);
    }
    while (!bad.empty()) {
        const std::size_t at = bad.back();
        bad.pop_back();
        for (const std::size_t next : behind[at]) {
            if (!items[next].ok()) continue;
            items[next] = refusal(entry_of(indexes[next], at), fmt::format("waits for item {}, which is not good", at));
            bad.push_back(next);
        }
    }
}

}  // namespace windlass::api
