#include "scheduler/need_table.h"

#include "shared/result.h"

namespace windlass::scheduler {

std::size_t NeedTable::Hash::operator()(const Need& need) const noexcept {
    constexpr std::size_t spread = 0x9E3779B97F4A7C15ULL;
    std::size_t hash =
        std::hash<std::int64_t>{}(need.memory_bytes) ^ (static_cast<std::size_t>(need.cpu_millis) * spread);
    for (const auto& [resource, count] : need.resources)
        hash = (hash ^ std::hash<std::string>{}(resource) ^ static_cast<std::size_t>(count)) * spread;
    for (const auto& [label, value] : need.labels)
        hash = (hash ^ std::hash<std::string>{}(label)) * spread ^ std::hash<std::string>{}(value);
    return hash;
}

KindIndex NeedTable::add(const Need& need) {
    if (const auto found = index_.find(need); found != index_.end()) {
        ++kinds_[found->second].jobs;
        return found->second;
    }
    KindIndex kind = 0;
    if (free_.empty()) {
        kind = static_cast<KindIndex>(kinds_.size());
        kinds_.emplace_back();
    } else {
        kind = free_.back();
        free_.pop_back();
    }
    kinds_[kind] = Kind{need, 1, 0, std::nullopt};
    index_.emplace(need, kind);
    return kind;
}

void NeedTable::remove(KindIndex kind) {
    WINDLASS_CHECK(kind < kinds_.size() && kinds_[kind].jobs > 0,
                   "a kind of job is removed more often than it was added");
    if (--kinds_[kind].jobs > 0) return;
    index_.erase(kinds_[kind].need);
    free_.push_back(kind);
}

}  // namespace windlass::scheduler
