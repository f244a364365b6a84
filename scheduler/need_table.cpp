#include "scheduler/need_table.h"

#include "shared/result.h"

namespace windlass::scheduler {

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
    kinds_[kind] = Kind{need, 1, 0};
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
