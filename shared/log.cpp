#include "shared/log.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "shared/log_format.h"

namespace windlass::log {
namespace {

enum class Format { text, json, journal };

struct State {
    std::atomic<Level> least{Level::info};
    std::mutex mutex;  // of the rest; lines come out whole, one after the other
    std::string program = "windlass";
    Format format = Format::text;
    int journal = -1;  // a datagram socket
    std::function<void(std::string_view)> listener;
};

// Never destroyed: threads may log to the very end.
State& state() {
    static State* const only = new State;
    return *only;
}

// Whether standard error is what journald gave this service: JOURNAL_STREAM is its device and inode (systemd.exec(5)).
bool below_journald() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat about {};
    return stream != nullptr && fstat(STDERR_FILENO, &about) == 0 &&
           fmt::format("{}:{}", about.st_dev, about.st_ino) == stream;
}

// WINDLASS_JOURNAL_SOCKET: another place, for tests.
Result<int> connect_to_journal() {
    const char* other = std::getenv("WINDLASS_JOURNAL_SOCKET");
    const std::string path = other != nullptr ? other : "/run/systemd/journal/socket";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return make_error(ErrorKind::invalid, path + ": too long for a socket");
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
    const Error why = errno_error("log.format = journal: connecting to " + path, errno);
    if (fd >= 0) close(fd);
    return why;
}

void write_whole(std::string line) {
    line += '\n';
    for (std::string_view rest = line; !rest.empty();) {
        const ssize_t written = ::write(STDERR_FILENO, rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;  // nobody is left to tell
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace

namespace field {

Field job(JobId id) {
    return {"job_id", id ? id.text() : std::string()};
}
Field attempt(AttemptRef attempt) {
    return {"attempt", std::to_string(attempt.attempt)};
}
Field request(std::string_view id) {
    return {"request_id", std::string(id)};
}
Field traceparent(std::string_view value) {
    return {"traceparent", std::string(value)};
}
Field worker(std::string_view name) {
    return {"worker", std::string(name)};
}

}  // namespace field

Status configure(std::string_view program, std::string_view level, std::string_view format) {
    State& us = state();
    if (level == "debug")
        us.least = Level::debug;
    else if (level == "info")
        us.least = Level::info;
    else if (level == "warning")
        us.least = Level::warning;
    else if (level == "error")
        us.least = Level::error;
    else
        return make_error(ErrorKind::invalid,
                          fmt::format("log.level is \"{}\"; use debug, info, warning or error", level));
    if (format != "text" && format != "json" && format != "journal" && format != "auto")
        return make_error(ErrorKind::invalid,
                          fmt::format("log.format is \"{}\"; use text, json, journal or auto", format));
    const std::lock_guard lock(us.mutex);
    us.program = program;
    us.format = format == "json" ? Format::json : Format::text;
    if (us.journal >= 0) close(std::exchange(us.journal, -1));
    if (format != "journal" && !(format == "auto" && below_journald())) return {};
    auto journal = connect_to_journal();
    if (!journal) return format == "auto" ? Status() : Status(journal.error());
    us.journal = *journal;
    us.format = Format::journal;
    return {};
}

bool enabled(Level level) {
    return level >= state().least.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view text, Fields fields) {
    if (!enabled(level)) return;
    State& us = state();
    const std::lock_guard lock(us.mutex);
    const Line line{std::chrono::system_clock::now(), level, us.program, text, fields};
    std::string shown;
    if (us.listener || us.format == Format::text) shown = as_text(line);
    if (us.listener) us.listener(shown);
    if (us.format == Format::journal) {
        const std::string entry = as_journal_entry(line);
        if (send(us.journal, entry.data(), entry.size(), MSG_NOSIGNAL) >= 0) return;
        // journald is being restarted, or gone: standard error still leads somewhere.
        if (shown.empty()) shown = as_text(line);
    }
    write_whole(us.format == Format::json ? as_json(line) : std::move(shown));
}

void set_listener(std::function<void(std::string_view line)> listener) {
    State& us = state();
    const std::lock_guard lock(us.mutex);
    us.listener = std::move(listener);
}

}  // namespace windlass::log
