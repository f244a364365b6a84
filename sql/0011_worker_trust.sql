-- Workers of other machines: what they enrol with, and which of their certificates count (docs/workers-elsewhere.md).

-- A one-time token: never itself, only a hash of it (token_hash_hex() of shared/digest.h). key_sha256: of the key that
-- was certified for it; null as long as it was not used. Said again with the same key it is answered again, with the
-- same generation.
create table worker_enrolment (
    token_hash text not null primary key,
    worker     text not null,
    created_us bigint not null,
    expires_us bigint not null,
    key_sha256 text,
    generation bigint
);
create index worker_enrolment_worker on worker_enrolment (worker);

-- generation: of the last enrolment; certificates of earlier ones count no more. revoked_us: since then none does; the
-- next enrolment ends that.
create table worker_trust (
    worker     text not null primary key,
    generation bigint not null,
    revoked_us bigint
);
