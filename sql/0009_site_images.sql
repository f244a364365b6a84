-- What a site puts onto its workers for jobs to use: images (root file systems) and data sets (read-only directories).

-- Which worker has what, as it said when it connected last. kind: 1 image, 2 data set (scheduler/store.h). digest: of an
-- image, else empty.
create table site_offer (
    worker bigint not null,
    kind   smallint not null check (kind in (1, 2)),
    name   text not null,
    digest text not null,
    primary key (kind, name, worker)
) {{thin}};
create index site_offer_worker on site_offer (worker);

-- What an administrator says about one of them, whether a worker has it or not. visible_to: who may see and use it, a
-- JSON list of "everybody", "role:NAME", "tier:NAME", "user:NAME"; without a row it is everybody.
create table site_thing (
    kind        smallint not null check (kind in (1, 2)),
    name        text not null,
    label       text not null,
    visible_to  text not null,
    changed_us  bigint not null,
    primary key (kind, name)
);
