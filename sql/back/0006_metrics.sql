drop table metric_window;
drop table metric_series;
delete from id_counter where name = 'metric_series';
