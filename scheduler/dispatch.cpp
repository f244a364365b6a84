// Who is next, and where. Users in the order of fair share, the jobs of a user in the user's own order, and for a job
// the worker with the most free cpu. A job that fits nowhere is passed over.
//
// One turn passes over a bounded number of users. Should it end there, the next turn (a timer that is due at once) goes
// on behind the last one looked at, and a change meanwhile means one more round afterwards, not a start from the
// beginning: so everybody is reached, however many others wait for more room than there is.
#include <utility>

#include "scheduler/queue.h"
#include "shared/result.h"

namespace windlass::scheduler {

namespace {

constexpr int users_passed_over_per_turn = 64;

}  // namespace

void Queue::want_scan() {
    if (scan_.wanted && scan_.position) scan_.again = true;
    scan_.wanted = true;
}

std::optional<WorkerTable::Place> Queue::place_for(KindIndex kind) {
    if (needs_.fits_nowhere(kind, workers_.room_grew())) return std::nullopt;
    const std::optional<WorkerTable::Place> place = workers_.place_for(needs_[kind]);
    if (!place) needs_.note_fits_nowhere(kind, workers_.room_grew());
    return place;
}

// Leases the user's first job that fits. False when none does.
bool Queue::dispatch_one_of(UserIndex user) {
    std::optional<WorkerTable::Place> place;
    const auto fits = [&](KindIndex kind) {
        place = place_for(kind);
        return place.has_value();
    };
    const std::optional<WaitingJobs::Candidate> next = waiting_.first(user, fits);
    if (!next) return false;
    const Need need = needs_[next->kind];
    move(next->job, {.what = JobMove::lease, .to = JobState::starting, .worker = place->worker});
    workers_.take(*place, next->job, need);
    effects_.push_back(SendLease{place->worker, {next->job, jobs_.find(next->job)->attempt}});
    return true;
}

void Queue::dispatch() {
    if (scan_.room_seen != workers_.room_grew()) {
        scan_.room_seen = workers_.room_grew();
        want_scan();
    }
    int passed_over = 0;
    while (scan_.wanted) {
        if (workers_.full()) {  // the common end: every slot is taken
            scan_.wanted = scan_.again = false;
            scan_.position.reset();
            return;
        }
        const std::optional<FairShare::Place> user =
            scan_.position ? fair_.first_after(*scan_.position) : fair_.first();
        if (!user) {  // the end of the line
            scan_.wanted = std::exchange(scan_.again, false);
            scan_.position.reset();
            continue;
        }
        // Room only shrinks during a scan: who was passed over stays passed over, so the position never goes back.
        if (dispatch_one_of(user->user)) continue;
        scan_.position = user;
        if (++passed_over == users_passed_over_per_turn) return;
    }
}

std::optional<SteadyTime> Queue::next_timer() const {
    if (scan_.wanted) return now_.steady;
    return leases_.earliest();
}

void Queue::arm_timer() {
    const std::optional<SteadyTime> due = next_timer();
    // A timer that rings too early does nothing and is armed anew: cheaper than an effect for every renewal.
    if (!due || (armed_ && *armed_ <= *due)) return;
    armed_ = due;
    effects_.push_back(ArmTimer{*due});
}

}  // namespace windlass::scheduler
