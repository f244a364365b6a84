// What GET /api/jobs is narrowed to, and where in its order a page goes on. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/problem.h"

namespace windlass::api {

struct Call;

// Inclusive at both ends.
struct NumberRange {
    std::int64_t from = 0;
    std::int64_t to = std::numeric_limits<std::int64_t>::max();
    bool everything() const { return from <= 0 && to == std::numeric_limits<std::int64_t>::max(); }
    bool contains(std::int64_t number) const { return from <= number && number <= to; }
};

enum class MonitoredFrom { anywhere, clusters, own };

// What is absent does not narrow.
struct MonitoredFilter {
    MonitoredFrom from = MonitoredFrom::anywhere;
    std::optional<std::int64_t> user_id;
    std::optional<std::int64_t> group_id;
    std::string user_name;
    std::string group_name;
    std::string partition;
    std::optional<bool> running;
    NumberRange num_nodes, num_tasks, num_gpus;
    NumberRange start_s;
    std::vector<std::int64_t> tags;  // all of them, each once, ascending
};

// The order of the list: StartTime descending, Id descending, then the cluster's name. What comes after a position is
// what the next page begins with.
struct ListPosition {
    std::int64_t start_s = std::numeric_limits<std::int64_t>::max();
    std::int64_t id = std::numeric_limits<std::int64_t>::max();
    std::string cluster;

    // "1700000000.4711.cluster"
    std::string text() const;
    static std::optional<ListPosition> parse(std::string_view text);
};

struct MonitoredQuery {
    MonitoredFilter filter;
    std::optional<int> limit;  // none: everything
    ListPosition after;
};

inline constexpr std::array<std::string_view, 14> monitored_list_parameters = {
    "Source",   "UserId",   "GroupId", "UserName", "GroupName", "Partition", "IsRunning",
    "NumNodes", "NumTasks", "NumGpus", "Time",     "Tags",      "limit",     "cursor"};

// 400 with the parameter. An empty parameter is as good as none.
OrProblem<MonitoredQuery> parse_monitored_query(const Call& call);

}  // namespace windlass::api
