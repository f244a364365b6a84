-- The tables that all migrations together make. For reading and reviewing: programs run the numbered scripts.
-- Made by scripts/schema-snapshot.

create table account (
    id bigint not null,
    username text not null,
    username_key text not null,
    email text not null,
    email_key text not null,
    first_name text not null,
    last_name text not null,
    name text not null,
    company text not null,
    password_hash text,
    roles bigint not null,
    tier text not null,
    created_us bigint not null,
    disabled_us bigint,
    constraint account_email_key_key UNIQUE (email_key),
    constraint account_username_key_key UNIQUE (username_key),
    constraint account_pkey PRIMARY KEY (id)
);

create table attempt_result (
    job bigint not null,
    attempt bigint not null,
    worker bigint,
    ended_us bigint not null,
    outcome smallint not null,
    exit_code bigint not null,
    signal bigint not null,
    detail text not null,
    wall_us bigint not null,
    cpu_user_us bigint not null,
    cpu_system_us bigint not null,
    peak_memory_bytes bigint not null,
    peak_is_largest_process smallint not null,
    read_bytes bigint not null,
    written_bytes bigint not null,
    stdout_bytes bigint not null,
    stderr_bytes bigint not null,
    stdout_truncated smallint not null,
    stderr_truncated smallint not null,
    files text not null,
    files_truncated smallint not null,
    value text not null,
    peak_processes bigint not null,
    constraint attempt_result_pkey PRIMARY KEY (job, attempt)
);

create table blob (
    sha256 text not null,
    size_bytes bigint not null,
    bytes bytea not null,
    constraint blob_pkey PRIMARY KEY (sha256)
);

create table credential (
    token_hash text not null,
    account bigint not null,
    kind smallint not null,
    label text not null,
    created_us bigint not null,
    expires_us bigint,
    last_used_us bigint,
    revoked_us bigint,
    constraint credential_pkey PRIMARY KEY (token_hash),
    constraint credential_account_fkey FOREIGN KEY (account) REFERENCES account(id),
    constraint credential_kind_check CHECK ((kind = ANY (ARRAY[1, 2])))
);
CREATE INDEX credential_account ON public.credential USING btree (account);

create table id_counter (
    name text not null,
    next bigint not null,
    constraint id_counter_pkey PRIMARY KEY (name)
);

create table job (
    id bigint not null,
    owner bigint not null,
    name text not null,
    priority smallint not null,
    submitted_us bigint not null,
    running_commands text not null,
    code_sha256 text,
    data_sha256 text,
    timeout_ms bigint not null,
    max_attempts bigint not null,
    cpu_millis bigint not null,
    memory_bytes bigint not null,
    disk_bytes bigint not null,
    processes bigint not null,
    output_bytes bigint not null,
    open_files bigint not null,
    env text not null,
    details text not null,
    constraint job_pkey PRIMARY KEY (id),
    constraint job_priority_check CHECK (((priority >= '-100'::integer) AND (priority <= 100)))
);
CREATE INDEX job_owner ON public.job USING btree (owner, id);

create table job_event (
    job bigint not null,
    seq bigint not null,
    at_us bigint not null,
    move smallint not null,
    state smallint not null,
    attempt bigint not null,
    worker bigint,
    detail text not null,
    constraint job_event_pkey PRIMARY KEY (job, seq)
);

create table job_output (
    job bigint not null,
    attempt bigint not null,
    stream smallint not null,
    start_offset bigint not null,
    bytes bytea not null,
    constraint job_output_pkey PRIMARY KEY (job, attempt, stream, start_offset)
);

create table job_state (
    id bigint not null,
    state smallint not null,
    attempt bigint not null,
    failures smallint not null,
    losses smallint not null,
    worker bigint,
    cancel_requested smallint not null,
    started_us bigint,
    finished_us bigint,
    event_seq bigint not null,
    constraint job_state_pkey PRIMARY KEY (id),
    constraint job_state_finished CHECK (((finished_us IS NOT NULL) = (state >= 4))),
    constraint job_state_known CHECK (((state >= 0) AND (state <= 8))),
    constraint job_state_worker CHECK (((worker IS NOT NULL) = (state = ANY (ARRAY[2, 3]))))
) with (fillfactor=45, autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_cost_delay=0, autovacuum_analyze_scale_factor=0.02);

create table scheduler_epoch (
    id smallint not null,
    epoch bigint not null,
    constraint scheduler_epoch_pkey PRIMARY KEY (id),
    constraint scheduler_epoch_id_check CHECK ((id = 1))
);

create table schema_migration (
    number bigint not null,
    name text not null,
    sha256 text not null,
    applied_us bigint not null,
    constraint schema_migration_pkey PRIMARY KEY (number)
);

create table worker (
    id bigint not null,
    name text not null,
    first_seen_us bigint not null,
    constraint worker_name_key UNIQUE (name),
    constraint worker_pkey PRIMARY KEY (id)
);
