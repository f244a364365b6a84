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
    last_login_us bigint,
    constraint account_email_key_key UNIQUE (email_key),
    constraint account_username_key_key UNIQUE (username_key),
    constraint account_pkey PRIMARY KEY (id)
);

create table admin_notice (
    id bigint not null,
    name_key text not null,
    username text not null,
    roles text not null,
    address text not null,
    times bigint not null,
    first_us bigint not null,
    last_us bigint not null,
    constraint admin_notice_name_key_key UNIQUE (name_key),
    constraint admin_notice_pkey PRIMARY KEY (id)
);

create table api_token (
    id bigint not null,
    token_hash text not null,
    prefix text not null,
    account bigint not null,
    label text not null,
    scopes text not null,
    roles bigint,
    created_us bigint not null,
    expires_us bigint,
    last_used_us bigint,
    revoked_us bigint,
    constraint api_token_token_hash_key UNIQUE (token_hash),
    constraint api_token_pkey PRIMARY KEY (id),
    constraint api_token_account_fkey FOREIGN KEY (account) REFERENCES account(id)
);
CREATE INDEX api_token_account ON public.api_token USING btree (account);

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

create table audit_entry (
    number bigint not null,
    at_us bigint not null,
    account bigint,
    actor text not null,
    credential text not null,
    address text not null,
    action text not null,
    object text not null,
    status smallint not null,
    request_id text not null,
    detail text not null,
    previous_hash text not null,
    hash text not null,
    constraint audit_entry_pkey PRIMARY KEY (number)
);
CREATE INDEX audit_entry_account ON public.audit_entry USING btree (account, number);

create table audit_head (
    one smallint not null,
    number bigint not null,
    hash text not null,
    constraint audit_head_pkey PRIMARY KEY (one),
    constraint audit_head_one_check CHECK ((one = 1))
);

create table blob (
    sha256 text not null,
    size_bytes bigint not null,
    bytes bytea not null,
    constraint blob_pkey PRIMARY KEY (sha256)
);

create table blob_owner (
    owner bigint not null,
    sha256 text not null,
    size_bytes bigint not null,
    created_us bigint not null,
    jobs bigint not null,
    constraint blob_owner_pkey PRIMARY KEY (owner, sha256)
) with (fillfactor=45, autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_cost_delay=0, autovacuum_analyze_scale_factor=0.02);
CREATE INDEX blob_owner_sha256 ON public.blob_owner USING btree (sha256);

create table cluster_job (
    cluster text not null,
    external_id bigint not null,
    user_id bigint not null,
    user_name text not null,
    user_key text not null,
    group_id bigint not null,
    group_name text not null,
    num_nodes bigint not null,
    num_tasks bigint not null,
    tasks_per_node bigint not null,
    gpus_per_node bigint not null,
    node_list text not null,
    start_s bigint not null,
    stop_s bigint,
    exit_code bigint not null,
    swept smallint not null,
    job_name text not null,
    account text not null,
    ttl_s bigint not null,
    partition_name text not null,
    job_script text not null,
    reported_us bigint not null,
    constraint cluster_job_pkey PRIMARY KEY (cluster, external_id),
    constraint cluster_job_swept_check CHECK ((swept = ANY (ARRAY[0, 1]))),
    constraint cluster_job_ttl_s_check CHECK ((ttl_s >= 0))
);
CREATE INDEX cluster_job_id ON public.cluster_job USING btree (external_id);
CREATE INDEX cluster_job_passing ON public.cluster_job USING btree (stop_s) WHERE ((ttl_s > 0) AND (stop_s IS NOT NULL));
CREATE INDEX cluster_job_running ON public.cluster_job USING btree (partition_name, start_s) WHERE (stop_s IS NULL);
CREATE INDEX cluster_job_started ON public.cluster_job USING btree (start_s, external_id);
CREATE INDEX cluster_job_user ON public.cluster_job USING btree (user_key, start_s, external_id);

create table course (
    id bigint not null,
    owner bigint not null,
    name text not null,
    image text not null,
    description text not null,
    level text not null,
    gpu bigint not null,
    command text not null,
    port bigint not null,
    check_path text not null,
    created_us bigint not null,
    constraint course_pkey PRIMARY KEY (id),
    constraint course_owner_fkey FOREIGN KEY (owner) REFERENCES account(id),
    constraint course_gpu_check CHECK ((gpu >= 0)),
    constraint course_port_check CHECK (((port >= 1) AND (port <= 65535)))
);
CREATE INDEX course_owner ON public.course USING btree (owner, id);

