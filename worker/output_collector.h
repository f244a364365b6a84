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

    std::int64_t kept_bytes() const { return static_cast<std::int64_t>(kept_.size()); }
    bool truncated() const { return total_ > kept_bytes(); }
    // It has printed 16 times its limit (limits under 4 KiB count as 4: the pipe itself holds 64).
    bool flooded() const;

    struct Chunk {
        std::int64_t offset = 0;
        std::string_view bytes;  // valid until the next add()
    };
    std::int64_t uncut_bytes() const { return kept_bytes() - tail_offset(); }
    // Everything kept so far becomes chunks.
    void cut();
    // Leaves a tail of at most chunk_bytes: what goes with the result must fit its message.
    void cut_down_to_tail();
    // The first chunk that was not sent on this connection, which counts as sent from now on; nullopt: there is none.
    std::optional<Chunk> next_unsent();
    void connection_lost() { sent_ = 0; }

    // For the result: all chunks (the first chunks_sent() of them were sent on this connection) and the tail.
    std::size_t chunk_count() const { return ends_.size(); }
    std::size_t chunks_sent() const { return sent_; }
    Chunk chunk(std::size_t index) const;
    std::int64_t tail_offset() const { return ends_.empty() ? 0 : ends_.back(); }
    std::string_view tail() const { return std::string_view(kept_).substr(static_cast<std::size_t>(tail_offset())); }

  private:
    std::int64_t limit_;
    std::int64_t total_ = 0;
    std::string kept_;
    std::vector<std::int64_t> ends_;  // of the chunks
    std::size_t sent_ = 0;            // chunks sent on this connection
};

}  // namespace windlass::worker
