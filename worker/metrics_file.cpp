#include "worker/metrics_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <variant>

#include "shared/json.h"
#include "shared/metrics/line_protocol.h"
#include "worker/file_descriptor.h"

namespace windlass::worker {
namespace {

constexpr std::size_t longest_name = 200;
constexpr std::size_t longest_tags = 64;  // of a type-id: metrics::check

FileDescriptor open_metrics(int directory) {
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    return FileDescriptor(static_cast<int>(syscall(SYS_openat2, directory, "metrics", &how, sizeof how)));
}

// What can be a name of a series and of a field of a log: text without control characters.
bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= longest_name && is_valid_utf8(text) &&
           std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::optional<double> number(const metrics::FieldValue& value) {
    if (const auto* real = std::get_if<double>(&value))
        return std::isfinite(*real) ? std::optional(*real) : std::nullopt;
    if (const auto* truth = std::get_if<bool>(&value)) return *truth ? 1.0 : 0.0;
    return std::nullopt;
}

// "phase=train,rank=0": by name, so that the same tags are the same series in whatever order they are written.
std::string tags_as_type_id(const metrics::Line& line) {
    std::vector<std::pair<std::string, std::string>> tags = line.tags;
    std::sort(tags.begin(), tags.end());
    std::string text;
    for (const auto& [name, value] : tags) text += (text.empty() ? "" : ",") + name + "=" + value;
    return text;
}

}  // namespace

void MetricsFile::look(int directory, WallTime started, WallTime now, bool last, const OnSample& on_sample) {
    const FileDescriptor file = open_metrics(directory);
    struct stat about {};
    if (!file || fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode)) return;
    if (about.st_ino != inode_ || about.st_size < position_) {  // another file, or written anew
        inode_ = about.st_ino;
        position_ = 0;
        unfinished_.clear();
        skips_line_ = false;
    }
    std::int64_t room = std::min(last ? 4 * bytes_at_once : bytes_at_once, bytes_in_all - bytes_read_);
    std::string bytes(
        static_cast<std::size_t>(std::max<std::int64_t>(std::min<std::int64_t>(room, about.st_size - position_), 0)),
        '\0');
    const ssize_t got = bytes.empty() ? 0 : pread(file.get(), bytes.data(), bytes.size(), position_);
    bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    position_ += static_cast<off_t>(bytes.size());
    bytes_read_ += static_cast<std::int64_t>(bytes.size());

    std::size_t left = points_at_once;
    std::string_view rest = bytes;
    for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
        const auto line = rest.substr(0, end);
        rest.remove_prefix(end + 1);
        if (!std::exchange(skips_line_, false)) {
            if (unfinished_.empty())
                read_line(line, started, now, left, on_sample);
            else
                read_line(unfinished_.append(line), started, now, left, on_sample);
        }
        unfinished_.clear();
    }
    if (!skips_line_) unfinished_.append(rest);
    if (unfinished_.size() > line_bytes) {
        skips_line_ = true;
        ++passed_over_;
        unfinished_.clear();
    }
    if (last && !unfinished_.empty()) {
        read_line(unfinished_, started, now, left, on_sample);
        unfinished_.clear();
    }
}

void MetricsFile::read_line(std::string_view text, WallTime started, WallTime now, std::size_t& left,
                            const OnSample& on_sample) {
    metrics::LineLimits limits;
    limits.lines = 1;
    limits.line_bytes = line_bytes;
    const auto parsed = text.size() > line_bytes ? Result<std::vector<metrics::Line>>(std::vector<metrics::Line>())
                                                 : metrics::parse_lines(text, {}, limits);
    if (!parsed || text.size() > line_bytes) {
        ++passed_over_;
        return;
    }
    for (const metrics::Line& line : *parsed) {
        WallTime at = now;
        if (line.at_ns) {
            const WallTime said = from_unix_us(*line.at_ns / 1000);
            if (said >= started && said <= now) at = said;
        }
        const std::string tags = tags_as_type_id(line);
        const bool tags_fit = tags.empty() || (tags.size() <= longest_tags && is_name(tags));
        for (const auto& [field, value] : line.fields) {
            std::string name = "user." + line.measurement + (field == "value" ? std::string() : "." + field);
            const auto real = number(value);
            const std::pair series(name, tags);
            const bool has_room = series_.contains(series) || series_.size() < most_series;
            if (!real || left == 0 || !is_name(name) || !tags_fit || !has_room) {
                ++passed_over_;
                continue;
            }
            --left;
            series_.insert(series);
            on_sample({at, std::move(name), "", tags, *real});
        }
    }
}

}  // namespace windlass::worker