create table course_class (
    id bigint not null,
    owner bigint not null,
    name text not null,
    created_us bigint not null,
    constraint course_class_pkey PRIMARY KEY (id),
    constraint course_class_owner_fkey FOREIGN KEY (owner) REFERENCES account(id)
);
CREATE INDEX course_class_owner ON public.course_class USING btree (owner, id);

create table course_class_course (
    class bigint not null,
    course bigint not null,
    constraint course_class_course_pkey PRIMARY KEY (class, course),
    constraint course_class_course_class_fkey FOREIGN KEY (class) REFERENCES course_class(id) ON DELETE CASCADE,
    constraint course_class_course_course_fkey FOREIGN KEY (course) REFERENCES course(id) ON DELETE CASCADE
);
CREATE INDEX course_class_course_course ON public.course_class_course USING btree (course);

create table course_class_member (
    class bigint not null,
    account bigint not null,
    constraint course_class_member_pkey PRIMARY KEY (class, account),
    constraint course_class_member_account_fkey FOREIGN KEY (account) REFERENCES account(id),
    constraint course_class_member_class_fkey FOREIGN KEY (class) REFERENCES course_class(id) ON DELETE CASCADE
);
CREATE INDEX course_class_member_account ON public.course_class_member USING btree (account);

create table course_dataset (
    course bigint not null,
    position bigint not null,
    name text not null,
    constraint course_dataset_pkey PRIMARY KEY (course, "position"),
    constraint course_dataset_course_fkey FOREIGN KEY (course) REFERENCES course(id) ON DELETE CASCADE
);

create table course_deployment (
    id bigint not null,
    course bigint not null,
    account bigint not null,
    slot bigint not null,
    job bigint,
    created_us bigint not null,
    constraint course_deployment_account_course_slot_key UNIQUE (account, course, slot),
    constraint course_deployment_pkey PRIMARY KEY (id),
    constraint course_deployment_account_fkey FOREIGN KEY (account) REFERENCES account(id),
    constraint course_deployment_course_fkey FOREIGN KEY (course) REFERENCES course(id) ON DELETE CASCADE,
    constraint course_deployment_slot_check CHECK ((slot > 0))
);
CREATE INDEX course_deployment_course ON public.course_deployment USING btree (course);
CREATE INDEX course_deployment_job ON public.course_deployment USING btree (job);

create table course_teacher (
    account bigint not null,
    since_us bigint not null,
    constraint course_teacher_pkey PRIMARY KEY (account),
    constraint course_teacher_account_fkey FOREIGN KEY (account) REFERENCES account(id)
);

create table id_counter (
    name text not null,
    next bigint not null,
    constraint id_counter_pkey PRIMARY KEY (name)
);

create table idempotency_key (
    account bigint not null,
    route text not null,
    key text not null,
    body_sha256 text not null,
    created_us bigint not null,
    first_job bigint,
    job_count bigint,
    status smallint,
    answer text,
    constraint idempotency_key_pkey PRIMARY KEY (account, route, key)
);
CREATE INDEX idempotency_key_created ON public.idempotency_key USING btree (created_us);

create table image (
    id bigint not null,
    owner bigint not null,
    sha256 text not null,
    size_bytes bigint not null,
    media smallint not null,
    width bigint not null,
    height bigint not null,
    heavy smallint not null,
    created_us bigint not null,
    constraint image_pkey PRIMARY KEY (id),
    constraint image_heavy_check CHECK ((heavy = ANY (ARRAY[0, 1]))),
    constraint image_media_check CHECK ((media = ANY (ARRAY[1, 2])))
);
CREATE INDEX image_owner ON public.image USING btree (owner, id);

create table image_blob (
    sha256 text not null,
    uses bigint not null,
    constraint image_blob_pkey PRIMARY KEY (sha256)
) with (fillfactor=45, autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_cost_delay=0, autovacuum_analyze_scale_factor=0.02);

