#include "shared/job_state.h"

namespace windlass {

std::string_view name(JobState state) {
    switch (state) {
        case JobState::blocked:
            return "blocked";
        case JobState::queued:
            return "queued";
        case JobState::starting:
            return "starting";
        case JobState::running:
            return "running";
        case JobState::succeeded:
            return "succeeded";
        case JobState::failed:
            return "failed";
        case JobState::timed_out:
            return "timed_out";
        case JobState::cancelled:
            return "cancelled";
        case JobState::lost:
            return "lost";
    }
    return "unknown";
}

std::string_view name(JobMove move) {
    switch (move) {
        case JobMove::submit:
            return "submit";
        case JobMove::release:
            return "release";
        case JobMove::lease:
            return "lease";
        case JobMove::start:
            return "start";
        case JobMove::finish:
            return "finish";
        case JobMove::retry:
            return "retry";
        case JobMove::requeue:
            return "requeue";
        case JobMove::request_cancel:
            return "request_cancel";
        case JobMove::cancel:
            return "cancel";
        case JobMove::give_up:
            return "give_up";
        case JobMove::expire:
            return "expire";
        case JobMove::settle:
            return "settle";
        case JobMove::ready:
            return "ready";
    }
    return "unknown";
}

std::optional<JobState> job_state_named(std::string_view text) {
    for (const JobState state : all_job_states)
        if (name(state) == text) return state;
    return std::nullopt;
}

}  // namespace windlass
