#include "scheduler/waiting_jobs.h"

#include "shared/result.h"

namespace windlass::scheduler {

void WaitingJobs::insert(ShareIndex share, KindIndex kind, std::int16_t priority, JobId job) {
    if (share >= shares_.size()) shares_.resize(share + 1);
    Share& mine = shares_[share];
    std::set<Place>& lane = mine.lanes[kind];
    const Place place = place_of(priority, job);
    const bool new_head = lane.empty() || place < *lane.begin();
    if (new_head && !lane.empty()) mine.heads.erase({*lane.begin(), kind});
    WINDLASS_CHECK(lane.insert(place).second, "a job was put into the queue twice");
    if (new_head) mine.heads.emplace(place, kind);
    ++mine.size;
    ++size_;
}

void WaitingJobs::erase(ShareIndex share, KindIndex kind, std::int16_t priority, JobId job) {
    Share& mine = shares_[share];
    const auto lane = mine.lanes.find(kind);
    const Place place = place_of(priority, job);
    WINDLASS_CHECK(lane != mine.lanes.end(), "a job was taken out of a queue in which it was not");
    const bool was_head = *lane->second.begin() == place;
    if (was_head) mine.heads.erase({place, kind});
    WINDLASS_CHECK(lane->second.erase(place) == 1, "a job was taken out of a queue in which it was not");
    if (lane->second.empty())
        mine.lanes.erase(lane);
    else if (was_head)
        mine.heads.emplace(*lane->second.begin(), kind);
    --mine.size;
    --size_;
}

bool WaitingJobs::contains(ShareIndex share, KindIndex kind, std::int16_t priority, JobId job) const {
    if (share >= shares_.size()) return false;
    const auto lane = shares_[share].lanes.find(kind);
    return lane != shares_[share].lanes.end() && lane->second.contains(place_of(priority, job));
}

}  // namespace windlass::scheduler