create table image_thumbnail (
    id bigint not null,
    image bigint not null,
    owner bigint not null,
    height bigint not null,
    width bigint not null,
    state smallint not null,
    job bigint,
    tries bigint not null,
    asked_us bigint not null,
    sha256 text,
    size_bytes bigint,
    detail text not null,
    constraint image_thumbnail_image_height_key UNIQUE (image, height),
    constraint image_thumbnail_pkey PRIMARY KEY (id),
    constraint image_thumbnail_image_fkey FOREIGN KEY (image) REFERENCES image(id),
    constraint image_thumbnail_made CHECK (((sha256 IS NOT NULL) = (state = 1))),
    constraint image_thumbnail_state_check CHECK (((state >= 0) AND (state <= 2)))
);
CREATE INDEX image_thumbnail_job ON public.image_thumbnail USING btree (job) WHERE (job IS NOT NULL);
CREATE INDEX image_thumbnail_owner ON public.image_thumbnail USING btree (owner, id);
CREATE INDEX image_thumbnail_waiting ON public.image_thumbnail USING btree (owner, id) WHERE (state = 0);

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
    queue text not null,
    rerun_of bigint,
    schedule bigint,
    planned_us bigint,
    constraint job_pkey PRIMARY KEY (id),
    constraint job_priority_check CHECK (((priority >= '-100'::integer) AND (priority <= 100)))
);
CREATE INDEX job_owner ON public.job USING btree (owner, id);
CREATE INDEX job_queue_all ON public.job USING btree (queue, id) WHERE (queue <> 'default'::text);
CREATE INDEX job_queue_owner ON public.job USING btree (queue, owner, id) WHERE (queue <> 'default'::text);
CREATE UNIQUE INDEX job_planned ON public.job USING btree (schedule, planned_us) WHERE (schedule IS NOT NULL);

create table job_array (
    id bigint not null,
    count bigint not null,
    next_member bigint not null,
    max_fails bigint,
    succeeded bigint not null,
    failed bigint not null,
    timed_out bigint not null,
    cancelled bigint not null,
    lost bigint not null,
    constraint job_array_pkey PRIMARY KEY (id),
    constraint job_array_count_check CHECK ((count > 0))
) with (fillfactor=45, autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_cost_delay=0, autovacuum_analyze_scale_factor=0.02);

create table job_array_params (
    array_id bigint not null,
    first bigint not null,
    params text not null,
    constraint job_array_params_pkey PRIMARY KEY (array_id, first)
);

create table job_dependency (
    job bigint not null,
    after_job bigint not null,
    condition smallint not null,
    constraint job_dependency_pkey PRIMARY KEY (job, after_job, condition),
    constraint job_dependency_condition_check CHECK (((condition >= 0) AND (condition <= 2)))
);
CREATE INDEX job_dependency_after ON public.job_dependency USING btree (after_job);

create table job_discard (
    job bigint not null,
    constraint job_discard_pkey PRIMARY KEY (job)
);

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

create table job_past (
    id bigint not null,
    owner bigint not null,
    array_id bigint,
    state smallint not null,
    attempt bigint not null,
    failures smallint not null,
    losses smallint not null,
    cancel_requested smallint not null,
    started_us bigint,
    finished_us bigint not null,
    event_seq bigint not null,
    constraint job_past_pkey PRIMARY KEY (id),
    constraint job_past_state_check CHECK (((state >= 4) AND (state <= 8)))
);
CREATE INDEX job_past_array ON public.job_past USING btree (array_id, state, id) WHERE (array_id IS NOT NULL);
CREATE INDEX job_past_finished ON public.job_past USING btree (finished_us) WHERE (array_id IS NULL);
CREATE INDEX job_past_owner ON public.job_past USING btree (owner, state, id) WHERE (array_id IS NULL);
CREATE INDEX job_past_owner_started ON public.job_past USING btree (owner, ((started_us / 1000000)), id) WHERE (started_us IS NOT NULL);
CREATE INDEX job_past_started ON public.job_past USING btree (((started_us / 1000000)), id) WHERE (started_us IS NOT NULL);
CREATE INDEX job_past_state ON public.job_past USING btree (state, id) WHERE (array_id IS NULL);

create table job_queue (
    name text not null,
    weight_millis bigint not null,
    max_running bigint,
    held smallint not null,
    description text not null,
    constraint job_queue_pkey PRIMARY KEY (name),
    constraint job_queue_held_check CHECK ((held = ANY (ARRAY[0, 1]))),
    constraint job_queue_max_running_check CHECK ((max_running >= 0)),
    constraint job_queue_weight_millis_check CHECK ((weight_millis > 0))
);

