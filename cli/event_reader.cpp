#include "cli/event_reader.h"

#include <utility>

namespace windlass::cli {

void EventReader::add(std::string_view bytes) {
    while (true) {
        const auto end = bytes.find('\n');
        if (end == std::string_view::npos) break;
        partial_line_ += bytes.substr(0, end);
        bytes.remove_prefix(end + 1);
        std::string line = std::exchange(partial_line_, {});
        if (line.ends_with('\r')) line.pop_back();
        take_line(line);
    }
    partial_line_ += bytes;
}

void EventReader::take_line(std::string_view line) {
    if (line.empty()) {
        if (event_.type.empty()) event_.type = "message";
        if (std::exchange(has_data_, false)) on_event_(event_);
        event_.type.clear();
        event_.data.clear();
        return;
    }
    const auto colon = line.find(':');
    if (colon == 0) return;  // a comment: the connection lives
    const auto field = line.substr(0, colon);
    auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "event") event_.type = value;
    if (field == "id") event_.id = value;
    if (field != "data") return;
    if (std::exchange(has_data_, true)) event_.data += '\n';
    event_.data += value;
}

}  // namespace windlass::cli
