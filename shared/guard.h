// Guards: the conditions that keep the promises of the project, each under a name, so that a test can take one away and
// see whether anybody notices. A guard is written where it guards:
//
//     if (WINDLASS_GUARD(queue_held) && config.held) return false;
//
// In the product it is the constant true. In a build with WINDLASS_REMOVABLE_GUARDS (tests/simulation compiles the
// queue a second time so) it is false for the one guard that the test took away.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace windlass {

// Where each one stands. The simulation must see every one of them missing.
#define WINDLASS_GUARDS(GUARD)                                      \
    /* the queue: who may speak about an attempt */                 \
    GUARD(fence_of_started)                                         \
    GUARD(fence_of_finished)                                        \
    GUARD(fence_of_returned)                                        \
    GUARD(fence_of_renewed)                                         \
    GUARD(started_once)                                             \
    GUARD(grace)                                                    \
    GUARD(join_ends_what_is_missing)                                \
    GUARD(join_revokes_what_is_stale)                               \
    GUARD(forget_only_the_absent)                                   \
    /* the queue: how a job ends */                                 \
    GUARD(crash_limit)                                              \
    GUARD(cancel_holds_when_lost)                                   \
    GUARD(cancel_holds_when_finished)                               \
    GUARD(max_attempts)                                             \
    GUARD(retry_on)                                                 \
    GUARD(max_fails)                                                \
    GUARD(hole_of_array)                                            \
    GUARD(array_is_complete)                                        \
    /* the queue: who waits */                                      \
    GUARD(queue_held)                                               \
    GUARD(max_running)                                              \
    GUARD(queue_with_jobs_stays)                                    \
    GUARD(queued_quota)                                             \
    GUARD(running_quota)                                            \
    GUARD(cpu_quota_of_submit)                                      \
    GUARD(cpu_quota_of_waiting)                                     \
    GUARD(backoff)                                                  \
    GUARD(not_before)                                               \
    GUARD(deadline)                                                 \
    GUARD(deadline_of_array)                                        \
    GUARD(priority)                                                 \
    GUARD(fair_share)                                               \
    GUARD(reservation)                                              \
    GUARD(dependency_condition)                                     \
    GUARD(every_dependency)                                         \
    /* the queue: where a job fits */                               \
    GUARD(label)                                                    \
    GUARD(resource_count)                                           \
    GUARD(memory_room)                                              \
    GUARD(draining)                                                 \
    GUARD(drained)                                                  \
    /* the queue: a restart */                                      \
    GUARD(ids_go_on)                                                \
    GUARD(restored_leases)                                          \
    GUARD(restored_draining)                                        \
    GUARD(restored_holes)                                           \
    /* schedules */                                                 \
    GUARD(planned_moment_once)                                      \
    GUARD(schedule_overlap)                                         \
    /* what surrounds the queue: the simulation's models of it */   \
    GUARD(deliver_after_commit)                                     \
    GUARD(check_lease_when_sending)                                 \
    GUARD(return_old_leases)                                        \
    GUARD(refuse_older_hellos)                                      \
    GUARD(drop_older_connections)                                   \
    GUARD(proof_of_leadership)                                      \
    GUARD(proof_of_answers)                                         \
    GUARD(key_in_flight)                                            \
    GUARD(key_in_store)                                             \
    GUARD(epoch_of_commit)                                          \
    GUARD(batch_number)                                             \
    GUARD(planned_moment_is_kept)                                   \
    GUARD(forget_only_the_old)                                      \
    GUARD(highest_id_is_kept)                                       \
    /* the worker: the simulation's model of it */                  \
    GUARD(kill_when_unanswered)                                     \
    GUARD(refuse_late_leases)                                       \
    GUARD(count_from_sending)                                       \
    GUARD(report_dying_as_held)                                     \
    /* the stores on real databases: seen by simulation_sql_test */ \
    GUARD(sql_lock)                                                 \
    GUARD(sql_epoch)                                                \
    GUARD(sql_batch_number)                                         \
    GUARD(sql_fence)                                                \
    GUARD(sql_occupied_id)                                          \
    GUARD(sql_planned_moment_is_kept)                               \
    GUARD(sql_forget_only_the_old)                                  \
    GUARD(sql_what_is_waited_for_stays)                             \
    GUARD(sql_highest_id_is_kept)

enum class Guard {
    none,
#define WINDLASS_GUARD_NAME(name) name,
    WINDLASS_GUARDS(WINDLASS_GUARD_NAME)
#undef WINDLASS_GUARD_NAME
};

// From here on they stand in the stores on real databases.
inline constexpr Guard first_sql_guard = Guard::sql_lock;

inline constexpr std::array guard_names = {std::string_view("none"),
#define WINDLASS_GUARD_NAME(name) std::string_view(#name),
                                           WINDLASS_GUARDS(WINDLASS_GUARD_NAME)
#undef WINDLASS_GUARD_NAME
};

#ifdef WINDLASS_REMOVABLE_GUARDS
// The guard that is missing. Tests set it before they make anything.
inline Guard removed_guard = Guard::none;
#define WINDLASS_GUARD(name) (::windlass::removed_guard != ::windlass::Guard::name)
// The statement; without the guard, with this condition of it true for every row.
inline std::string guarded_sql(bool guarded, std::string_view sql, std::string_view condition) {
    std::string text(sql);
    if (const auto at = text.find(condition); !guarded && at != std::string::npos)
        text.replace(at, condition.size(), "(1 = 1 or " + std::string(condition) + ")");
    return text;
}
#define WINDLASS_GUARDED_SQL(name, sql, condition) ::windlass::guarded_sql(WINDLASS_GUARD(name), sql, condition)
#else
#define WINDLASS_GUARD(name) true
#define WINDLASS_GUARDED_SQL(name, sql, condition) (sql)
#endif

}  // namespace windlass