create table job_schedule (
    id bigint not null,
    owner bigint not null,
    name text not null,
    cron text not null,
    time_zone text not null,
    overlap smallint not null,
    missed smallint not null,
    paused smallint not null,
    job text not null,
    created_us bigint not null,
    planned_us bigint not null,
    last_job bigint,
    constraint job_schedule_pkey PRIMARY KEY (id),
    constraint job_schedule_missed_check CHECK (((missed >= 0) AND (missed <= 2))),
    constraint job_schedule_overlap_check CHECK (((overlap >= 0) AND (overlap <= 2))),
    constraint job_schedule_paused_check CHECK ((paused = ANY (ARRAY[0, 1])))
);
CREATE INDEX job_schedule_owner ON public.job_schedule USING btree (owner, id);

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
    array_id bigint,
    owner bigint not null,
    constraint job_state_pkey PRIMARY KEY (id),
    constraint job_state_finished CHECK (((finished_us IS NOT NULL) = (state >= 4))),
    constraint job_state_known CHECK (((state >= 0) AND (state <= 8))),
    constraint job_state_worker CHECK (((worker IS NOT NULL) = (state = ANY (ARRAY[2, 3]))))
) with (fillfactor=45, autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_cost_delay=0, autovacuum_analyze_scale_factor=0.02);

create table job_tag (
    tag text not null,
    owner bigint not null,
    job bigint not null,
    constraint job_tag_pkey PRIMARY KEY (tag, owner, job)
);
CREATE INDEX job_tag_all ON public.job_tag USING btree (tag, job);
CREATE INDEX job_tag_job ON public.job_tag USING btree (job);

create table metric_series (
    id bigint not null,
    job bigint not null,
    hostname text not null,
    measurement text not null,
    type text not null,
    type_id text not null,
    constraint metric_series_job_hostname_measurement_type_type_id_key UNIQUE (job, hostname, measurement, type, type_id),
    constraint metric_series_pkey PRIMARY KEY (id)
);

create table metric_window (
    series bigint not null,
    resolution_s bigint not null,
    start_ms bigint not null,
    packed bytea not null,
    constraint metric_window_pkey PRIMARY KEY (series, resolution_s, start_ms),
    constraint metric_window_series_fkey FOREIGN KEY (series) REFERENCES metric_series(id)
);
CREATE INDEX metric_window_age ON public.metric_window USING btree (resolution_s, start_ms);

create table monitoring_config (
    id smallint not null,
    version bigint not null,
    document text not null,
    changed_us bigint not null,
    constraint monitoring_config_pkey PRIMARY KEY (id),
    constraint monitoring_config_id_check CHECK ((id = 1))
);

create table monitoring_job_data (
    cluster text not null,
    external_id bigint not null,
    document text not null,
    computed_us bigint not null,
    constraint monitoring_job_data_pkey PRIMARY KEY (cluster, external_id)
);

create table monitoring_job_tag (
    tag bigint not null,
    cluster text not null,
    external_id bigint not null,
    user_key text not null,
    constraint monitoring_job_tag_pkey PRIMARY KEY (tag, cluster, external_id)
);
CREATE INDEX monitoring_job_tag_job ON public.monitoring_job_tag USING btree (external_id, cluster);
CREATE INDEX monitoring_job_tag_user ON public.monitoring_job_tag USING btree (user_key, tag);

create table monitoring_tag (
    id bigint not null,
    account bigint not null,
    name text not null,
    by_admin smallint not null,
    created_us bigint not null,
    constraint monitoring_tag_account_name_by_admin_key UNIQUE (account, name, by_admin),
    constraint monitoring_tag_pkey PRIMARY KEY (id),
    constraint monitoring_tag_by_admin_check CHECK ((by_admin = ANY (ARRAY[0, 1])))
);

create table oidc_identity (
    issuer text not null,
    subject text not null,
    account bigint not null,
    created_us bigint not null,
    constraint oidc_identity_pkey PRIMARY KEY (issuer, subject),
    constraint oidc_identity_account_fkey FOREIGN KEY (account) REFERENCES account(id)
);

create table oidc_login (
    state_hash text not null,
    nonce text not null,
    verifier text not null,
    return_to text not null,
    created_us bigint not null,
    expires_us bigint not null,
    constraint oidc_login_pkey PRIMARY KEY (state_hash)
);

create table password_link (
    secret_hash text not null,
    account bigint not null,
    created_us bigint not null,
    expires_us bigint not null,
    used_us bigint,
    constraint password_link_pkey PRIMARY KEY (secret_hash),
    constraint password_link_account_fkey FOREIGN KEY (account) REFERENCES account(id)
);
CREATE INDEX password_link_account ON public.password_link USING btree (account);

