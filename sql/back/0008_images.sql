-- Pictures and thumbnails are forgotten, with their bytes where nobody else has the same.
delete from blob where exists (select 1 from image_blob i where i.sha256 = blob.sha256)
    and not exists (select 1 from blob_owner o where o.sha256 = blob.sha256)
    and not exists (select 1 from result_blob r where r.sha256 = blob.sha256);
drop table job_discard;
drop table image_blob;
drop table image_thumbnail;
drop table image;
delete from id_counter where name in ('image', 'image_thumbnail');
