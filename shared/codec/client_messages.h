// The field names of what the api asks the scheduler about jobs, and of the answers (describe(): job_fields.h).
#pragma once

#include "shared/codec/one_of.h"
#include "shared/protocol.h"

namespace windlass::protocol {

template <class V>
void describe(V& v, SubmitJobs& m) {
    v("request", m.request);
    v("owner", m.owner);
    v("jobs", m.jobs);
    v.unless_default("quota", m.quota);
    v.unless_default("route", m.route);
    v.unless_default("key", m.key);
    v.unless_default("body_sha256", m.body_sha256);
}

template <class V>
void describe(V& v, JobsSubmitted& m) {
    v("request", m.request);
    v("jobs", m.jobs);
    v("replayed", m.replayed);
}

template <class V>
void describe(V& v, SubmitRefused& m) {
    v("request", m.request);
    v("why", m.why);
    v("detail", m.detail);
    v("retry_after_ms", m.retry_after_ms);
}

template <class V>
void describe(V& v, CancelJobs& m) {
    v("request", m.request);
    v("jobs", m.jobs);
    v.unless_default("reason", m.reason);
}

template <class V>
void describe(V& v, CancelAnswered& m) {
    v("request", m.request);
    v("answers", m.answers);
}

template <class V>
void describe(V& v, ExplainJob& m) {
    v("request", m.request);
    v("job", m.job);
}

template <class V>
void describe(V& v, JobExplained& m) {
    v("request", m.request);
    v("text", m.text);
    v("reason", m.reason);
    v("own_jobs_ahead", m.own_jobs_ahead);
    v("users_ahead", m.users_ahead);
    v("waits_for", m.waits_for);
    v("not_before_us", m.not_before);
    v("estimated_start_us", m.estimated_start);
}

template <class V>
void describe(V& v, JobHappened& m) {
    v("job", m.job);
    v("seq", m.seq);
    v("at_us", m.at);
    v("move", m.move);
    v("state", m.state);
    v("attempt", m.attempt);
    v("worker", m.worker);
    v("detail", m.detail);
}

template <class V>
void describe(V& v, JobPrinted& m) {
    v("attempt", m.attempt);
    v("stream", m.stream);
    v("offset", m.offset);
}

template <class V>
void describe(V& v, JobEnded& m) {
    v("job", m.job);
    v("known", m.known);
}

template <class V, class M>
requires OneOf<M, FollowJob, UnfollowJob, WatchJob, JobFollowed>
void describe(V& v, M& m) {
    v("job", m.job);
}

}  // namespace windlass::protocol
