#include "api/images/images_repository.h"
#include "api/next_id.h"

#include <utility>

#include "api/blobs_repository.h"

namespace windlass::api {
namespace {

Status as_status(Result<std::int64_t> changed) {
    return changed ? Status() : Status(std::move(changed).error());
}

ImageLine image_of(const Row& row) {
    ImageLine image;
    image.id = ImageId{row.integer(0)};
    image.sha256 = row.text(1);
    image.size_bytes = row.integer(2);
    image.facts.media = static_cast<Media>(row.integer(3));
    image.facts.width = row.integer(4);
    image.facts.height = row.integer(5);
    image.facts.heavy = row.truth(6);
    image.created = from_unix_us(row.integer(7));
    return image;
}

ThumbnailLine thumbnail_of(const Row& row) {
    ThumbnailLine line;
    line.id = ThumbnailId{row.integer(0)};
    line.image = ImageId{row.integer(1)};
    line.height = row.integer(2);
    line.width = row.integer(3);
    line.state = static_cast<ThumbnailState>(row.integer(4));
    line.job = JobId{row.integer_or_null(5).value_or(0)};
    line.detail = row.text(6);
    line.media = static_cast<Media>(row.integer(7));
    return line;
}

ThumbnailOrder order_of(const ImageLine& image, ThumbnailId id, const PlannedThumbnail& planned, std::int64_t tries) {
    return {id, image.id, planned.height, planned.width, tries, image.sha256, image.size_bytes, image.facts};
}

Status plan_thumbnail(Session& session, UserId owner, const ImageLine& image, const PlannedThumbnail& planned,
                      WallTime now, std::vector<ThumbnailOrder>& orders) {
    WINDLASS_TRY(const std::int64_t id, next_id(session, "image_thumbnail"));
    const bool refused = !planned.refusal.empty();
    WINDLASS_TRY_STATUS(as_status(session.execute(
        "insert into image_thumbnail (id, image, owner, height, width, state, job, tries, asked_us, sha256, "
        "size_bytes, detail) values (:id, :image, :owner, :height, :width, :state, null, 0, :now, null, null, :detail)",
        id, image.id.value, owner.value, planned.height, planned.width,
        static_cast<std::int64_t>(refused ? ThumbnailState::failed : ThumbnailState::waiting), to_unix_us(now),
        planned.refusal)));
    if (!refused) orders.push_back(order_of(image, ThumbnailId{id}, planned, 0));
    return {};
}

// Of thumbnails that were deleted: their bytes and their jobs.
Status give_up(Session& session, const std::vector<Row>& thumbnails, std::vector<JobId>& jobs) {
    for (const Row& row : thumbnails) {
        if (const auto sha256 = row.text_or_null(0)) WINDLASS_TRY_STATUS(give_up_blob(session, *sha256));
        const auto job = row.integer_or_null(1);
        if (!job) continue;
        jobs.push_back(JobId{*job});
        WINDLASS_TRY_STATUS(discard_job(session, jobs.back()));
    }
    return {};
}

// Held until the end of the transaction: a thumbnail that is just being settled waits.
Result<std::optional<ImageLine>> hold_image(Session& session, UserId owner, ImageId id) {
    WINDLASS_TRY(const auto rows, session.query("update image set owner = owner where id = :id and owner = :owner "
                                                "returning id, sha256, size_bytes, media, width, height, heavy, "
                                                "created_us",
                                                id.value, owner.value));
    if (rows.empty()) return std::optional<ImageLine>();
    return std::optional(image_of(rows.front()));
}

}  // namespace

Result<bool> take_blob(Session& session, const std::string& sha256) {
    // An update that changes nothing: a sweep that is about to delete the row waits, and then finds that it is used.
    WINDLASS_TRY(const auto held,
                 session.execute("update blob set size_bytes = size_bytes where sha256 = :sha256", sha256));
    if (held == 0) return false;
    WINDLASS_TRY_STATUS(
        as_status(session.execute("insert into image_blob (sha256, uses) values (:sha256, 1) on conflict (sha256) do "
                                  "update set uses = image_blob.uses + 1",
                                  sha256)));
    return true;
}

Status give_up_blob(Session& session, const std::string& sha256) {
    WINDLASS_TRY_STATUS(
        as_status(session.execute("update blob set size_bytes = size_bytes where sha256 = :sha256", sha256)));
    WINDLASS_TRY_STATUS(
        as_status(session.execute("update image_blob set uses = uses - 1 where sha256 = :sha256", sha256)));
    WINDLASS_TRY_STATUS(
        as_status(session.execute("delete from image_blob where sha256 = :sha256 and uses <= 0", sha256)));
    return as_status(
        session.execute("delete from blob where sha256 = :sha256 "
                        "and not exists (select 1 from blob_owner o where o.sha256 = blob.sha256) "
                        "and not exists (select 1 from result_blob r where r.sha256 = blob.sha256) "
                        "and not exists (select 1 from image_blob i where i.sha256 = blob.sha256)",
                        sha256));
}

Status discard_job(Session& session, JobId job) {
    return as_status(
        session.execute("insert into job_discard (job) values (:job) on conflict (job) do nothing", job.value));
}

Result<std::optional<AddedImage>> ImagesRepository::add(NewImage image, std::optional<std::int64_t> most, WallTime now,
                                                        const Record& record) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY_STATUS(lock_account(*session, image.owner));
    AddedImage added;
    added.image = {{}, image.sha256, static_cast<std::int64_t>(image.bytes.size()), image.facts, now};
    WINDLASS_TRY_STATUS(as_status(
        session->execute("insert into blob (sha256, size_bytes, bytes) values (:sha256, :size, :bytes) on conflict "
                         "(sha256) do nothing",
                         image.sha256, added.image.size_bytes, Bytes{std::move(image.bytes)})));
    WINDLASS_TRY(const bool there, take_blob(*session, image.sha256));
    if (!there) return make_error(ErrorKind::unavailable, "The same bytes were deleted at this moment; try again.");
    WINDLASS_TRY(const std::int64_t id, next_id(*session, "image"));
    added.image.id = ImageId{id};
    const ImageFacts& facts = image.facts;
    WINDLASS_TRY_STATUS(as_status(session->execute(
        "insert into image (id, owner, sha256, size_bytes, media, width, height, heavy, created_us) values (:id, "
        ":owner, :sha256, :size, :media, :width, :height, :heavy, :now)",
        id, image.owner.value, image.sha256, added.image.size_bytes, static_cast<std::int64_t>(facts.media),
        facts.width, facts.height, facts.heavy, to_unix_us(now))));
    for (const auto& planned : image.thumbnails)
        WINDLASS_TRY_STATUS(plan_thumbnail(*session, image.owner, added.image, planned, now, added.orders));
    WINDLASS_TRY(const bool too_many, has_more_than(*session, image.owner, most));
    if (too_many) return std::optional<AddedImage>();
    if (record) WINDLASS_TRY_STATUS(record(*session, added.image));
    WINDLASS_TRY_STATUS(transaction.commit());
    return std::optional(std::move(added));
}

