#include "cli/job_words.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <unordered_set>

namespace windlass::cli {
namespace {

std::optional<std::int64_t> number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || failed != std::errc() || end != text.data() + text.size() || value <= 0) return std::nullopt;
    return value;
}

struct Range {
    std::int64_t first = 0, last = 0, step = 1;
};

std::optional<Range> range(std::string_view text) {
    Range found;
    if (const auto colon = text.find(':'); colon != std::string_view::npos) {
        const auto step = number(text.substr(colon + 1));
        if (!step || text.find('-') == std::string_view::npos) return std::nullopt;
        found.step = *step;
        text = text.substr(0, colon);
    }
    const auto dash = text.find('-');
    const auto first = number(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number(text.substr(dash + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    found.first = *first;
    found.last = *last;
    return found;
}

}  // namespace

Result<std::vector<std::string>> job_ids(const std::vector<std::string>& words,
                                         const std::function<Result<std::string>()>& last) {
    std::vector<std::string> ids;
    std::unordered_set<std::string> seen;
    const auto add = [&](std::string id) {
        if (seen.insert(id).second) ids.push_back(std::move(id));
        return ids.size() <= most_jobs;
    };
    const Error too_many =
        make_error(ErrorKind::invalid, fmt::format("these are more than {} jobs; name fewer at once", most_jobs));
    for (const std::string_view word : words) {
        for (std::size_t at = 0; at <= word.size();) {
            const std::size_t end = std::min(word.find(',', at), word.size());
            const std::string_view part = word.substr(at, end - at);
            at = end + 1;
            if (part == "last") {
                WINDLASS_TRY(std::string id, last());
                add(std::move(id));
                continue;
            }
            const auto found = range(part);
            if (!found)
                return make_error(
                    ErrorKind::invalid,
                    fmt::format("\"{}\" names no job: an id, `last`, or ids like 1,3,5-8 or 10-30:5", part));
            if ((found->last - found->first) / found->step >= static_cast<std::int64_t>(most_jobs)) return too_many;
            for (std::int64_t id = found->first; id <= found->last; id += found->step)
                if (!add(std::to_string(id))) return too_many;
        }
    }
    return ids;
}

}  // namespace windlass::cli
