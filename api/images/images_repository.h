// The SQL of images as their owners see them: uploads, lists, deletion, and which thumbnails there should be. What
// comes of the thumbnails is thumbnails_repository.h. Bytes lie in blob, once for everybody (image_blob counts); a hash
// is no permission.
//
// Every change is one transaction: whatever ends in the middle of it, no row refers to bytes that are not there, and no
// bytes lie there for nobody. Threads: any; each call borrows one session.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/images/image_facts.h"
#include "shared/database/session_pool.h"
#include "shared/ids.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

using ImageId = Id<struct ImageTag>;
using ThumbnailId = Id<struct ThumbnailTag>;

// Stored (image_thumbnail.state): never renumber, only append.
enum class ThumbnailState : std::int16_t { waiting = 0, made = 1, failed = 2 };

struct ImageLine {
    ImageId id;
    std::string sha256;
    std::int64_t size_bytes = 0;
    ImageFacts facts;  // orientation is not kept: width and height have it
    WallTime created{};
};

// A thumbnail that there is to be. refusal: why there will be none (then no job is asked for).
struct PlannedThumbnail {
    std::int64_t height = 0;
    std::int64_t width = 0;
    std::string refusal;
};

struct ThumbnailLine {
    ThumbnailId id;
    ImageId image;
    std::int64_t height = 0;
    std::int64_t width = 0;
    ThumbnailState state = ThumbnailState::waiting;
    JobId job;           // that makes it; 0: none that is known
    std::string detail;  // of failed: a sentence
    Media media = Media::png;
};

// What a job needs to know to make one.
struct ThumbnailOrder {
    ThumbnailId id;
    ImageId image;
    std::int64_t height = 0;
    std::int64_t width = 0;
    std::int64_t tries = 0;
    std::string sha256;  // of the image
    std::int64_t size_bytes = 0;
    ImageFacts facts;
};

// Bytes to be handed out.
struct MediaFile {
    std::string sha256;
    std::int64_t size_bytes = 0;
    Media media = Media::png;
};

struct NewImage {
    UserId owner;
    ImageFacts facts;
    std::string sha256;
    std::string bytes;
    std::vector<PlannedThumbnail> thumbnails;
};
struct AddedImage {
    ImageLine image;
    std::vector<ThumbnailOrder> orders;  // for jobs
};

class ImagesRepository {
  public:
    explicit ImagesRepository(SessionPool& pool) : pool_(pool) {}

    // `most`: bytes that the owner may have stored. nullopt: with this one he would have more, nothing was done.
    // `record` runs in the transaction, with the line as it will be.
    using Record = std::function<Status(Session&, const ImageLine&)>;
    Result<std::optional<AddedImage>> add(NewImage image, std::optional<std::int64_t> most, WallTime now,
                                          const Record& record);

    // Newest first, those before `before` (0: all).
    Result<std::vector<ImageLine>> page(UserId owner, ImageId before, int limit);
    Result<std::optional<ImageLine>> one(UserId owner, ImageId id);
    // Of one image, by height.
    Result<std::vector<ThumbnailLine>> thumbnails_of(UserId owner, ImageId id);
    // Those that are made, newest first.
    Result<std::vector<ThumbnailLine>> made_page(UserId owner, ThumbnailId before, int limit);
    Result<std::optional<ThumbnailLine>> made_one(UserId owner, ThumbnailId id);
    // `height` 0: the image itself.
    Result<std::optional<MediaFile>> file(UserId owner, ImageId id, std::int64_t height);

    // Jobs that were making thumbnails of it, which nobody needs any more. nullopt: he has no such image.
    Result<std::optional<std::vector<JobId>>> remove(UserId owner, ImageId id);
    Result<std::optional<std::vector<JobId>>> remove_thumbnail(UserId owner, ThumbnailId id);

    // Adds what is missing of `plan`, and tries again what failed. nullopt: he has no such image.
    Result<std::optional<std::vector<ThumbnailOrder>>> rebuild(UserId owner, ImageId id,
                                                               const std::vector<PlannedThumbnail>& plan, WallTime now);

    // Images of accounts that were deleted.
    Result<std::vector<std::pair<UserId, ImageId>>> ownerless(int limit);

  private:
    SessionPool& pool_;
};

// One more that has these bytes, inside a transaction. False: the bytes are not there.
Result<bool> take_blob(Session& session, const std::string& sha256);
// One less; the bytes go with the last.
Status give_up_blob(Session& session, const std::string& sha256);
// Nobody needs what this job leaves.
Status discard_job(Session& session, JobId job);

}  // namespace windlass::api
