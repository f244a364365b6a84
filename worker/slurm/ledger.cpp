#include "worker/slurm/ledger.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "shared/digest.h"
#include "shared/log.h"

namespace windlass::worker::slurm {
namespace {

constexpr std::size_t identity_bytes = 6;

Status write_new(const std::string& path, std::string_view text) {
    const std::string beside = path + ".tmp";
    const FileDescriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return errno_error("making " + beside, errno);
    while (!text.empty()) {
        const ssize_t wrote = ::write(file.get(), text.data(), text.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return errno_error("writing " + beside, errno);
        text.remove_prefix(static_cast<std::size_t>(wrote));
    }
    if (fsync(file.get()) != 0) return errno_error("writing " + beside, errno);
    if (rename(beside.c_str(), path.c_str()) != 0) return errno_error("renaming " + beside, errno);
    return {};
}

std::string read_all(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

bool is_identity(std::string_view text) {
    return text.size() == 2 * identity_bytes &&
           std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::optional<std::int64_t> take_number(std::string_view& text) {
    if (text.empty() || text.front() != ' ') return std::nullopt;
    std::int64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data() + 1, text.data() + text.size(), value);
    if (failed != std::errc() || value <= 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

void read_line(std::string_view line, LedgerEntry& entry) {
    if (line.starts_with("job")) {
        line.remove_prefix(3);
        entry.job = take_number(line);
    } else if (line.starts_with("cut")) {
        line.remove_prefix(3);
        const auto stream = take_number(line);
        const auto end = take_number(line);
        if (!stream || !end || (*stream != 1 && *stream != 2)) return;
        auto& cuts = entry.cuts[static_cast<OutputStream>(*stream)];
        if (cuts.empty() || cuts.back() < *end) cuts.push_back(*end);
    }
}

}  // namespace

Result<LedgerEntry> parse_entry(std::string_view text) {
    auto end = text.find('\n');
    if (end == std::string_view::npos) return make_error(ErrorKind::invalid, "it ends too early");
    WINDLASS_TRY(auto message, protocol::decode(text.substr(0, end)));
    auto* lease = std::get_if<protocol::Lease>(&message);
    if (lease == nullptr) return make_error(ErrorKind::invalid, "it is no lease");
    LedgerEntry entry{std::move(*lease), {}, {}};
    while (true) {
        text.remove_prefix(end + 1);
        end = text.find('\n');
        if (end == std::string_view::npos) return entry;
        read_line(text.substr(0, end), entry);
    }
}

Result<Ledger> Ledger::open(const std::string& state_directory) {
    const std::string directory = state_directory + "/slurm";
    if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return errno_error("making " + directory, errno);
    FileDescriptor lock(::open((directory + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock) return errno_error("opening " + directory + "/lock", errno);
    if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
        return make_error(ErrorKind::conflict, "another worker uses " + state_directory +
                                                   ": give this one a worker.state_directory of its own");
    const std::string file = directory + "/identity";
    std::string identity = read_all(file);
    if (!identity.empty() && identity.back() == '\n') identity.pop_back();
    if (!is_identity(identity)) {
        identity = random_hex(identity_bytes);
        WINDLASS_TRY_STATUS(write_new(file, identity + "\n"));
    }
    return Ledger(directory, std::move(lock), std::move(identity));
}

std::vector<LedgerEntry> Ledger::entries() const {
    std::vector<LedgerEntry> entries;
    std::error_code failed;
    for (const auto& file : std::filesystem::directory_iterator(directory_, failed)) {
        if (file.path().extension() != ".attempt") continue;
        auto entry = parse_entry(read_all(file.path()));
        if (entry && path(entry->lease.attempt) == file.path()) {
            entries.push_back(std::move(entry).value());
            continue;
        }
        log::warning("{} is damaged and removed; its job in Slurm will be cancelled", file.path().native());
        unlink(file.path().c_str());
    }
    return entries;
}

Status Ledger::begin(const protocol::Lease& lease) const {
    protocol::Lease kept = lease;
    kept.code_size = kept.data_size = 0;
    return write_new(path(lease.attempt), protocol::encode(kept) + "\n");
}

void Ledger::submitted(AttemptRef ref, SlurmJobId job) const {
    append(ref, fmt::format("job {}\n", job));
}

void Ledger::cut(AttemptRef ref, OutputStream stream, std::int64_t end) const {
    append(ref, fmt::format("cut {} {}\n", static_cast<int>(stream), end));
}

void Ledger::remove(AttemptRef ref) const {
    unlink(path(ref).c_str());
}

void Ledger::append(AttemptRef ref, const std::string& line) const {
    const FileDescriptor file(::open(path(ref).c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    if (!file || ::write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        log::warning("{} could not be written: after a restart this worker asks Slurm instead", path(ref));
}

}  // namespace windlass::worker::slurm
