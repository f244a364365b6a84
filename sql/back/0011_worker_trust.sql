-- Workers that have certificates must be enrolled anew.
drop table worker_trust;
drop table worker_enrolment;
