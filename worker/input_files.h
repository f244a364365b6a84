// The input files that attempts in hand wait for: which of them are here, and which to ask for next. A file that
// several attempts need is asked for once. Pure but for the cache; the runner sends and receives.
//
// What is wanted stays in the cache until it is used; what the cache does not take is held in memory for the attempts
// that want it, and for no longer. Memory: files are asked for only while less than memory_bytes is held, or for the
// attempt that has waited longest, so beyond memory_bytes there are at most the files of one attempt and what is under
// way (most_under_way messages).
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "shared/ids.h"
#include "worker/blob_cache.h"

namespace windlass::worker {

class InputFiles {
  public:
    static constexpr std::size_t most_under_way = 4;
    static constexpr std::int64_t default_memory_bytes = 256 << 20;

    explicit InputFiles(BlobCache cache, std::int64_t memory_bytes = default_memory_bytes)
        : cache_(std::move(cache)), memory_bytes_(memory_bytes) {}

    // `files`: path -> SHA-256, as in JobSpec. True: all are here. An attempt is named once until drop().
    bool want(AttemptRef ref, const std::map<std::string, std::string>& files);
    // It is started or gone. Does nothing for an attempt that wants nothing.
    void drop(AttemptRef ref);

    // What to ask for now; each is under way from here on.
    std::vector<std::string> next_requests();
    // Nothing is under way any more: the connection is gone.
    void forget_requests();

    // The attempts that wait for it.
    std::vector<AttemptRef> waiting_for(const std::string& sha256) const;
    // It came. Those of its attempts that have all their files now; invalid: the bytes are not those of the hash.
    Result<std::vector<AttemptRef>> arrived(const std::string& sha256, std::string bytes);
    // It will not come: it is not under way any more.
    void not_found(const std::string& sha256) { under_way_.erase(sha256); }

    // Where the files of an attempt are that has all. Reading them (below) takes long if they are large: any thread. If
    // one was damaged on disk meanwhile the attempt waits for it again.
    struct Source {
        std::string path;  // in the working directory
        std::string sha256;
        std::shared_ptr<const std::string> held;
        std::string cached_at;  // if not held
    };
    std::vector<Source> sources(AttemptRef ref);
    struct Content {
        std::map<std::string, std::string> files;  // path -> bytes
        std::set<std::string> damaged;             // hashes
    };
    static Content read(const std::vector<Source>& sources);
    // True: all are here all the same, as another attempt had noticed it before.
    bool wait_again(AttemptRef ref, const std::set<std::string>& damaged);

    // Sum of the sizes of its files, each rounded up to `unit`; of an attempt that has all.
    std::int64_t size_bytes(AttemptRef ref, std::int64_t unit) const;

    std::int64_t held_bytes() const { return held_bytes_; }
    bool wants_nothing() const { return order_.empty(); }

  private:
    struct Wanted {
        AttemptRef ref;
        std::map<std::string, std::string> files;
        std::set<std::string> missing;  // hashes
    };
    struct Blob {
        std::size_t users = 0;                    // attempts that want it
        std::shared_ptr<const std::string> held;  // not in the cache
    };
    using Order = std::list<Wanted>;

    bool is_here(const std::string& sha256) const;
    void let_go(const std::string& sha256);

    BlobCache cache_;
    const std::int64_t memory_bytes_;
    std::int64_t held_bytes_ = 0;
    Order order_;  // of arrival
    std::unordered_map<AttemptRef, Order::iterator> index_;
    std::unordered_map<std::string, Blob> blobs_;  // the wanted ones
    std::set<std::string> under_way_;
    std::set<std::string> damaged_;  // once on this disk: not kept there again in this life
};

}  // namespace windlass::worker
