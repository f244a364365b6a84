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
, last_login_us bigint);

CREATE TABLE admin_notice (
    id        bigint not null primary key,
    name_key  text not null unique,
    username  text not null,
    roles     text not null,
    address   text not null,
    times     bigint not null,
    first_us  bigint not null,
    last_us   bigint not null
);

CREATE TABLE api_token (
    id           bigint not null primary key,
    token_hash   text not null unique,
    prefix       text not null,
    account      bigint not null references account (id),
    label        text not null,
    scopes       text not null,
    roles        bigint,
    created_us   bigint not null,
    expires_us   bigint,
    last_used_us bigint,
    revoked_us   bigint
);

CREATE INDEX api_token_account on api_token (account);

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

CREATE TABLE audit_entry (
    number        bigint not null primary key,
    at_us         bigint not null,
    account       bigint,
    actor         text not null,
    credential    text not null,
    address       text not null,
    action        text not null,
    object        text not null,
    status        smallint not null,
    request_id    text not null,
    detail        text not null,
    previous_hash text not null,
    hash          text not null
);

CREATE INDEX audit_entry_account on audit_entry (account, number);

CREATE TABLE audit_head (
    one    smallint not null primary key check (one = 1),
    number bigint not null,
    hash   text not null
);

CREATE TABLE blob (
    sha256     text not null primary key,
    size_bytes bigint not null,
    bytes      blob not null
);

CREATE TABLE blob_owner (
    owner      bigint not null,
    sha256     text not null,
    size_bytes bigint not null,
    created_us bigint not null,
    jobs       bigint not null default 0,
    primary key (owner, sha256)
) without rowid;

CREATE INDEX blob_owner_sha256 on blob_owner (sha256);

CREATE TABLE cluster_job (
    cluster        text not null,
    external_id    bigint not null,
    user_id        bigint not null,
    user_name      text not null,
    user_key       text not null,
    group_id       bigint not null,
    group_name     text not null,
    num_nodes      bigint not null,
    num_tasks      bigint not null,
    tasks_per_node bigint not null,
    gpus_per_node  bigint not null,
    node_list      text not null,
    start_s        bigint not null,
    stop_s         bigint,
    exit_code      bigint not null,
    swept          smallint not null check (swept in (0, 1)),
    job_name       text not null,
    account        text not null,
    ttl_s          bigint not null check (ttl_s >= 0),
    partition_name text not null,
    job_script     text not null,
    reported_us    bigint not null,
    primary key (cluster, external_id)
);

CREATE INDEX cluster_job_id on cluster_job (external_id);

CREATE INDEX cluster_job_passing on cluster_job (stop_s) where ttl_s > 0 and stop_s is not null;

CREATE INDEX cluster_job_running on cluster_job (partition_name, start_s) where stop_s is null;

CREATE INDEX cluster_job_started on cluster_job (start_s, external_id);

CREATE INDEX cluster_job_user on cluster_job (user_key, start_s, external_id);

CREATE TABLE course (
    id          bigint not null primary key,
    owner       bigint not null references account (id),
    name        text not null,
    image       text not null,
    description text not null,
    level       text not null,
    gpu         bigint not null check (gpu >= 0),
    command     text not null,
    port        bigint not null check (port between 1 and 65535),
    check_path  text not null,
    created_us  bigint not null
);

CREATE INDEX course_owner on course (owner, id);

CREATE TABLE course_class (
    id         bigint not null primary key,
    owner      bigint not null references account (id),
    name       text not null,
    created_us bigint not null
);

CREATE INDEX course_class_owner on course_class (owner, id);

CREATE TABLE course_class_course (
    class  bigint not null references course_class (id) on delete cascade,
    course bigint not null references course (id) on delete cascade,
    primary key (class, course)
);

CREATE INDEX course_class_course_course on course_class_course (course);

CREATE TABLE course_class_member (
    class   bigint not null references course_class (id) on delete cascade,
    account bigint not null references account (id),
    primary key (class, account)
);

