// The SQL of uploads: who owns which bytes, and what of an upload has come. The bytes are stored once, however many
// accounts have uploaded them; a hash is no permission. Threads: any; each call borrows one session.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/database/session_pool.h"
#include "shared/ids.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

struct BlobLine {
    std::string sha256;
    std::int64_t size_bytes = 0;
    WallTime created{};
};

// Whether bytes could be put down. over_quota: with them the owner would have more than `most`, and nothing was done.
enum class BlobKeeping { kept, known_before, over_quota };
enum class BlobRemoval { removed, unknown, used_by_jobs };

// What the owner has uploaded, uploads under way included.
Result<std::int64_t> stored_bytes_of(Session& session, UserId owner);
// Until the transaction ends: two uploads of one account wait for each other, so that the second one counts the first.
// (SQLite has one writer anyway.)
Status lock_account(Session& session, UserId owner);
// After the change, inside its transaction: the owner has more stored bytes than `most` (nullopt: no limit).
Result<bool> has_more_than(Session& session, UserId owner, std::optional<std::int64_t> most);

class BlobsRepository {
  public:
    explicit BlobsRepository(SessionPool& pool) : pool_(pool) {}

    // nullopt: this account has not uploaded it (or not yet wholly).
    Result<std::optional<BlobLine>> owned(UserId owner, const std::string& sha256);
    // Of code, data or a file of a job; nullopt: no longer there.
    Result<std::optional<std::string>> bytes(const std::string& sha256);
    // In the order of their hashes, those after `after`.
    Result<std::vector<BlobLine>> page(UserId owner, const std::string& after, int limit);
    // These are the bytes under these hashes, and they are the owner's now. One transaction. `most`: bytes that he may
    // have stored, uploads under way included; of two requests that would fit only alone one is refused.
    Result<BlobKeeping> keep(UserId owner, const std::map<std::string, std::string>& blobs,
                             std::optional<std::int64_t> most, WallTime now);

    // How much of an upload has come.
    Result<std::int64_t> received(UserId owner, const std::string& sha256);
    // conflict: another piece came there first.
    Result<BlobKeeping> add_piece(UserId owner, const std::string& sha256, std::int64_t offset, std::string bytes,
                                  std::optional<std::int64_t> most, WallTime now);
    Result<std::string> pieces(UserId owner, const std::string& sha256);
    Status drop_pieces(UserId owner, const std::string& sha256);

    // The owner's right to it ends; the bytes go when nobody's is left. Not while jobs of his refer to it: it goes with
    // them.
    Result<BlobRemoval> remove(UserId owner, const std::string& sha256);

  private:
    SessionPool& pool_;
};

}  // namespace windlass::api
