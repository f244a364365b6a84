#include "api/monitoring/host_list.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

namespace windlass::api {
namespace {

constexpr std::size_t longest_number = 12;

Error not_a_list(std::string_view why) {
    return make_error(ErrorKind::invalid, fmt::format("is no list of hosts: {}", why));
}
Error too_many() {
    return make_error(ErrorKind::invalid, fmt::format("names more than {} hosts", most_hosts));
}

struct Range {
    std::int64_t first = 0, last = 0;
    int width = 0;
    std::size_t count() const { return static_cast<std::size_t>(last - first) + 1; }
};
// Text, then one of the numbers of `ranges` (none: nothing but the text).
struct Piece {
    std::string_view text;
    std::vector<Range> ranges;
};

bool may_stand_in_a_name(char c) {
    return static_cast<unsigned char>(c) > ' ' && c != 0x7f && c != '[' && c != ']' && c != ',' && c != '|';
}

Result<std::int64_t> parse_number(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || text.size() > longest_number || failed != std::errc() || end != text.data() + text.size() ||
        number < 0)
        return not_a_list("between brackets stand numbers and ranges of them");
    return number;
}

Result<std::vector<Range>> parse_ranges(std::string_view text) {
    std::vector<Range> ranges;
    std::size_t count = 0;
    while (true) {
        const auto comma = text.find(',');
        const auto one = text.substr(0, comma);
        const auto dash = one.find('-');
        const auto low = one.substr(0, dash);
        Range range;
        WINDLASS_TRY(range.first, parse_number(low));
        range.last = range.first;
        if (dash != std::string_view::npos) {
            WINDLASS_TRY(range.last, parse_number(one.substr(dash + 1)));
        }
        if (range.last < range.first) return not_a_list("a range ends before it begins");
        range.width = static_cast<int>(low.size());
        count += range.count();
        if (count > most_hosts || range.count() > most_hosts) return too_many();
        ranges.push_back(range);
        if (comma == std::string_view::npos) return ranges;
        text.remove_prefix(comma + 1);
    }
}

// One entry of the list, without the commas around it: names, brackets, names, …
Result<std::vector<Piece>> parse_entry(std::string_view entry) {
    std::vector<Piece> pieces;
    while (!entry.empty()) {
        Piece piece;
        std::size_t end = 0;
        while (end < entry.size() && may_stand_in_a_name(entry[end])) ++end;
        piece.text = entry.substr(0, end);
        entry.remove_prefix(end);
        if (!entry.empty()) {
            const auto close = entry.find(']');
            if (entry.front() != '[' || close == std::string_view::npos)
                return not_a_list("a bracket, a blank or a control character is out of place");
            WINDLASS_TRY(piece.ranges, parse_ranges(entry.substr(1, close - 1)));
            entry.remove_prefix(close + 1);
        }
        pieces.push_back(std::move(piece));
    }
    if (pieces.empty()) return not_a_list("a name between two commas is empty");
    return pieces;
}

struct Size {
    std::size_t hosts = 1;
    std::size_t longest_name = 0;
};
Result<Size> size_of(const std::vector<Piece>& pieces) {
    Size size;
    for (const auto& piece : pieces) {
        size.longest_name += piece.text.size();
        if (piece.ranges.empty()) continue;
        std::size_t count = 0;
        for (const auto& range : piece.ranges) count += range.count();
        size.hosts *= count;  // both at most most_hosts: no overflow
        if (size.hosts > most_hosts) return too_many();
        size.longest_name += longest_number;
    }
    return size;
}

void add_names(const std::vector<Piece>& pieces, std::size_t at, const std::string& before,
               std::vector<std::string>& hosts) {
    if (at == pieces.size()) {
        hosts.push_back(before);
        return;
    }
    const Piece& piece = pieces[at];
    const std::string with_text = before + std::string(piece.text);
    if (piece.ranges.empty()) return add_names(pieces, at + 1, with_text, hosts);
    for (const auto& range : piece.ranges)
        for (auto number = range.first; number <= range.last; ++number)
            add_names(pieces, at + 1, fmt::format("{}{:0{}}", with_text, number, range.width), hosts);
}

// Where the entry that begins the text ends: at a comma or bar outside brackets.
std::size_t end_of_entry(std::string_view text) {
    bool inside = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '[') inside = true;
        if (text[i] == ']') inside = false;
        if (!inside && (text[i] == ',' || text[i] == '|')) return i;
    }
    return text.size();
}

}  // namespace

Result<std::vector<std::string>> expand_host_list(std::string_view text) {
    constexpr std::size_t most_groups = 8;  // brackets in one name; Slurm knows fewer
    std::vector<std::string> hosts;
    if (text.size() > longest_host_list) return not_a_list(fmt::format("longer than {} bytes", longest_host_list));
    std::size_t bytes = 0;
    while (!text.empty()) {
        const auto end = end_of_entry(text);
        WINDLASS_TRY(const auto pieces, parse_entry(text.substr(0, end)));
        if (pieces.size() > most_groups) return not_a_list("a name has too many brackets");
        WINDLASS_TRY(const auto size, size_of(pieces));
        bytes += size.hosts * (size.longest_name + 1);
        if (hosts.size() + size.hosts > most_hosts) return too_many();
        if (bytes > 2 * longest_host_list)
            return make_error(ErrorKind::invalid, "names hosts whose names are too long together");
        add_names(pieces, 0, "", hosts);
        if (end == text.size()) return hosts;
        text.remove_prefix(end + 1);
        if (text.empty()) return not_a_list("it ends with a comma or a bar");
    }
    return hosts;
}

std::string joined_hosts(const std::vector<std::string>& hosts) {
    std::string text;
    for (const auto& host : hosts) {
        if (!text.empty()) text += '|';
        text += host;
    }
    return text;
}

}  // namespace windlass::api
