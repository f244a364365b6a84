// The field names of what the api asks the scheduler about queues, workers and quotas, and of the answers (describe():
// job_fields.h).
#pragma once

#include "shared/codec/one_of.h"
#include "shared/protocol.h"

namespace windlass::protocol {

template <class V>
void describe(V& v, ConfigureQueue& m) {
    v("request", m.request);
    v("name", m.name);
    v("weight_millis", m.weight_millis);
    v("max_running", m.max_running);
    v("held", m.held);
    v("description", m.description);
}

template <class V>
void describe(V& v, RemoveQueue& m) {
    v("request", m.request);
    v("name", m.name);
}

template <class V>
void describe(V& v, DrainWorker& m) {
    v("request", m.request);
    v("worker", m.worker);
    v("draining", m.draining);
}

template <class V>
void describe(V& v, ForgetWorker& m) {
    v("request", m.request);
    v("worker", m.worker);
}

template <class V, class M>
requires OneOf<M, EnrolWorker, RevokeWorker>
void describe(V& v, M& m) {
    v("request", m.request);
    v("worker", m.worker);
}

template <class V>
void describe(V& v, WorkerEnrolled& m) {
    v("request", m.request);
    v("token", m.token);
    v("expires_us", m.expires);
}

template <class V>
void describe(V& v, UserQuota& m) {
    v("user", m.user);
    v("quota", m.quota);
}
template <class V>
void describe(V& v, SetQuotas& m) {
    v("request", m.request);
    v("users", m.users);
}

template <class V>
void describe(V& v, OperatorAnswered& m) {
    v("request", m.request);
    v("refused", m.refused);
}

template <class V>
void describe(V& v, WorkerView& m) {
    v("name", m.name);
    v("software", m.software);
    v("connected", m.connected);
    v("draining", m.draining);
    v("cpu_millis", m.cpu_millis);
    v("cpu_millis_used", m.cpu_millis_used);
    v("memory_bytes", m.memory_bytes);
    v("memory_bytes_used", m.memory_bytes_used);
    v("labels", m.labels);
    v("resources", m.resources);
    v.unless_default("images", m.images);
    v.unless_default("datasets", m.datasets);
    v("attempts", m.attempts);
    v("connected_since_us", m.connected_since);
}

template <class V>
void describe(V& v, WorkersListed& m) {
    v("request", m.request);
    v("workers", m.workers);
}

template <class V>
void describe(V& v, QueueView& m) {
    v("name", m.name);
    v("weight_millis", m.weight_millis);
    v("max_running", m.max_running);
    v("held", m.held);
    v("description", m.description);
    v("queued", m.queued);
    v("running", m.running);
}

template <class V>
void describe(V& v, QueuesListed& m) {
    v("request", m.request);
    v("queues", m.queues);
}

template <class V>
void describe(V& v, Statistics& m) {
    v("request", m.request);
    v("blocked", m.blocked);
    v("queued", m.queued);
    v("starting", m.starting);
    v("running", m.running);
    v("workers_connected", m.workers_connected);
    v("commits", m.commits);
    v("committed_changes", m.committed_changes);
    v("commit_failures", m.commit_failures);
    v("submitted", m.submitted);
    v("ended", m.ended);
    v("lost_attempts", m.lost_attempts);
    v("stale_refused", m.stale_refused);
    v("resident_bytes", m.resident_bytes);
}

template <class V>
void describe(V& v, Unavailable& m) {
    v("request", m.request);
    v("reason", m.reason);
    v("retry_after_ms", m.retry_after_ms);
}

template <class V, class M>
requires OneOf<M, SchedulesChanged, ListWorkers, ListQueues, AskStatistics>
void describe(V& v, M& m) {
    v("request", m.request);
}

}  // namespace windlass::protocol
