-- Images that people upload, and the thumbnails that jobs of the queue make of them.

-- media: 1 PNG, 2 JPEG (api/images/image_facts.h). width, height: as the image is to be seen, its EXIF orientation
-- applied. The bytes lie in blob.
create table image (
    id         bigint not null primary key,
    owner      bigint not null,
    sha256     text not null,
    size_bytes bigint not null,
    media      smallint not null check (media in (1, 2)),
    width      bigint not null,
    height     bigint not null,
    heavy      smallint not null check (heavy in (0, 1)),
    created_us bigint not null
);
create index image_owner on image (owner, id);
insert into id_counter (name, next) values ('image', 1);

-- state: 0 waiting, 1 made, 2 failed. job: that makes it; null before the scheduler has answered, and when it has ended.
-- tries: how often a job was asked for (part of the key against asking twice). asked_us: the last time.
create table image_thumbnail (
    id         bigint not null primary key,
    image      bigint not null references image (id),
    owner      bigint not null,
    height     bigint not null,
    width      bigint not null,
    state      smallint not null check (state between 0 and 2),
    job        bigint,
    tries      bigint not null,
    asked_us   bigint not null,
    sha256     text,
    size_bytes bigint,
    detail     text not null,
    constraint image_thumbnail_made check ((sha256 is not null) = (state = 1)),
    unique (image, height)
);
create index image_thumbnail_owner on image_thumbnail (owner, id);
create index image_thumbnail_waiting on image_thumbnail (owner, id) where state = 0;
create index image_thumbnail_job on image_thumbnail (job) where job is not null;
insert into id_counter (name, next) values ('image_thumbnail', 1);

-- How many images and thumbnails have these bytes. The last one takes the blob with it, unless a job or an upload of
-- somebody has the same.
create table image_blob (
    sha256 text not null primary key,
    uses   bigint not null
) {{hot}};

-- Jobs whose submitter has taken what he wanted of them: forgotten as soon as they have ended, whatever is kept.
create table job_discard (
    job bigint not null primary key
);