CREATE INDEX course_class_member_account on course_class_member (account);

CREATE TABLE course_dataset (
    course   bigint not null references course (id) on delete cascade,
    position bigint not null,
    name     text not null,
    primary key (course, position)
);

CREATE TABLE course_deployment (
    id         bigint not null primary key,
    course     bigint not null references course (id) on delete cascade,
    account    bigint not null references account (id),
    slot       bigint not null check (slot > 0),
    job        bigint,
    created_us bigint not null,
    unique (account, course, slot)
);

CREATE INDEX course_deployment_course on course_deployment (course);

CREATE INDEX course_deployment_job on course_deployment (job);

CREATE TABLE course_teacher (
    account  bigint not null primary key references account (id),
    since_us bigint not null
);

CREATE TABLE id_counter (
    name text not null primary key,
    next bigint not null
);

CREATE TABLE idempotency_key (
    account     bigint not null,
    route       text not null,
    key         text not null,
    body_sha256 text not null,
    created_us  bigint not null,
    first_job   bigint,
    job_count   bigint,
    status      smallint,
    answer      text,
    primary key (account, route, key)
);

CREATE INDEX idempotency_key_created on idempotency_key (created_us);

CREATE TABLE image (
    id         bigint not null primary key,
    owner      bigint not null,
    sha256     text not null,
    size_bytes bigint not null,
    media      smallint not null check (media in (1, 2)),
    width      bigint not null,
    height     bigint not null,
    heavy      smallint not null check (heavy in (0, 1)),
    created_us bigint not null
);

CREATE INDEX image_owner on image (owner, id);

CREATE TABLE image_blob (
    sha256 text not null primary key,
    uses   bigint not null
) without rowid;

CREATE TABLE image_thumbnail (
    id         bigint not null primary key,
    image      bigint not null references image (id),
    owner      bigint not null,
    height     bigint not null,
    width      bigint not null,
    state      smallint not null check (state between 0 and 2),
    job        bigint,
    tries      bigint not null,
    asked_us   bigint not null,
    sha256     text,
    size_bytes bigint,
    detail     text not null,
    constraint image_thumbnail_made check ((sha256 is not null) = (state = 1)),
    unique (image, height)
);

CREATE INDEX image_thumbnail_job on image_thumbnail (job) where job is not null;

CREATE INDEX image_thumbnail_owner on image_thumbnail (owner, id);

CREATE INDEX image_thumbnail_waiting on image_thumbnail (owner, id) where state = 0;

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
, details text not null default '', queue text not null default 'default', rerun_of bigint, schedule bigint, planned_us bigint);

CREATE INDEX job_owner on job (owner, id);

CREATE UNIQUE INDEX job_planned on job (schedule, planned_us) where schedule is not null;

CREATE INDEX job_queue_all on job (queue, id) where queue <> 'default';

CREATE INDEX job_queue_owner on job (queue, owner, id) where queue <> 'default';

CREATE TABLE job_array (
    id          bigint not null primary key,
    count       bigint not null check (count > 0),
    next_member bigint not null,
    max_fails   bigint,
    succeeded   bigint not null,
    failed      bigint not null,
    timed_out   bigint not null,
    cancelled   bigint not null,
    lost        bigint not null
) without rowid;

CREATE TABLE job_array_params (
    array_id bigint not null,
    first    bigint not null,
    params   text not null,
    primary key (array_id, first)
);

CREATE TABLE job_dependency (
    job       bigint not null,
    after_job bigint not null,
    condition smallint not null check (condition between 0 and 2),
    primary key (job, after_job, condition)
) without rowid;

CREATE INDEX job_dependency_after on job_dependency (after_job);

CREATE TABLE job_discard (
    job bigint not null primary key
);

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

