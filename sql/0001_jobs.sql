-- Jobs: what was submitted (written once), where it is now (thin, changes all the time), what happened to it
-- (append-only) and what it left. Times are microseconds since 1970 UTC, truth is 0 or 1, every id is a bigint.
-- No foreign keys between these tables: they are written together, in one transaction, by the scheduler alone.

-- One row. Raised by every scheduler that takes the lead; every commit of a scheduler checks it.
create table scheduler_epoch (
    id    smallint not null primary key check (id = 1),
    epoch bigint not null
);
insert into scheduler_epoch (id, epoch) values (1, 0);

create table worker (
    id            bigint not null primary key,
    name          text not null unique,
    first_seen_us bigint not null
);

-- Code, data and result files, once under their SHA-256.
create table blob (
    sha256     text not null primary key,
    size_bytes bigint not null,
    bytes      {{bytes}} not null
);

create table job (
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
);
create index job_owner on job (owner, id);

-- The states and the two rules are those of shared/job_state.h; a test compares them. No index but the primary key: an
-- index on a column that changes would make every change of state rewrite it.
create table job_state (
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
) {{hot}};

create table job_event (
    job     bigint not null,
    seq     bigint not null,
    at_us   bigint not null,
    move    smallint not null,
    state   smallint not null,
    attempt bigint not null,
    worker  bigint,
    detail  text not null,
    primary key (job, seq)
) {{thin}};

-- files: JSON array of {path, size, sha256, stored}. value: JSON text, empty if the job left none.
create table attempt_result (
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
    value                   text not null,
    primary key (job, attempt)
) {{thin}};

-- stream: 1 standard output, 2 standard error. Pieces do not overlap.
create table job_output (
    job          bigint not null,
    attempt      bigint not null,
    stream       smallint not null,
    start_offset bigint not null,
    bytes        {{bytes}} not null,
    primary key (job, attempt, stream, start_offset)
);