create table quota (
    subject text not null,
    queued bigint,
    running bigint,
    cpu_s_per_day bigint,
    stored_bytes bigint,
    constraint quota_pkey PRIMARY KEY (subject),
    constraint quota_cpu_s_per_day_check CHECK ((cpu_s_per_day >= 0)),
    constraint quota_queued_check CHECK ((queued >= 0)),
    constraint quota_running_check CHECK ((running >= 0)),
    constraint quota_stored_bytes_check CHECK ((stored_bytes >= 0))
);

create table result_blob (
    sha256 text not null,
    results bigint not null,
    constraint result_blob_pkey PRIMARY KEY (sha256)
) with (fillfactor=45, autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_cost_delay=0, autovacuum_analyze_scale_factor=0.02);

create table scheduler_epoch (
    id smallint not null,
    epoch bigint not null,
    last_batch bigint not null,
    highest_job bigint not null,
    expires_us bigint,
    leader text not null,
    constraint scheduler_epoch_pkey PRIMARY KEY (id),
    constraint scheduler_epoch_id_check CHECK ((id = 1))
);

create table schema_migration (
    number bigint not null,
    name text not null,
    sha256 text not null,
    applied_us bigint not null,
    runs_with bigint,
    constraint schema_migration_pkey PRIMARY KEY (number)
);

create table session (
    id text not null,
    account bigint not null,
    refresh_hash text not null,
    created_us bigint not null,
    expires_us bigint not null,
    last_used_us bigint not null,
    ended_us bigint,
    address text not null,
    label text not null,
    constraint session_refresh_hash_key UNIQUE (refresh_hash),
    constraint session_pkey PRIMARY KEY (id),
    constraint session_account_fkey FOREIGN KEY (account) REFERENCES account(id)
);
CREATE INDEX session_account ON public.session USING btree (account);

create table site_offer (
    worker bigint not null,
    kind smallint not null,
    name text not null,
    digest text not null,
    constraint site_offer_pkey PRIMARY KEY (kind, name, worker),
    constraint site_offer_kind_check CHECK ((kind = ANY (ARRAY[1, 2])))
);
CREATE INDEX site_offer_worker ON public.site_offer USING btree (worker);

create table site_thing (
    kind smallint not null,
    name text not null,
    label text not null,
    visible_to text not null,
    changed_us bigint not null,
    constraint site_thing_pkey PRIMARY KEY (kind, name),
    constraint site_thing_kind_check CHECK ((kind = ANY (ARRAY[1, 2])))
);

create table tier (
    name text not null,
    name_key text not null,
    heights text not null,
    original smallint not null,
    expiring_links smallint not null,
    created_us bigint not null,
    constraint tier_name_key_key UNIQUE (name_key),
    constraint tier_pkey PRIMARY KEY (name),
    constraint tier_expiring_links_check CHECK ((expiring_links = ANY (ARRAY[0, 1]))),
    constraint tier_original_check CHECK ((original = ANY (ARRAY[0, 1])))
);

create table upload_piece (
    owner bigint not null,
    sha256 text not null,
    start_offset bigint not null,
    created_us bigint not null,
    bytes bytea not null,
    constraint upload_piece_pkey PRIMARY KEY (owner, sha256, start_offset)
);
CREATE INDEX upload_piece_created ON public.upload_piece USING btree (created_us);

create table user_usage (
    owner bigint not null,
    day bigint not null,
    cpu_us bigint not null,
    constraint user_usage_pkey PRIMARY KEY (owner, day)
);

create table worker (
    id bigint not null,
    name text not null,
    first_seen_us bigint not null,
    draining smallint not null,
    constraint worker_name_key UNIQUE (name),
    constraint worker_pkey PRIMARY KEY (id)
);

create table worker_enrolment (
    token_hash text not null,
    worker text not null,
    created_us bigint not null,
    expires_us bigint not null,
    key_sha256 text,
    generation bigint,
    constraint worker_enrolment_pkey PRIMARY KEY (token_hash)
);
CREATE INDEX worker_enrolment_worker ON public.worker_enrolment USING btree (worker);

create table worker_trust (
    worker text not null,
    generation bigint not null,
    revoked_us bigint,
    constraint worker_trust_pkey PRIMARY KEY (worker)
);
