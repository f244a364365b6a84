// Every guard that keeps a promise, one switch each. The tests take one away at a time and demand that the simulation
// sees it: a simulation that passes without a guard proves nothing about it.
#pragma once

namespace windlass::simulation {

struct Guards {
    // The shell of the scheduler.
    bool deliver_after_commit = true;  // nothing outward (but answers to renewals) before what precedes it is durable
    bool check_lease_when_sending = true;  // a lease that ended while it waited for its commit is not sent
    bool return_old_leases = true;         // a lease that waited too long for its commit goes back instead
    bool refuse_older_hellos = true;       // a hello that was overtaken by one of a later connection is not heard
    bool drop_older_connections = true;    // after a join, what an older connection still brings is dropped
    bool tell_restored_leases = true;      // a restart hands the queue the leases of the store, not fresh jobs
    // The queue itself, through its settings or what it is told.
    bool grace = true;               // a lease is handed out again only when its worker has surely killed its jobs
    bool attempt_is_checked = true;  // a message about an older attempt is not taken for the current one
    // The worker.
    bool kill_when_unanswered = true;  // kills its own jobs when its renewals are not answered
    bool refuse_late_leases = true;    // starts nothing when its renewals are not answered
    bool count_from_sending = true;    // … counted from when the renewal was sent, not from when the answer came
    bool report_dying_as_held = true;  // what is being killed is still held until its processes are gone
};

}  // namespace windlass::simulation
