#include "worker/output_collector.h"

#include <algorithm>

namespace windlass::worker {
namespace {
constexpr std::int64_t flood_factor = 16;
constexpr std::int64_t smallest_flood_limit = 4096;
}  // namespace

void OutputCollector::add(std::string_view bytes) {
    total_ += static_cast<std::int64_t>(bytes.size());
    bytes = bytes.substr(0, static_cast<std::size_t>(std::max<std::int64_t>(limit_ - kept_bytes(), 0)));
    while (!bytes.empty()) {
        if (uncut_bytes() == chunk_bytes) cut();
        const auto room = static_cast<std::size_t>(chunk_bytes - uncut_bytes());
        uncut_.append(bytes.substr(0, room));
        bytes.remove_prefix(std::min(room, bytes.size()));
    }
}

bool OutputCollector::flooded() const {
    return total_ >= flood_factor * std::max(limit_, smallest_flood_limit);
}

void OutputCollector::cut() {
    if (uncut_.empty()) return;
    chunks_.push_back({cut_bytes_, uncut_});  // a copy is exactly as large as it must be; the buffer is used again
    cut_bytes_ += uncut_bytes();
    uncut_.clear();
}

std::optional<OutputCollector::Chunk> OutputCollector::next_unsent() {
    if (sent_ == chunks_.size()) return std::nullopt;
    return chunk(sent_++);
}

}  // namespace windlass::worker