Result<std::vector<ImageLine>> ImagesRepository::page(UserId owner, ImageId before, int limit) {
    constexpr std::int64_t no_end = std::int64_t{1} << 53;
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select id, sha256, size_bytes, media, width, height, heavy, created_us from image "
                                "where owner = :owner and id < :before order by id desc limit :limit",
                                owner.value, before ? before.value : no_end, limit));
    std::vector<ImageLine> page;
    for (const Row& row : rows) page.push_back(image_of(row));
    return page;
}

Result<std::optional<ImageLine>> ImagesRepository::one(UserId owner, ImageId id) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select id, sha256, size_bytes, media, width, height, heavy, created_us from image "
                                "where id = :id and owner = :owner",
                                id.value, owner.value));
    if (rows.empty()) return std::optional<ImageLine>();
    return std::optional(image_of(rows.front()));
}

#define WINDLASS_THUMBNAIL                                                                                            \
    "select t.id, t.image, t.height, t.width, t.state, t.job, t.detail, i.media from image_thumbnail t join image i " \
    "on i.id = t.image where "

Result<std::vector<ThumbnailLine>> ImagesRepository::thumbnails_of(UserId owner, ImageId id) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query(WINDLASS_THUMBNAIL "t.image = :image and t.owner = :owner order by t.height", id.value,
                                owner.value));
    std::vector<ThumbnailLine> all;
    for (const Row& row : rows) all.push_back(thumbnail_of(row));
    return all;
}

Result<std::vector<ThumbnailLine>> ImagesRepository::made_page(UserId owner, ThumbnailId before, int limit) {
    constexpr std::int64_t no_end = std::int64_t{1} << 53;
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query(WINDLASS_THUMBNAIL
                                "t.owner = :owner and t.state = 1 and t.id < :before order by t.id desc limit :limit",
                                owner.value, before ? before.value : no_end, limit));
    std::vector<ThumbnailLine> page;
    for (const Row& row : rows) page.push_back(thumbnail_of(row));
    return page;
}

