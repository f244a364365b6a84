// Guards: the conditions that keep the promises of the project, each under a name, so that a test can take one away and
// see whether anybody notices. A guard is written where it guards:
//
//     if (WINDLASS_GUARD(queue_held) && config.held) return false;
//
// In the product it is the constant true. In a build with WINDLASS_REMOVABLE_GUARDS (tests/simulation compiles the
// queue a second time so) it is false for the one guard that the test took away.
#pragma once

#include <array>
#include <string_view>

namespace windlass {

// Where each one stands. The simulation must see every one of them missing.
#define WINDLASS_GUARDS(GUARD)                                    \
    /* the queue: who may speak about an attempt */               \
    GUARD(fence_of_started)                                       \
    GUARD(fence_of_finished)                                      \
    GUARD(fence_of_returned)                                      \
    GUARD(fence_of_renewed)                                       \
    GUARD(started_once)                                           \
    GUARD(grace)                                                  \
    GUARD(join_ends_what_is_missing)                              \
    GUARD(join_revokes_what_is_stale)                             \
    GUARD(forget_only_the_absent)                                 \
    /* the queue: how a job ends */                               \
    GUARD(crash_limit)                                            \
    GUARD(cancel_holds_when_lost)                                 \
    GUARD(cancel_holds_when_finished)                             \
    GUARD(max_attempts)                                           \
    GUARD(retry_on)                                               \
    GUARD(max_fails)                                              \
    GUARD(hole_of_array)                                          \
    GUARD(array_is_complete)                                      \
    /* the queue: who waits */                                    \
    GUARD(queue_held)                                             \
    GUARD(max_running)                                            \
    GUARD(queue_with_jobs_stays)                                  \
    GUARD(queued_quota)                                           \
    GUARD(running_quota)                                          \
    GUARD(cpu_quota_of_submit)                                    \
    GUARD(cpu_quota_of_waiting)                                   \
    GUARD(backoff)                                                \
    GUARD(not_before)                                             \
    GUARD(deadline)                                               \
    GUARD(dependency_condition)                                   \
    GUARD(every_dependency)                                       \
    /* the queue: where a job fits */                             \
    GUARD(label)                                                  \
    GUARD(resource_count)                                         \
    GUARD(memory_room)                                            \
    GUARD(draining)                                               \
    GUARD(drained)                                                \
    /* the queue: a restart */                                    \
    GUARD(ids_go_on)                                              \
    GUARD(restored_leases)                                        \
    GUARD(restored_draining)                                      \
    GUARD(restored_holes)                                         \
    /* schedules */                                               \
    GUARD(planned_moment_once)                                    \
    GUARD(schedule_overlap)                                       \
    /* what surrounds the queue: the simulation's models of it */ \
    GUARD(deliver_after_commit)                                   \
    GUARD(check_lease_when_sending)                               \
    GUARD(return_old_leases)                                      \
    GUARD(refuse_older_hellos)                                    \
    GUARD(drop_older_connections)                                 \
    GUARD(proof_of_leadership)                                    \
    GUARD(key_in_flight)                                          \
    GUARD(key_in_store)                                           \
    GUARD(epoch_of_commit)                                        \
    GUARD(batch_number)                                           \
    GUARD(planned_moment_is_kept)                                 \
    /* the worker: the simulation's model of it */                \
    GUARD(kill_when_unanswered)                                   \
    GUARD(refuse_late_leases)                                     \
    GUARD(count_from_sending)                                     \
    GUARD(report_dying_as_held)

enum class Guard {
    none,
#define WINDLASS_GUARD_NAME(name) name,
    WINDLASS_GUARDS(WINDLASS_GUARD_NAME)
#undef WINDLASS_GUARD_NAME
};

inline constexpr std::array guard_names = {std::string_view("none"),
#define WINDLASS_GUARD_NAME(name) std::string_view(#name),
                                           WINDLASS_GUARDS(WINDLASS_GUARD_NAME)
#undef WINDLASS_GUARD_NAME
};

#ifdef WINDLASS_REMOVABLE_GUARDS
// The guard that is missing. Tests set it before they make anything.
inline Guard removed_guard = Guard::none;
#define WINDLASS_GUARD(name) (::windlass::removed_guard != ::windlass::Guard::name)
#else
#define WINDLASS_GUARD(name) true
#endif

}  // namespace windlass
