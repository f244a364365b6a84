-- What was measured, of jobs and of nodes, in compact form.

-- job: 0 for the node's own. type: node, socket, cpu, accelerator, ...; type_id: which of them.
create table metric_series (
    id          bigint not null primary key,
    job         bigint not null,
    hostname    text not null,
    measurement text not null,
    type        text not null,
    type_id     text not null,
    unique (job, hostname, measurement, type, type_id)
);
insert into id_counter (name, next) values ('metric_series', 1);

-- The points of one series from start_ms on, for an hour (resolution_s 0: as measured) or a day (resolution_s > 0: mean,
-- min, max and count of so many seconds each). packed: see shared/metrics/window_codec.h.
create table metric_window (
    series       bigint not null references metric_series (id),
    resolution_s bigint not null,
    start_ms     bigint not null,
    packed       {{bytes}} not null,
    primary key (series, resolution_s, start_ms)
);
create index metric_window_age on metric_window (resolution_s, start_ms);
