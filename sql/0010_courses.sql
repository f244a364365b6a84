-- Courses: an environment that a teacher prepared (an image of the site, data sets, what runs and at which port), the
-- classes whose members may launch it, and what they launched. The images and data sets themselves: 0009.

-- Who may make courses and classes, beside admins.
create table course_teacher (
    account  bigint not null primary key references account (id),
    since_us bigint not null
);

-- command: empty for the entry point of the image. description is markdown, kept as text.
create table course (
    id          bigint not null primary key,
    owner       bigint not null references account (id),
    name        text not null,
    image       text not null,
    description text not null,
    level       text not null,
    gpu         bigint not null check (gpu >= 0),
    command     text not null,
    port        bigint not null check (port between 1 and 65535),
    check_path  text not null,
    created_us  bigint not null
);
create index course_owner on course (owner, id);
insert into id_counter (name, next) values ('course', 1), ('course_class', 1), ('course_deployment', 1);

create table course_dataset (
    course   bigint not null references course (id) on delete cascade,
    position bigint not null,
    name     text not null,
    primary key (course, position)
);

create table course_class (
    id         bigint not null primary key,
    owner      bigint not null references account (id),
    name       text not null,
    created_us bigint not null
);
create index course_class_owner on course_class (owner, id);

create table course_class_member (
    class   bigint not null references course_class (id) on delete cascade,
    account bigint not null references account (id),
    primary key (class, account)
);
create index course_class_member_account on course_class_member (account);

create table course_class_course (
    class  bigint not null references course_class (id) on delete cascade,
    course bigint not null references course (id) on delete cascade,
    primary key (class, course)
);
create index course_class_course_course on course_class_course (course);

-- What somebody launched. A row is taken before its job is submitted, so that of two launches at once one finds it
-- taken: slot counts from 1 to what one user may have of one course. job: null until the scheduler has answered; the
-- submit has the row's id as its key, so it can be asked again. The row of a job that has ended means nothing, and goes
-- with the next launch.
create table course_deployment (
    id         bigint not null primary key,
    course     bigint not null references course (id) on delete cascade,
    account    bigint not null references account (id),
    slot       bigint not null check (slot > 0),
    job        bigint,
    created_us bigint not null,
    unique (account, course, slot)
);
create index course_deployment_course on course_deployment (course);
create index course_deployment_job on course_deployment (job);
