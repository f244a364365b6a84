// What one attempt prints on one stream: the first bytes are kept, the rest is counted and dropped. Pure.
//
// Kept bytes travel to the scheduler in chunks while the attempt runs, and what is left, the tail, with its result. A
// chunk may be lost with a connection, and the scheduler tells a repeated chunk by its offset. So a chunk, once cut,
// never changes: after a reconnect all chunks are sent again with the same boundaries, and the tail begins after the
// last one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace windlass::worker {

class OutputCollector {
  public:
    static constexpr std::int64_t chunk_bytes = 64 * 1024;  // largest chunk, and largest tail

    explicit OutputCollector(std::int64_t limit_bytes) : limit_(limit_bytes) {}

    void add(std::string_view bytes);
    std::int64_t limit_bytes() const { return limit_; }

    std::int64_t kept_bytes() const { return cut_bytes_ + uncut_bytes(); }
    bool truncated() const { return total_ > kept_bytes(); }
    // It has printed 16 times its limit (limits under 4 KiB count as 4: the pipe itself holds 64).
    bool flooded() const;

    struct Chunk {
        std::int64_t offset = 0;
        std::string_view bytes;  // valid until take_chunk()
    };
    std::int64_t uncut_bytes() const { return static_cast<std::int64_t>(uncut_.size()); }
    // Everything kept so far becomes chunks. What is longer than a chunk does so by itself.
    void cut();
    // A chunk is ready that was not sent on this connection, or enough is there for a whole one.
    bool has_whole_chunk() const { return sent_ < chunks_.size() || uncut_bytes() == chunk_bytes; }
    // The first chunk that was not sent on this connection, which counts as sent from now on; nullopt: there is none.
    std::optional<Chunk> next_unsent();
    void connection_lost() { sent_ = 0; }

    // For the result: all chunks (the first chunks_sent() of them were sent on this connection) and the tail.
    std::size_t chunk_count() const { return chunks_.size(); }
    std::size_t chunks_sent() const { return sent_; }
    Chunk chunk(std::size_t index) const { return {chunks_[index].offset, chunks_[index].bytes}; }
    std::string take_chunk(std::size_t index) { return std::move(chunks_[index].bytes); }  // it is empty from now on
    std::int64_t tail_offset() const { return cut_bytes_; }
    std::string_view tail() const { return uncut_; }  // at most chunk_bytes

  private:
    struct Kept {
        std::int64_t offset;
        std::string bytes;
    };
    std::int64_t limit_;
    std::int64_t total_ = 0;
    std::vector<Kept> chunks_;
    std::int64_t cut_bytes_ = 0;  // in chunks_
    std::string uncut_;
    std::size_t sent_ = 0;  // chunks sent on this connection
};

}  // namespace windlass::worker
