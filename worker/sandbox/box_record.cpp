#include "worker/sandbox/box_record.h"

#include <cstdint>
#include <cstring>

namespace windlass::worker {
namespace {
constexpr std::size_t head_bytes = 1 + sizeof(std::uint32_t);
}

std::string record_head(char kind, std::size_t bytes) {
    const auto size = static_cast<std::uint32_t>(bytes);
    std::string head(head_bytes, kind);
    std::memcpy(head.data() + 1, &size, sizeof size);
    return head;
}

std::string record_entry(char kind, std::string_view text) {
    return record_head(kind, text.size()).append(text);
}

std::vector<RecordEntry> entries_of(std::string_view record) {
    std::vector<RecordEntry> entries;
    while (record.size() >= head_bytes && record[0] != 0) {
        std::uint32_t size = 0;
        std::memcpy(&size, record.data() + 1, sizeof size);
        if (record.size() - head_bytes < size) break;
        entries.push_back({record[0], std::string(record.substr(head_bytes, size))});
        record.remove_prefix(head_bytes + size);
    }
    return entries;
}

}  // namespace windlass::worker
