-- Courses, classes and what was launched of them are forgotten; jobs of launches stay as jobs.
drop table course_deployment;
drop table course_class_course;
drop table course_class_member;
drop table course_class;
drop table course_dataset;
drop table course;
drop table course_teacher;
delete from id_counter where name in ('course', 'course_class', 'course_deployment');
