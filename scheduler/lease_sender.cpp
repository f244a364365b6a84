#include "scheduler/lease_sender.h"

#include <utility>

#include "shared/json.h"
#include "shared/log.h"

namespace windlass::scheduler {

Status add_member_environment(JobSpec& spec, JobId array, std::int64_t member, std::int64_t count,
                              std::string_view params) {
    spec.env["WINDLASS_ARRAY_ID"] = array.text();
    spec.env["WINDLASS_ARRAY_INDEX"] = std::to_string(member);
    spec.env["WINDLASS_ARRAY_COUNT"] = std::to_string(count);
    if (params.empty()) return Status();
    WINDLASS_TRY(const auto document, parse_json(params));
    if (!document.IsObject()) return make_error(ErrorKind::internal, "the parameters of a member are a JSON object");
    for (const auto& parameter : document.GetObject()) {
        if (!parameter.value.IsString())
            return make_error(ErrorKind::internal, "the parameters of a member are strings");
        spec.env[std::string(text_of(parameter.name))] = text_of(parameter.value);
    }
    return Status();
}

void LeaseSender::keep(const Effects& effects, const std::vector<SubmittedItem>& items) {
    for (const Effect& effect : effects)
        if (const auto* born = std::get_if<InsertJob>(&effect)) cache_.put(born->job, items[born->index].payload);
}

// A lease may have been lost again between the decision and its commit (the worker said hello anew, without it): the
// queue's word of now counts, not that of then. And a lease that waited long for its commit may run out here before the
// worker, whose clock begins when it hears of it, would stop the job: it is taken back instead.
bool LeaseSender::may_still_be_sent(const SendLease& lease, SteadyTime decided) {
    if (!turns_.holds(lease.worker, lease.attempt)) return false;
    if (turns_.now().steady - decided <= longest_wait_) return true;
    turns_.feed(AttemptReturned{lease.worker, lease.attempt});
    return false;
}

bool LeaseSender::send_now(const SendLease& lease, SteadyTime decided) {
    if (!may_still_be_sent(lease, decided)) return true;
    const JobId array = turns_.queue().row(lease.attempt.job)->array;
    if (array) {
        const SharedPayload* shared = cache_.peek(array);
        if (shared == nullptr || shared->has_params) return false;
        JobSpec spec = shared->spec;
        const std::int64_t member = lease.attempt.job.value - array.value - 1;
        if (!add_member_environment(spec, array, member, shared->array_count, {})) return false;
        hand_over(lease, std::move(spec), shared->code->bytes, shared->data->bytes);
        return true;
    }
    auto payload = cache_.take(lease.attempt.job);
    if (!payload) return false;
    hand_over(lease, std::move(payload->spec), payload->code->bytes, payload->data->bytes);
    return true;
}

void LeaseSender::hand_over(const SendLease& lease, JobSpec spec, std::string_view code, std::string_view data) {
    const auto level = spec.traceparent.empty() ? log::Level::debug : log::Level::info;
    if (log::enabled(level))
        log::write(level,
                   {log::field::job(lease.attempt.job), log::field::attempt(lease.attempt),
                    log::field::traceparent(spec.traceparent)},
                   "attempt {} goes to worker {}", lease.attempt.text(), lease.worker.text());
    const protocol::Lease message{lease.attempt, std::move(spec), static_cast<std::int64_t>(code.size()),
                                  static_cast<std::int64_t>(data.size()), turns_.queue().owner(lease.attempt.job)};
    if (data.empty()) return send_(lease.worker, message, code);
    std::string body;
    body.reserve(code.size() + data.size());
    body.append(code).append(data);
    send_(lease.worker, message, body);
}

void LeaseSender::fetch_and_send(std::vector<SendLease> leases, SteadyTime decided) {
    std::vector<JobId> jobs;
    jobs.reserve(leases.size());
    for (const SendLease& lease : leases) jobs.push_back(lease.attempt.job);
    turns_.store().payloads(
        std::move(jobs), [this, leases = std::move(leases), decided](Result<std::vector<StoredPayload>> payloads) {
            if (!payloads) {
                // Not an absent database (that is waited for): the leases run out, and the jobs are queued again.
                log::error("could not read {} jobs that were to start: {}", leases.size(), payloads.error().message);
                return;
            }
            for (std::size_t i = 0; i < leases.size(); ++i) {
                if (!may_still_be_sent(leases[i], decided)) continue;
                StoredPayload& stored = (*payloads)[i];
                JobSpec& spec = stored.payload.spec;
                if (stored.array)
                    if (const Status added =
                            add_member_environment(spec, stored.array, stored.member, stored.count, stored.params);
                        !added) {
                        log::write(log::Level::error, {log::field::job(leases[i].attempt.job)}, "job {}: {}",
                                   leases[i].attempt.job.text(), added.error().message);
                        continue;
                    }
                hand_over(leases[i], std::move(spec), stored.payload.code, stored.payload.data);
                // The order to cancel it went out before the worker could know what it is about.
                if (turns_.queue().row(leases[i].attempt.job)->cancel_requested)
                    send_(leases[i].worker, protocol::CancelAttempt{leases[i].attempt}, {});
            }
            turns_.end_turn();
        });
}

}  // namespace windlass::scheduler
