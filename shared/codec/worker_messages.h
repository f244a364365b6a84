// The field names of what scheduler and workers say to each other, and of the greeting that api processes use too
// (describe(): job_fields.h).
#pragma once

#include "shared/codec/one_of.h"
#include "shared/protocol.h"

namespace windlass::protocol {

template <class V>
void describe(V& v, Hello& m) {
    v("version", m.version);
    v("role", m.role);
    v("name", m.name);
    v("instance", m.instance);
    v("secret", m.secret);
    v("dial", m.dial);
    v("cpu_millis", m.cpu_millis);
    v("memory_bytes", m.memory_bytes);
    v("prefetch", m.prefetch);
    v("held", m.held);
    v("software", m.software);
    v.unless_default("labels", m.labels);
    v.unless_default("resources", m.resources);
    v.unless_default("images", m.images);
    v.unless_default("datasets", m.datasets);
}

template <class V>
void describe(V& v, Welcome& m) {
    v("version", m.version);
    v("epoch", m.epoch);
    v("lease_ttl_ms", m.lease_ttl_ms);
    v("renew_every_ms", m.renew_every_ms);
    v("self_kill_after_ms", m.self_kill_after_ms);
}

template <class V>
void describe(V& v, Refused& m) {
    v("reason", m.reason);
}

template <class V>
void describe(V& v, Renew& m) {
    v("held", m.held);
}

template <class V>
void describe(V& v, Renewed& m) {
    v("kept", m.kept);
}

template <class V>
void describe(V& v, AttemptReady& m) {
    v("attempt", m.attempt);
    v("address", m.address);
}

template <class V>
void describe(V& v, AttemptOutput& m) {
    v("attempt", m.attempt);
    v("stream", m.stream);
    v("offset", m.offset);
}

template <class V>
void describe(V& v, AttemptFinished& m) {
    v("attempt", m.attempt);
    v("result", m.result);
    v("stdout_offset", m.stdout_offset);
    v("stdout_size", m.stdout_size);
    v("stderr_offset", m.stderr_offset);
    v("stderr_size", m.stderr_size);
}

template <class V>
void describe(V& v, AttemptSample& m) {
    v("at_us", m.at);
    v("m", m.measurement);
    v.unless_default("type", m.type);
    v.unless_default("type_id", m.type_id);
    v("v", m.value);
}

template <class V>
void describe(V& v, AttemptSampled& m) {
    v("attempt", m.attempt);
    v("samples", m.samples);
}

template <class V>
void describe(V&, WorkerDraining&) {}
template <class V>
void describe(V& v, FetchBlob& m) {
    v("sha256", m.sha256);
}

template <class V>
void describe(V& v, Enrol& m) {
    v("token", m.token);
    v("name", m.name);
    v("signing_request", m.signing_request);
}

template <class V>
void describe(V& v, RenewCertificate& m) {
    v("signing_request", m.signing_request);
}

template <class V>
void describe(V& v, Certified& m) {
    v("certificate", m.certificate);
    v("authority", m.authority);
}

template <class V>
void describe(V& v, BlobFetched& m) {
    v("sha256", m.sha256);
    v("found", m.found);
}

template <class V>
void describe(V& v, Lease& m) {
    v("attempt", m.attempt);
    v("spec", m.spec);
    v("code_size", m.code_size);
    v("data_size", m.data_size);
    v("owner", m.owner);
}

template <class V>
void describe(V& v, AcknowledgeFinish& m) {
    v("attempt", m.attempt);
    v("accepted", m.accepted);
}

template <class V, class M>
requires OneOf<M, AttemptStarted, AttemptReturned, CancelAttempt, RevokeAttempt>
void describe(V& v, M& m) {
    v("attempt", m.attempt);
}

}  // namespace windlass::protocol
