-- What most jobs do not use stands together in one column: the parts of a spec without a column of their own, as JSON;
-- empty when all of them have their defaults.
alter table job add column details text not null default '';

-- Processes and threads at the same time; 0: not known.
alter table attempt_result add column peak_processes bigint not null default 0;
