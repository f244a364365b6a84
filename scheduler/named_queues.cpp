#include "scheduler/named_queues.h"

#include <algorithm>
#include <cmath>

namespace windlass::scheduler {

namespace {

constexpr double newest_counts = 0.1;

}  // namespace

void NamedQueue::note_wall(Microseconds wall) {
    const double us = std::max(0.0, static_cast<double>(wall.count()));
    mean_wall_us = wall_known ? mean_wall_us + newest_counts * (us - mean_wall_us) : us;
    wall_known = true;
}

NamedQueues::NamedQueues() {
    QueueConfig config;
    config.name = std::string(default_queue);
    configure(config);
}

QueueIndex NamedQueues::configure(const QueueConfig& config) {
    const auto [place, is_new] = by_name_.try_emplace(config.name, size());
    if (is_new) queues_.emplace_back();
    NamedQueue& queue = queues_[place->second];
    queue.config = config;
    queue.exists = true;
    return place->second;
}

std::optional<QueueIndex> NamedQueues::find(const std::string& name) const {
    const auto found = by_name_.find(name);
    if (found == by_name_.end() || !queues_[found->second].exists) return std::nullopt;
    return found->second;
}

std::vector<QueueView> NamedQueues::views() const {
    std::vector<QueueView> views;
    for (const auto& [name, index] : by_name_) {
        const NamedQueue& queue = queues_[index];
        if (!queue.exists) continue;
        views.push_back({queue.config, static_cast<std::size_t>(queue.queued), static_cast<std::size_t>(queue.leased)});
    }
    return views;
}

std::string wrong_with(const QueueConfig& config) {
    if (config.name.empty()) return "A queue needs a name.";
    if (!(config.weight > 0) || !std::isfinite(config.weight)) return "The weight of a queue is a number above 0.";
    if (config.max_running && *config.max_running < 0) return "max_running is 0 or more, or no limit at all.";
    return {};
}

}  // namespace windlass::scheduler
