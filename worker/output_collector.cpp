#include "worker/output_collector.h"

#include <algorithm>

namespace windlass::worker {
namespace {
constexpr std::int64_t flood_factor = 16;
constexpr std::int64_t smallest_flood_limit = 4096;
}  // namespace

void OutputCollector::add(std::string_view bytes) {
    total_ += static_cast<std::int64_t>(bytes.size());
    const auto room = static_cast<std::size_t>(std::max<std::int64_t>(limit_ - kept_bytes(), 0));
    kept_.append(bytes.substr(0, room));
}

bool OutputCollector::flooded() const {
    return total_ >= flood_factor * std::max(limit_, smallest_flood_limit);
}

void OutputCollector::cut() {
    while (uncut_bytes() > 0) ends_.push_back(tail_offset() + std::min(uncut_bytes(), chunk_bytes));
}

void OutputCollector::cut_down_to_tail() {
    while (uncut_bytes() > chunk_bytes) ends_.push_back(tail_offset() + chunk_bytes);
}

std::optional<OutputCollector::Chunk> OutputCollector::next_unsent() {
    if (sent_ == ends_.size()) return std::nullopt;
    return chunk(sent_++);
}

OutputCollector::Chunk OutputCollector::chunk(std::size_t index) const {
    const std::int64_t begin = index == 0 ? 0 : ends_[index - 1];
    return {begin, std::string_view(kept_).substr(static_cast<std::size_t>(begin),
                                                  static_cast<std::size_t>(ends_[index] - begin))};
}

}  // namespace windlass::worker
