#include "api/blobs_repository.h"

namespace windlass::api {
namespace {

// Uploads that nobody went on with for so long are forgotten.
constexpr Microseconds abandoned_after = std::chrono::hours{7 * 24};

BlobLine line_of(const Row& row) {
    return {row.text(0), row.integer(1), from_unix_us(row.integer(2))};
}

}  // namespace

Status lock_account(Session& session, UserId owner) {
    if (session.engine() == Engine::sqlite) return Status();
    WINDLASS_TRY([[maybe_unused]] const auto rows,
                 session.query("select id from account where id = :owner for no key update", owner.value));
    return Status();
}

Result<bool> has_more_than(Session& session, UserId owner, std::optional<std::int64_t> most) {
    if (!most) return false;
    WINDLASS_TRY(const std::int64_t stored, stored_bytes_of(session, owner));
    return stored > *most;
}

Result<std::int64_t> stored_bytes_of(Session& session, UserId owner) {
    WINDLASS_TRY(const auto rows,
                 session.query("select cast(coalesce(sum(size_bytes), 0) as bigint) from blob_owner where owner = "
                               ":owner",
                               owner.value));
    WINDLASS_TRY(const auto pieces,
                 session.query("select cast(coalesce(sum(length(bytes)), 0) as bigint) from upload_piece "
                               "where owner = :owner",
                               owner.value));
    WINDLASS_TRY(const auto images,
                 session.query("select cast(coalesce(sum(size_bytes), 0) as bigint) from image where owner = :owner",
                               owner.value));
    return rows.front().integer(0) + pieces.front().integer(0) + images.front().integer(0);
}

Result<std::optional<BlobLine>> BlobsRepository::owned(UserId owner, const std::string& sha256) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select sha256, size_bytes, created_us from blob_owner where owner = :owner and "
                                "sha256 = :sha256",
                                owner.value, sha256));
    if (rows.empty()) return std::optional<BlobLine>();
    return std::optional(line_of(rows.front()));
}

Result<std::optional<std::string>> BlobsRepository::bytes(const std::string& sha256) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query("select bytes from blob where sha256 = :sha256", sha256));
    if (rows.empty()) return std::optional<std::string>();
    return std::optional(rows.front().bytes(0));
}

Result<std::vector<BlobLine>> BlobsRepository::page(UserId owner, const std::string& after, int limit) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select sha256, size_bytes, created_us from blob_owner where owner = :owner and "
                                "sha256 > :after order by sha256 limit :limit",
                                owner.value, after, limit));
    std::vector<BlobLine> page;
    for (const Row& row : rows) page.push_back(line_of(row));
    return page;
}

Result<BlobKeeping> BlobsRepository::keep(UserId owner, const std::map<std::string, std::string>& blobs,
                                          std::optional<std::int64_t> most, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY_STATUS(lock_account(*session, owner));
    std::int64_t added = 0;
    for (const auto& [sha256, bytes] : blobs) {
        // An update that changes nothing: a sweep that is about to delete the row waits, and then finds an owner.
        WINDLASS_TRY([[maybe_unused]] const auto stored,
                     session->execute("insert into blob (sha256, size_bytes, bytes) values (:sha256, :size, :bytes) "
                                      "on conflict (sha256) do update set size_bytes = excluded.size_bytes",
                                      sha256, bytes.size(), Bytes{bytes}));
        WINDLASS_TRY(const auto owned,
                     session->execute("insert into blob_owner (owner, sha256, size_bytes, created_us) values (:owner, "
                                      ":sha256, :size, :now) on conflict (owner, sha256) do nothing",
                                      owner.value, sha256, bytes.size(), to_unix_us(now)));
        added += owned;
        WINDLASS_TRY([[maybe_unused]] const auto dropped,
                     session->execute("delete from upload_piece where owner = :owner and sha256 = :sha256", owner.value,
                                      sha256));
    }
    if (added > 0) {
        WINDLASS_TRY(const bool too_many, has_more_than(*session, owner, most));
        if (too_many) return BlobKeeping::over_quota;
    }
    WINDLASS_TRY_STATUS(transaction.commit());
    return added > 0 ? BlobKeeping::kept : BlobKeeping::known_before;
}

Result<std::int64_t> BlobsRepository::received(UserId owner, const std::string& sha256) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select cast(coalesce(max(start_offset + length(bytes)), 0) as bigint) from "
                                "upload_piece where owner = :owner and sha256 = :sha256",
                                owner.value, sha256));
    return rows.front().integer(0);
}

Result<BlobKeeping> BlobsRepository::add_piece(UserId owner, const std::string& sha256, std::int64_t offset,
                                               std::string bytes, std::optional<std::int64_t> most, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY_STATUS(lock_account(*session, owner));
    if (offset == 0) {
        WINDLASS_TRY(
            [[maybe_unused]] const auto swept,
            session->execute("delete from upload_piece where created_us < :oldest", to_unix_us(now - abandoned_after)));
    }
    WINDLASS_TRY([[maybe_unused]] const auto added,
                 session->execute("insert into upload_piece (owner, sha256, start_offset, bytes, created_us) values "
                                  "(:owner, :sha256, :start, :bytes, :now)",
                                  owner.value, sha256, offset, Bytes{std::move(bytes)}, to_unix_us(now)));
    WINDLASS_TRY(const bool too_many, has_more_than(*session, owner, most));
    if (too_many) return BlobKeeping::over_quota;
    WINDLASS_TRY_STATUS(transaction.commit());
    return BlobKeeping::kept;
}

Result<std::string> BlobsRepository::pieces(UserId owner, const std::string& sha256) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select bytes from upload_piece where owner = :owner and sha256 = :sha256 order by "
                                "start_offset",
                                owner.value, sha256));
    std::string whole;
    for (const Row& row : rows) whole += row.bytes(0);
    return whole;
}

Status BlobsRepository::drop_pieces(UserId owner, const std::string& sha256) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(
        [[maybe_unused]] const auto dropped,
        session->execute("delete from upload_piece where owner = :owner and sha256 = :sha256", owner.value, sha256));
    return Status();
}

Result<BlobRemoval> BlobsRepository::remove(UserId owner, const std::string& sha256) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY(const auto owned,
                 session->execute("delete from blob_owner where owner = :owner and sha256 = :sha256 and jobs = 0",
                                  owner.value, sha256));
    WINDLASS_TRY(
        const auto pieces,
        session->execute("delete from upload_piece where owner = :owner and sha256 = :sha256", owner.value, sha256));
    WINDLASS_TRY(
        const auto left,
        session->query("select jobs from blob_owner where owner = :owner and sha256 = :sha256", owner.value, sha256));
    // The bytes go with the last right to them, if no result has them.
    WINDLASS_TRY([[maybe_unused]] const auto gone,
                 session->execute("delete from blob where sha256 = :sha256 "
                                  "and not exists (select 1 from blob_owner o where o.sha256 = blob.sha256) "
                                  "and not exists (select 1 from result_blob r where r.sha256 = blob.sha256) "
                                  "and not exists (select 1 from image_blob i where i.sha256 = blob.sha256)",
                                  sha256));
    WINDLASS_TRY_STATUS(transaction.commit());
    if (!left.empty()) return BlobRemoval::used_by_jobs;
    return owned + pieces > 0 ? BlobRemoval::removed : BlobRemoval::unknown;
}

}  // namespace windlass::api
