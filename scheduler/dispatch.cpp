// Who is next, and where. Queues and in them users in the order of fair share, the jobs of a user in the user's own
// order, and for a job the worker with the most free cpu. A job that fits nowhere is passed over; one that was passed
// over for long though it was its turn gets a worker kept free for it.
//
// One turn passes over a bounded number of users. Should it end there, the next turn (a timer that is due at once) goes
// on behind the last one looked at, and a change meanwhile means one more round afterwards, not a start from the
// beginning: so everybody is reached, however many others wait for more room than there is.
#include <algorithm>
#include <utility>

#include "scheduler/queue.h"
#include "shared/result.h"

namespace windlass::scheduler {

namespace {

constexpr int users_passed_over_per_turn = 64;

}  // namespace

void Queue::want_scan() {
    if (scan_.wanted && scan_.under_way) scan_.again = true;
    scan_.wanted = true;
}

void Queue::end_scan(bool again) {
    scan_.wanted = again;
    scan_.again = scan_.under_way = false;
    ++scan_.number;
}

Queue::Scan::Passed& Queue::passed(QueueIndex queue) {
    if (queue >= scan_.passed.size()) scan_.passed.resize(queue + 1);
    Scan::Passed& passed = scan_.passed[queue];
    if (passed.number != scan_.number) passed = {.number = scan_.number, .position = std::nullopt};
    return passed;
}

// The first that this scan has not passed over; of the queue whose turn it is.
std::optional<FairShare::Place> Queue::next_in_line() {
    for (const FairShare::Place& queue : fair_.queues_in_line()) {
        Scan::Passed& so_far = passed(queue.index);
        if (so_far.to_the_end) continue;
        const std::optional<FairShare::Place> next =
            so_far.position ? fair_.first_after(queue.index, *so_far.position) : fair_.first(queue.index);
        if (next) return next;
        so_far.to_the_end = true;
    }
    return std::nullopt;
}

std::optional<WorkerTable::Place> Queue::place_for(KindIndex kind) {
    if (needs_.fits_nowhere(kind, workers_.room_grew())) return std::nullopt;
    const std::optional<WorkerTable::Place> place = workers_.place_for(needs_[kind]);
    if (!place) needs_.note_fits_nowhere(kind, workers_.room_grew());
    return place;
}

void Queue::start(JobId id, KindIndex kind, const WorkerTable::Place& place) {
    if (jobs_.find(id) == nullptr) bear_member(*arrays_.array_of(id), id);
    move(id, {.what = JobMove::lease, .to = JobState::starting, .worker = place.worker});
    workers_.take(place, id, &needs_[kind]);
    effects_.push_back(SendLease{place.worker, {id, jobs_.find(id)->attempt}});
}

// Leases the share's first job that fits. False when none does.
bool Queue::dispatch_one_of(ShareIndex share, bool its_turn) {
    const UserIndex user = fair_.user_of(share);
    if (users_[user].has_cpu_quota()) {
        check_cpu(user);
        if (users_[user].out_of_cpu()) return false;
    }
    std::optional<WorkerTable::Place> place;
    bool is_first = its_turn;
    const auto fits = [&](KindIndex kind) {
        place = place_for(kind);
        if (is_first && !place) consider_reservation(share);
        is_first = false;
        return place.has_value();
    };
    const std::optional<WaitingJobs::Candidate> next = waiting_.first(share, fits);
    if (!next) return false;
    start(next->job, next->kind, *place);
    return true;
}

void Queue::dispatch() {
    start_reserved();
    int passed_over = 0;
    for (;;) {
        if (scan_.room_seen != workers_.room_grew()) {
            scan_.room_seen = workers_.room_grew();
            want_scan();
        }
        if (!scan_.wanted) return;
        if (workers_.full()) return end_scan(false);  // the common end: every slot is taken
        const std::optional<FairShare::Place> next = next_in_line();
        if (!next) {
            end_scan(scan_.again);
            continue;
        }
        const ShareIndex share = next->index;
        const bool its_turn = !std::exchange(scan_.under_way, true);
        // Room only shrinks during a scan: who was passed over stays passed over, so the position never goes back.
        if (dispatch_one_of(share, its_turn)) continue;
        passed(fair_.queue_of(share)).position = next;
        if (++passed_over == users_passed_over_per_turn) return;
    }
}

// ---- workers kept free ----------------------------------------------------------------------------------------------

// It is this share's turn, and its first job finds no room. When that has been so for long, a worker is kept free.
void Queue::consider_reservation(ShareIndex share) {
    const std::optional<WaitingJobs::Candidate> first = waiting_.first(share);
    if (!first || reservations_.has_kind(first->kind)) return;
    const std::optional<SteadyTime> since = needs_.passed_over_since(first->kind);
    if (since && now_.steady - *since < settings_.reserve_after) return;
    // Looked for once in a while only: it means to look at every worker.
    needs_.note_passed_over(first->kind, now_.steady);
    if (!since || reservations_.is_full() || !WINDLASS_GUARD(reservation)) return;
    const std::optional<WorkerId> worker = workers_.best_to_reserve(needs_[first->kind]);
    if (!worker) return;
    reservations_.add({first->job, first->kind, share, *worker});
    workers_.reserve(*worker, &needs_[first->kind]);
}

void Queue::drop_reservation(const Reservation& reservation) {
    reservations_.remove(reservation.kind);
    workers_.unreserve(reservation.worker);
}

void Queue::start_reserved() {
    while (const std::optional<WorkerId> worker = workers_.reserved_with_room()) {
        const Reservation reservation = *reservations_.of_worker(*worker);
        const UserIndex user = fair_.user_of(reservation.share);
        if (users_[user].has_cpu_quota()) check_cpu(user);
        if (users_[user].out_of_cpu()) continue;  // which has ended the reservation
        start(reservation.job, reservation.kind, {reservation.worker, false});
    }
}

// ---- timers ---------------------------------------------------------------------------------------------------------

std::optional<SteadyTime> Queue::next_timer() const {
    if (scan_.wanted) return now_.steady;
    std::optional<SteadyTime> next;
    const auto consider = [&next](SteadyTime at) {
        if (!next || at < *next) next = at;
    };
    if (const auto end = leases_.earliest()) consider(*end);
    if (const auto end = backing_off_.earliest()) consider(*end);
    if (const auto moment = not_before_.earliest()) consider(steady_of(*moment));
    if (const auto deadline = deadlines_.earliest()) consider(steady_of(*deadline));
    if (!users_.out_of_cpu().empty()) consider(steady_of(midnight_after(wall_now())));
    return next;
}

void Queue::arm_timer() {
    const std::optional<SteadyTime> due = next_timer();
    // A timer that rings too early does nothing and is armed anew: cheaper than an effect for every renewal.
    if (!due || (armed_ && *armed_ <= *due)) return;
    armed_ = due;
    effects_.push_back(ArmTimer{*due});
}

}  // namespace windlass::scheduler