CREATE VIEW job_now as
    select id, owner, array_id, state, attempt, failures, losses, worker, cancel_requested, started_us, finished_us,
           event_seq
    from job_state
    union all
    select id, owner, array_id, state, attempt, failures, losses, null, cancel_requested, started_us, finished_us,
           event_seq
    from job_past;

CREATE TABLE job_output (
    job          bigint not null,
    attempt      bigint not null,
    stream       smallint not null,
    start_offset bigint not null,
    bytes        blob not null,
    primary key (job, attempt, stream, start_offset)
);

CREATE TABLE job_past (
    id               bigint not null primary key,
    owner            bigint not null,
    array_id         bigint,
    state            smallint not null check (state between 4 and 8),
    attempt          bigint not null,
    failures         smallint not null,
    losses           smallint not null,
    cancel_requested smallint not null,
    started_us       bigint,
    finished_us      bigint not null,
    event_seq        bigint not null
) without rowid;

CREATE INDEX job_past_array on job_past (array_id, state, id) where array_id is not null;

CREATE INDEX job_past_finished on job_past (finished_us) where array_id is null;

CREATE INDEX job_past_owner on job_past (owner, state, id) where array_id is null;

CREATE INDEX job_past_owner_started on job_past (owner, (started_us / 1000000), id) where started_us is not null;

CREATE INDEX job_past_started on job_past ((started_us / 1000000), id) where started_us is not null;

CREATE INDEX job_past_state on job_past (state, id) where array_id is null;

CREATE TABLE job_queue (
    name          text not null primary key,
    weight_millis bigint not null check (weight_millis > 0),
    max_running   bigint check (max_running >= 0),
    held          smallint not null check (held in (0, 1)),
    description   text not null
);

CREATE TABLE job_schedule (
    id          bigint not null primary key,
    owner       bigint not null,
    name        text not null,
    cron        text not null,
    time_zone   text not null,
    overlap     smallint not null check (overlap between 0 and 2),
    missed      smallint not null check (missed between 0 and 2),
    paused      smallint not null check (paused in (0, 1)),
    job         text not null,
    created_us  bigint not null,
    -- The last moment that was dealt with (run, or skipped by policy).
    planned_us  bigint not null,
    last_job    bigint
);

CREATE INDEX job_schedule_owner on job_schedule (owner, id);

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
    event_seq        bigint not null, array_id bigint, owner bigint not null default 0,
    constraint job_state_known check (state between 0 and 8),
    constraint job_state_worker check ((worker is not null) = (state in (2, 3))),
    constraint job_state_finished check ((finished_us is not null) = (state >= 4))
) without rowid;

CREATE TABLE job_tag (
    tag   text not null,
    owner bigint not null,
    job   bigint not null,
    primary key (tag, owner, job)
) without rowid;

CREATE INDEX job_tag_all on job_tag (tag, job);

CREATE INDEX job_tag_job on job_tag (job);

CREATE TABLE metric_series (
    id          bigint not null primary key,
    job         bigint not null,
    hostname    text not null,
    measurement text not null,
    type        text not null,
    type_id     text not null,
    unique (job, hostname, measurement, type, type_id)
);

CREATE TABLE metric_window (
    series       bigint not null references metric_series (id),
    resolution_s bigint not null,
    start_ms     bigint not null,
    packed       blob not null,
    primary key (series, resolution_s, start_ms)
);

CREATE INDEX metric_window_age on metric_window (resolution_s, start_ms);

CREATE TABLE monitoring_config (
    id         smallint not null primary key check (id = 1),
    version    bigint not null,
    document   text not null,
    changed_us bigint not null
);

CREATE TABLE monitoring_job_data (
    cluster     text not null,
    external_id bigint not null,
    document    text not null,
    computed_us bigint not null,
    primary key (cluster, external_id)
);

CREATE TABLE monitoring_job_tag (
    tag         bigint not null,
    cluster     text not null,
    external_id bigint not null,
    user_key    text not null,
    primary key (tag, cluster, external_id)
) without rowid;

