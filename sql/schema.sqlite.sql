-- The tables that all migrations together make. For reading and reviewing: programs run the numbered scripts.
-- Made by scripts/schema-snapshot.

CREATE TABLE account (
    id            bigint not null primary key,
    username      text not null,
    username_key  text not null unique,
    email         text not null,
    email_key     text not null unique,
    first_name    text not null,
    last_name     text not null,
    name          text not null,
    company       text not null,
    password_hash text,
    roles         bigint not null,
    tier          text not null,
    created_us    bigint not null,
    disabled_us   bigint
);

CREATE TABLE attempt_result (
    job                     bigint not null,
    attempt                 bigint not null,
    worker                  bigint,
    ended_us                bigint not null,
    outcome                 smallint not null,
    exit_code               bigint not null,
    signal                  bigint not null,
    detail                  text not null,
    wall_us                 bigint not null,
    cpu_user_us             bigint not null,
    cpu_system_us           bigint not null,
    peak_memory_bytes       bigint not null,
    peak_is_largest_process smallint not null,
    read_bytes              bigint not null,
    written_bytes           bigint not null,
    stdout_bytes            bigint not null,
    stderr_bytes            bigint not null,
    stdout_truncated        smallint not null,
    stderr_truncated        smallint not null,
    files                   text not null,
    files_truncated         smallint not null,
    value                   text not null, peak_processes bigint not null default 0,
    primary key (job, attempt)
) without rowid;

CREATE TABLE blob (
    sha256     text not null primary key,
    size_bytes bigint not null,
    bytes      blob not null
);

CREATE TABLE credential (
    token_hash   text not null primary key,
    account      bigint not null references account (id),
    kind         smallint not null check (kind in (1, 2)),
    label        text not null,
    created_us   bigint not null,
    expires_us   bigint,
    last_used_us bigint,
    revoked_us   bigint
);

CREATE INDEX credential_account on credential (account);

CREATE TABLE id_counter (
    name text not null primary key,
    next bigint not null
);

CREATE TABLE job (
    id               bigint not null primary key,
    owner            bigint not null,
    name             text not null,
    priority         smallint not null check (priority between -100 and 100),
    submitted_us     bigint not null,
    running_commands text not null,
    code_sha256      text,
    data_sha256      text,
    timeout_ms       bigint not null,
    max_attempts     bigint not null,
    cpu_millis       bigint not null,
    memory_bytes     bigint not null,
    disk_bytes       bigint not null,
    processes        bigint not null,
    output_bytes     bigint not null,
    open_files       bigint not null,
    env              text not null
, details text not null default '');

CREATE INDEX job_owner on job (owner, id);

CREATE TABLE job_event (
    job     bigint not null,
    seq     bigint not null,
    at_us   bigint not null,
    move    smallint not null,
    state   smallint not null,
    attempt bigint not null,
    worker  bigint,
    detail  text not null,
    primary key (job, seq)
) without rowid;

CREATE TABLE job_output (
    job          bigint not null,
    attempt      bigint not null,
    stream       smallint not null,
    start_offset bigint not null,
    bytes        blob not null,
    primary key (job, attempt, stream, start_offset)
);

CREATE TABLE job_state (
    id               bigint not null primary key,
    state            smallint not null,
    attempt          bigint not null,
    failures         smallint not null,
    losses           smallint not null,
    worker           bigint,
    cancel_requested smallint not null,
    started_us       bigint,
    finished_us      bigint,
    event_seq        bigint not null,
    constraint job_state_known check (state between 0 and 8),
    constraint job_state_worker check ((worker is not null) = (state in (2, 3))),
    constraint job_state_finished check ((finished_us is not null) = (state >= 4))
) without rowid;

CREATE TABLE scheduler_epoch (
    id    smallint not null primary key check (id = 1),
    epoch bigint not null
);

CREATE TABLE schema_migration (number bigint not null primary key, name text not null, sha256 text not null, applied_us bigint not null);

CREATE TABLE worker (
    id            bigint not null primary key,
    name          text not null unique,
    first_seen_us bigint not null
);
