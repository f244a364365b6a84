-- What the monitoring family keeps: jobs that outside clusters reported, tags, the family's configuration, and what
-- people without a right ask the admins for. Times that a cluster reports are Unix seconds.

-- One row, once somebody has changed the configuration: a JSON document (api/monitoring/monitoring_config.h). version
-- counts the changes, so that two at the same moment do not undo each other.
create table monitoring_config (
    id         smallint not null primary key check (id = 1),
    version    bigint not null,
    document   text not null,
    changed_us bigint not null
);

-- A job that a cluster reported by job_start. Its number is the cluster's: two clusters may use the same one, and none
-- reaches those of our own jobs. user_key: the form of user_name in which two spellings are equal. stop_s: null while it
-- runs. swept: stopped because its time was over, not because anybody said so.
create table cluster_job (
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
create index cluster_job_id on cluster_job (external_id);
create index cluster_job_started on cluster_job (start_s, external_id);
create index cluster_job_user on cluster_job (user_key, start_s, external_id);
create index cluster_job_running on cluster_job (partition_name, start_s) where stop_s is null;
create index cluster_job_passing on cluster_job (stop_s) where ttl_s > 0 and stop_s is not null;

-- JobMetadata.Data of a job that has stopped, outside or own (cluster "windlass"): computed once, JSON.
create table monitoring_job_data (
    cluster     text not null,
    external_id bigint not null,
    document    text not null,
    computed_us bigint not null,
    primary key (cluster, external_id)
);

-- A tag belongs to who made it; the same name by another is another tag. by_admin: made as an admin.
create table monitoring_tag (
    id         bigint not null primary key,
    account    bigint not null,
    name       text not null,
    by_admin   smallint not null check (by_admin in (0, 1)),
    created_us bigint not null,
    unique (account, name, by_admin)
);
-- user_key: whose job it is, as in cluster_job.
create table monitoring_job_tag (
    tag         bigint not null,
    cluster     text not null,
    external_id bigint not null,
    user_key    text not null,
    primary key (tag, cluster, external_id)
) {{thin}};
create index monitoring_job_tag_job on monitoring_job_tag (external_id, cluster);
create index monitoring_job_tag_user on monitoring_job_tag (user_key, tag);
insert into id_counter (name, next) values ('monitoring_tag', 1), ('admin_notice', 1);

-- What somebody asked the admins for by notify/admin: one entry for each name, however often it asks.
create table admin_notice (
    id        bigint not null primary key,
    name_key  text not null unique,
    username  text not null,
    roles     text not null,
    address   text not null,
    times     bigint not null,
    first_us  bigint not null,
    last_us   bigint not null
);

-- Our own jobs in the order in which they were started (by the second), for lists beside those of clusters.
create index job_past_started on job_past ((started_us / 1000000), id) where started_us is not null;
create index job_past_owner_started on job_past (owner, (started_us / 1000000), id) where started_us is not null;
