#include "api/monitoring/job_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/call.h"
#include "api/whole_number.h"

namespace windlass::api {
namespace {

constexpr int most_per_page = 1'000;
constexpr std::size_t most_tags = 50;

// Collects the first fault, so that each parameter is one line below.
class Parameters {
  public:
    explicit Parameters(const Call& call) : call_(call) {}

    std::optional<std::int64_t> number(std::string_view name) {
        const auto text = call_.query(name);
        if (text.empty()) return std::nullopt;
        const auto value = whole_number(text);
        if (!value) bad(name, "must be a whole number");
        return value;
    }
    std::string text(std::string_view name) {
        const auto value = call_.query(name);
        if (!is_valid_utf8(value) || value.find('\0') != std::string_view::npos) bad(name, "must be text (UTF-8)");
        return std::string(value);
    }
    std::optional<bool> truth(std::string_view name) {
        const auto value = call_.query(name);
        if (value.empty()) return std::nullopt;
        if (value != "true" && value != "false") bad(name, "must be true or false");
        return value == "true";
    }
    MonitoredFrom source(std::string_view name) {
        const auto value = call_.query(name);
        if (value == "clusters") return MonitoredFrom::clusters;
        if (value == "windlass") return MonitoredFrom::own;
        if (!value.empty()) bad(name, "must be clusters or windlass");
        return MonitoredFrom::anywhere;
    }
    NumberRange range(std::string_view name) {
        NumberRange range;
        const auto value = call_.query(name);
        if (value.empty()) return range;
        const auto comma = value.find(',');
        const auto side = [&](std::string_view text, std::int64_t otherwise) {
            if (text.empty()) return otherwise;
            const auto limit = whole_number(text);
            if (!limit) bad(name, "must be \"from,to\", two whole numbers; either may be left out");
            return limit.value_or(otherwise);
        };
        if (comma == std::string_view::npos) {
            bad(name, "must be \"from,to\"");
            return range;
        }
        range.from = side(value.substr(0, comma), range.from);
        range.to = side(value.substr(comma + 1), range.to);
        return range;
    }
    std::vector<std::int64_t> numbers(std::string_view name) {
        std::vector<std::int64_t> list;
        auto value = call_.query(name);
        while (!value.empty()) {
            const auto comma = value.find(',');
            const auto one = whole_number(value.substr(0, comma));
            if (!one || list.size() >= most_tags || (comma != std::string_view::npos && comma + 1 == value.size())) {
                bad(name, fmt::format("must be a list of at most {} numbers with commas between", most_tags));
                return {};
            }
            list.push_back(*one);
            if (comma == std::string_view::npos) break;
            value.remove_prefix(comma + 1);
        }
        std::sort(list.begin(), list.end());
        list.erase(std::unique(list.begin(), list.end()), list.end());
        return list;
    }
    void bad(std::string_view name, std::string_view what) {
        if (!fault_) fault_ = bad_field(fmt::format("?{}", name), fmt::format("{} {}.", name, what));
    }
    const std::optional<Problem>& fault() const { return fault_; }

  private:
    const Call& call_;
    std::optional<Problem> fault_;
};

}  // namespace

std::string ListPosition::text() const {
    return fmt::format("{}.{}.{}", start_s, id, cluster);
}

std::optional<ListPosition> ListPosition::parse(std::string_view text) {
    const auto first = text.find('.');
    if (first == std::string_view::npos) return std::nullopt;
    const auto second = text.find('.', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    const auto start = whole_number(text.substr(0, first));
    const auto id = whole_number(text.substr(first + 1, second - first - 1));
    const auto cluster = text.substr(second + 1);
    if (!start || !id || !is_valid_utf8(cluster) || cluster.find('\0') != std::string_view::npos) return std::nullopt;
    return ListPosition{*start, *id, std::string(cluster)};
}

OrProblem<MonitoredQuery> parse_monitored_query(const Call& call) {
    Parameters parameters(call);
    MonitoredQuery query;
    MonitoredFilter& filter = query.filter;
    filter.from = parameters.source("Source");
    filter.user_id = parameters.number("UserId");
    filter.group_id = parameters.number("GroupId");
    filter.user_name = parameters.text("UserName");
    filter.group_name = parameters.text("GroupName");
    filter.partition = parameters.text("Partition");
    filter.running = parameters.truth("IsRunning");
    filter.num_nodes = parameters.range("NumNodes");
    filter.num_tasks = parameters.range("NumTasks");
    filter.num_gpus = parameters.range("NumGpus");
    filter.start_s = parameters.range("Time");
    filter.tags = parameters.numbers("Tags");
    if (const auto limit = parameters.number("limit")) {
        if (*limit < 1 || *limit > most_per_page)
            parameters.bad("limit", fmt::format("must be from 1 to {}", most_per_page));
        else
            query.limit = static_cast<int>(*limit);
    }
    if (const auto cursor = call.query("cursor"); !cursor.empty()) {
        if (auto position = ListPosition::parse(cursor))
            query.after = std::move(*position);
        else
            parameters.bad("cursor", "must be one from a Link header of this list");
    }
    if (parameters.fault()) return *parameters.fault();
    return query;
}

}  // namespace windlass::api
