-- What a batch user expects of a queue: named queues, arrays, dependencies, tags, schedules, quotas, keys against doing a
-- thing twice, uploads; and a place where finished jobs lie out of the way of those that are not.

-- Named queues. max_running: attempts at the same time, null for no limit. held: nothing of it starts.
create table job_queue (
    name          text not null primary key,
    weight_millis bigint not null check (weight_millis > 0),
    max_running   bigint check (max_running >= 0),
    held          smallint not null check (held in (0, 1)),
    description   text not null
);
insert into job_queue (name, weight_millis, max_running, held, description) values ('default', 1000, null, 0, '');

alter table job add column queue text not null default 'default';
-- For lists of one queue. Most jobs are in "default", of which a list is as quickly made from all jobs.
create index job_queue_owner on job (queue, owner, id) where queue <> 'default';
create index job_queue_all on job (queue, id) where queue <> 'default';

-- last_batch: number of the last commit of this epoch, so that a commit whose end is not known can be repeated.
-- highest_job: highest id of the jobs that were forgotten; an id is never used twice.
alter table scheduler_epoch add column last_batch bigint not null default 0;
alter table scheduler_epoch add column highest_job bigint not null default 0;
-- Where more than one scheduler shares this database: the leader is well until expires_us (by the database's clock; it
-- says so again and again). Null: it says nothing, and leads until its lock is free. leader: its host, for people.
alter table scheduler_epoch add column expires_us bigint;
alter table scheduler_epoch add column leader text not null default '';

-- A job that was made anew from another one (rerun), and the schedule that made a job, with the moment it was planned
-- for: one run per moment, whatever crashes.
alter table job add column rerun_of bigint;
alter table job add column schedule bigint;
alter table job add column planned_us bigint;
create unique index job_planned on job (schedule, planned_us) where schedule is not null;

create table job_tag (
    tag   text not null,
    owner bigint not null,
    job   bigint not null,
    primary key (tag, owner, job)
) {{thin}};
create index job_tag_all on job_tag (tag, job);
create index job_tag_job on job_tag (job);

-- `job` waits for `after_job`. condition: 0 ok, 1 any, 2 failed (shared/job.h).
create table job_dependency (
    job       bigint not null,
    after_job bigint not null,
    condition smallint not null check (condition between 0 and 2),
    primary key (job, after_job, condition)
) {{thin}};
create index job_dependency_after on job_dependency (after_job);

-- An array is one job (its id, its row in job and job_state) with members of the ids id + 1 … id + count. A member has
-- a row in job_state from its first attempt on, and none in job. next_member: of the members before it each has been
-- started (or was dealt with one by one); those from it on have no row.
create table job_array (
    id          bigint not null primary key,
    count       bigint not null check (count > 0),
    next_member bigint not null,
    max_fails   bigint,
    succeeded   bigint not null,
    failed      bigint not null,
    timed_out   bigint not null,
    cancelled   bigint not null,
    lost        bigint not null
) {{hot}};
-- The environments of members first … of an array, as a JSON array of objects.
create table job_array_params (
    array_id bigint not null,
    first    bigint not null,
    params   text not null,
    primary key (array_id, first)
);
alter table job_state add column array_id bigint;
-- That of the job (of a member: of its array), so that lists of one user need not look into job for each row.
alter table job_state add column owner bigint not null default 0;
update job_state set owner = (select j.owner from job j where j.id = job_state.id);

-- Finished jobs, moved here from job_state in batches: insert-only, so it can afford indexes.
create table job_past (
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
) {{thin}};
-- Members of arrays stand in no list but that of their array.
create index job_past_state on job_past (state, id) where array_id is null;
create index job_past_owner on job_past (owner, state, id) where array_id is null;
create index job_past_array on job_past (array_id, state, id) where array_id is not null;
create index job_past_finished on job_past (finished_us) where array_id is null;

-- Where a job is now, wherever its row lies. For a look at one job (where id = …). For a list of ids, or joined to another
-- table, SQLite builds all of it: there ask job_state and job_past each by itself (or left join both).
create view job_now as
    select id, owner, array_id, state, attempt, failures, losses, worker, cancel_requested, started_us, finished_us,
           event_seq
    from job_state
    union all
    select id, owner, array_id, state, attempt, failures, losses, null, cancel_requested, started_us, finished_us,
           event_seq
    from job_past;

-- Processor time that a user's attempts held, per day (UTC, days since 1970).
create table user_usage (
    owner  bigint not null,
    day    bigint not null,
    cpu_us bigint not null,
    primary key (owner, day)
);

-- subject: 'tier:NAME' or 'user:ID'. Null: no limit of this kind.
create table quota (
    subject       text not null primary key,
    queued        bigint check (queued >= 0),
    running       bigint check (running >= 0),
    cpu_s_per_day bigint check (cpu_s_per_day >= 0),
    stored_bytes  bigint check (stored_bytes >= 0)
);

-- What a POST with an Idempotency-Key did: same key and same body, same answer. first_job and job_count of submits;
-- status and answer of others.
create table idempotency_key (
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
create index idempotency_key_created on idempotency_key (created_us);

-- Who uploaded a blob, or whose submit brought it: counts against the owner's stored bytes. jobs: how many jobs of this
-- owner refer to it (code, data, files). A row goes when no job refers to it and it is older than what is kept; a blob
-- goes with the last row here and in result_blob.
create table blob_owner (
    owner      bigint not null,
    sha256     text not null,
    size_bytes bigint not null,
    created_us bigint not null,
    jobs       bigint not null default 0,
    primary key (owner, sha256)
) {{hot}};
create index blob_owner_sha256 on blob_owner (sha256);
insert into blob_owner (owner, sha256, size_bytes, created_us, jobs)
    select u.owner, b.sha256, b.size_bytes, min(u.submitted_us), count(*)
    from (select owner, code_sha256 as sha256, submitted_us from job where code_sha256 is not null
          union all
          select owner, data_sha256, submitted_us from job where data_sha256 is not null) u
    join blob b on b.sha256 = u.sha256
    group by u.owner, b.sha256, b.size_bytes;

-- How many results have a file with this content. What is there before anybody counted is kept for good.
create table result_blob (
    sha256  text not null primary key,
    results bigint not null
) {{hot}};
insert into result_blob (sha256, results) select sha256, 1000000000000 from blob;

-- Uploads under way: pieces in order. The blob comes into being with the last one.
create table upload_piece (
    owner        bigint not null,
    sha256       text not null,
    start_offset bigint not null,
    created_us   bigint not null,
    bytes        {{bytes}} not null,
    primary key (owner, sha256, start_offset)
);
create index upload_piece_created on upload_piece (created_us);

-- Recurring jobs. overlap: 0 skip, 1 queue, 2 replace. missed: 0 skip, 1 run once, 2 run all. job: the submit as JSON.
create table job_schedule (
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
create index job_schedule_owner on job_schedule (owner, id);
insert into id_counter (name, next) values ('schedule', 1);

-- A drained worker stays drained when it comes back.
alter table worker add column draining smallint not null default 0;
