drop index job_past_owner_started;
drop index job_past_started;
drop table admin_notice;
drop table monitoring_job_tag;
drop table monitoring_tag;
drop table monitoring_job_data;
drop table cluster_job;
drop table monitoring_config;
delete from id_counter where name in ('monitoring_tag', 'admin_notice');