Result<std::optional<ThumbnailLine>> ImagesRepository::made_one(UserId owner, ThumbnailId id) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(WINDLASS_THUMBNAIL "t.id = :id and t.owner = :owner and t.state = 1",
                                                 id.value, owner.value));
    if (rows.empty()) return std::optional<ThumbnailLine>();
    return std::optional(thumbnail_of(rows.front()));
}

Result<std::optional<MediaFile>> ImagesRepository::file(UserId owner, ImageId id, std::int64_t height) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 height == 0
                     ? session->query("select sha256, size_bytes, media from image where id = :id and owner = :owner",
                                      id.value, owner.value)
                     : session->query("select t.sha256, t.size_bytes, i.media from image_thumbnail t join image i on "
                                      "i.id = t.image where t.image = :id and t.owner = :owner and t.height = :height "
                                      "and t.state = 1",
                                      id.value, owner.value, height));
    if (rows.empty()) return std::optional<MediaFile>();
    const Row& row = rows.front();
    return std::optional(MediaFile{row.text(0), row.integer(1), static_cast<Media>(row.integer(2))});
}

Result<std::optional<std::vector<JobId>>> ImagesRepository::remove(UserId owner, ImageId id) {
    using Jobs = std::optional<std::vector<JobId>>;
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY(const auto image, hold_image(*session, owner, id));
    if (!image) return Jobs();
    std::vector<JobId> jobs;
    WINDLASS_TRY(const auto thumbnails,
                 session->query("delete from image_thumbnail where image = :image returning sha256, job", id.value));
    WINDLASS_TRY_STATUS(as_status(session->execute("delete from image where id = :id", id.value)));
    WINDLASS_TRY_STATUS(give_up(*session, thumbnails, jobs));
    WINDLASS_TRY_STATUS(give_up_blob(*session, image->sha256));
    WINDLASS_TRY_STATUS(transaction.commit());
    return Jobs(std::move(jobs));
}

Result<std::optional<std::vector<JobId>>> ImagesRepository::remove_thumbnail(UserId owner, ThumbnailId id) {
    using Jobs = std::optional<std::vector<JobId>>;
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY(const auto thumbnails,
                 session->query("delete from image_thumbnail where id = :id and owner = :owner and state = 1 returning "
                                "sha256, job",
                                id.value, owner.value));
    if (thumbnails.empty()) return Jobs();
    std::vector<JobId> jobs;
    WINDLASS_TRY_STATUS(give_up(*session, thumbnails, jobs));
    WINDLASS_TRY_STATUS(transaction.commit());
    return Jobs(std::move(jobs));
}

Result<std::optional<std::vector<ThumbnailOrder>>> ImagesRepository::rebuild(UserId owner, ImageId id,
                                                                             const std::vector<PlannedThumbnail>& plan,
                                                                             WallTime now) {
    using Orders = std::optional<std::vector<ThumbnailOrder>>;
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY(const auto image, hold_image(*session, owner, id));
    if (!image) return Orders();
    std::vector<ThumbnailOrder> orders;
    for (const auto& planned : plan) {
        WINDLASS_TRY(const auto rows, session->query("select id, state from image_thumbnail where image = :image and "
                                                     "height = :height",
                                                     id.value, planned.height));
        if (rows.empty()) {
            WINDLASS_TRY_STATUS(plan_thumbnail(*session, owner, *image, planned, now, orders));
            continue;
        }
        if (rows.front().integer(1) != static_cast<std::int64_t>(ThumbnailState::failed) || !planned.refusal.empty())
            continue;
        WINDLASS_TRY(const auto again,
                     session->query("update image_thumbnail set state = 0, job = null, tries = tries + 1, asked_us = "
                                    ":now, detail = '', width = :width where id = :id returning id, tries",
                                    to_unix_us(now), planned.width, rows.front().integer(0)));
        orders.push_back(order_of(*image, ThumbnailId{again.front().integer(0)}, planned, again.front().integer(1)));
    }
    WINDLASS_TRY_STATUS(transaction.commit());
    return Orders(std::move(orders));
}

Result<std::vector<std::pair<UserId, ImageId>>> ImagesRepository::ownerless(int limit) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select i.owner, i.id from account a join image i on i.owner = a.id where "
                                "a.username_key like 'deleted:%' limit :limit",
                                limit));
    std::vector<std::pair<UserId, ImageId>> images;
    for (const Row& row : rows) images.emplace_back(UserId{row.integer(0)}, ImageId{row.integer(1)});
    return images;
}

}  // namespace windlass::api
