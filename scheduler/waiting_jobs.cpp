#include "scheduler/waiting_jobs.h"

#include "shared/result.h"

namespace windlass::scheduler {

void WaitingJobs::insert(UserIndex user, KindIndex kind, std::int16_t priority, JobId job) {
    if (user >= users_.size()) users_.resize(user + 1);
    User& mine = users_[user];
    std::set<Place>& lane = mine.lanes[kind];
    const Place place = place_of(priority, job);
    const bool new_head = lane.empty() || place < *lane.begin();
    if (new_head && !lane.empty()) mine.heads.erase({*lane.begin(), kind});
    WINDLASS_CHECK(lane.insert(place).second, "a job was put into the queue twice");
    if (new_head) mine.heads.emplace(place, kind);
    ++mine.size;
    ++size_;
}

void WaitingJobs::erase(UserIndex user, KindIndex kind, std::int16_t priority, JobId job) {
    User& mine = users_[user];
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

bool WaitingJobs::contains(UserIndex user, KindIndex kind, std::int16_t priority, JobId job) const {
    if (user >= users_.size()) return false;
    const auto lane = users_[user].lanes.find(kind);
    return lane != users_[user].lanes.end() && lane->second.contains(place_of(priority, job));
}

std::size_t WaitingJobs::ahead_of(UserIndex user, std::int16_t priority, JobId job, std::size_t limit) const {
    std::size_t count = 0;
    if (user >= users_.size()) return count;
    const Place place = place_of(priority, job);
    for (const auto& [head, kind] : users_[user].heads) {
        if (head >= place) break;
        for (const Place other : users_[user].lanes.at(kind)) {
            if (other >= place) break;
            if (++count == limit) return count;
        }
    }
    return count;
}

}  // namespace windlass::scheduler