CREATE INDEX monitoring_job_tag_job on monitoring_job_tag (external_id, cluster);

CREATE INDEX monitoring_job_tag_user on monitoring_job_tag (user_key, tag);

CREATE TABLE monitoring_tag (
    id         bigint not null primary key,
    account    bigint not null,
    name       text not null,
    by_admin   smallint not null check (by_admin in (0, 1)),
    created_us bigint not null,
    unique (account, name, by_admin)
);

CREATE TABLE oidc_identity (
    issuer     text not null,
    subject    text not null,
    account    bigint not null references account (id),
    created_us bigint not null,
    primary key (issuer, subject)
);

CREATE TABLE oidc_login (
    state_hash text not null primary key,
    nonce      text not null,
    verifier   text not null,
    return_to  text not null,
    created_us bigint not null,
    expires_us bigint not null
);

CREATE TABLE password_link (
    secret_hash text not null primary key,
    account     bigint not null references account (id),
    created_us  bigint not null,
    expires_us  bigint not null,
    used_us     bigint
);

CREATE INDEX password_link_account on password_link (account);

CREATE TABLE quota (
    subject       text not null primary key,
    queued        bigint check (queued >= 0),
    running       bigint check (running >= 0),
    cpu_s_per_day bigint check (cpu_s_per_day >= 0),
    stored_bytes  bigint check (stored_bytes >= 0)
);

CREATE TABLE result_blob (
    sha256  text not null primary key,
    results bigint not null
) without rowid;

CREATE TABLE scheduler_epoch (
    id    smallint not null primary key check (id = 1),
    epoch bigint not null
, last_batch bigint not null default 0, highest_job bigint not null default 0, expires_us bigint, leader text not null default '');

CREATE TABLE schema_migration (number bigint not null primary key, name text not null, sha256 text not null, applied_us bigint not null, runs_with bigint);

CREATE TABLE session (
    id           text not null primary key,
    account      bigint not null references account (id),
    refresh_hash text not null unique,
    created_us   bigint not null,
    expires_us   bigint not null,
    last_used_us bigint not null,
    ended_us     bigint,
    address      text not null,
    label        text not null
);

CREATE INDEX session_account on session (account);

CREATE TABLE site_offer (
    worker bigint not null,
    kind   smallint not null check (kind in (1, 2)),
    name   text not null,
    digest text not null,
    primary key (kind, name, worker)
) without rowid;

CREATE INDEX site_offer_worker on site_offer (worker);

CREATE TABLE site_thing (
    kind        smallint not null check (kind in (1, 2)),
    name        text not null,
    label       text not null,
    visible_to  text not null,
    changed_us  bigint not null,
    primary key (kind, name)
);

CREATE TABLE tier (
    name           text not null primary key,
    name_key       text not null unique,
    heights        text not null,
    original       smallint not null check (original in (0, 1)),
    expiring_links smallint not null check (expiring_links in (0, 1)),
    created_us     bigint not null
);

CREATE TABLE upload_piece (
    owner        bigint not null,
    sha256       text not null,
    start_offset bigint not null,
    created_us   bigint not null,
    bytes        blob not null,
    primary key (owner, sha256, start_offset)
);

CREATE INDEX upload_piece_created on upload_piece (created_us);

CREATE TABLE user_usage (
    owner  bigint not null,
    day    bigint not null,
    cpu_us bigint not null,
    primary key (owner, day)
);

CREATE TABLE worker (
    id            bigint not null primary key,
    name          text not null unique,
    first_seen_us bigint not null
, draining smallint not null default 0);

CREATE TABLE worker_enrolment (
    token_hash text not null primary key,
    worker     text not null,
    created_us bigint not null,
    expires_us bigint not null,
    key_sha256 text,
    generation bigint
);

CREATE INDEX worker_enrolment_worker on worker_enrolment (worker);

CREATE TABLE worker_trust (
    worker     text not null primary key,
    generation bigint not null,
    revoked_us bigint
);
