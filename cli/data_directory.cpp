#include "cli/data_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "cli/left_behind.h"
#include "cli/private_file.h"

namespace windlass::cli {
namespace {

// sun_path holds 108 bytes; the longest name that is put behind the directory is short, but the daemons add their own.
constexpr std::size_t longest_socket_path = 100;
constexpr const char* longest_socket_name = "/scheduler.sock";
constexpr std::size_t secret_bytes = 32;
constexpr std::size_t log_kept_bytes = 8 << 20;

std::string hex(const unsigned char* bytes, std::size_t size) {
    std::string out(size * 2 + 1, '\0');
    sodium_bin2hex(out.data(), out.size(), bytes, size);
    out.pop_back();
    return out;
}

Result<int> take_lock(const std::string& directory) {
    const std::string path = directory + "/lock";
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return errno_error("opening " + path, errno);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        std::array<char, 32> pid{};
        const bool known = pread(fd, pid.data(), pid.size() - 1, 0) > 0;
        close(fd);
        return make_error(
            ErrorKind::conflict,
            fmt::format("{} is in use by another `windlass dev`{}. Stop that one first, or give this one its own "
                        "directory with --data DIR",
                        directory, known ? fmt::format(" (process {})", std::strtol(pid.data(), nullptr, 10)) : ""));
    }
    const std::string pid = std::to_string(getpid()) + "\n";
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) {
        const int error = errno;
        close(fd);
        return errno_error("writing " + path, error);
    }
    return fd;
}

// Logs are appended to over many starts; what is large is put aside once, so that two generations are kept.
void rotate_logs(const std::string& directory) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directory, ignored))
        if (entry.path().extension() == ".log" && entry.file_size(ignored) > log_kept_bytes && !ignored)
            std::filesystem::rename(entry.path(), entry.path().string() + ".1", ignored);
}

}  // namespace

Result<DataDirectory> DataDirectory::open(const std::string& path) {
    std::error_code failed;
    const std::string absolute = std::filesystem::absolute(path, failed).lexically_normal().string();
    if (failed || absolute.empty()) return make_error(ErrorKind::invalid, fmt::format("--data {}: not a path", path));
    const std::string trimmed =
        absolute.size() > 1 && absolute.back() == '/' ? absolute.substr(0, absolute.size() - 1) : absolute;
    WINDLASS_TRY_STATUS(make_private_directories(trimmed));
    const std::string real = std::filesystem::canonical(trimmed, failed).string();
    if (failed) return make_error(ErrorKind::invalid, fmt::format("--data {}: {}", path, failed.message()));
    struct stat info {};
    if (stat(real.c_str(), &info) != 0) return errno_error("directory " + real, errno);
    if (info.st_uid != geteuid())
        return make_error(
            ErrorKind::denied,
            fmt::format("{} belongs to another user; give a directory of your own with --data DIR", real));
    if ((info.st_mode & 022) != 0)
        return make_error(ErrorKind::denied, fmt::format("others may write into {}; run: chmod go-w {}", real, real));
    WINDLASS_TRY(const int lock, take_lock(real));
    DataDirectory directory(real, lock);
    WINDLASS_TRY_STATUS(end_daemons_left_behind(directory.file("daemons")));
    for (const char* part : {"log", "run", "worker"})
        WINDLASS_TRY_STATUS(make_private_directories(directory.file(part)));
    rotate_logs(directory.file("log"));
    unlink(directory.file("endpoint").c_str());
    WINDLASS_TRY_STATUS(directory.make_socket_directory());
    WINDLASS_TRY_STATUS(directory.make_secret());
    return directory;
}

DataDirectory::DataDirectory(DataDirectory&& other) noexcept
    : path_(other.path_),
      socket_directory_(other.socket_directory_),
      socket_directory_is_ours_(std::exchange(other.socket_directory_is_ours_, false)),
      lock_fd_(std::exchange(other.lock_fd_, -1)) {}

DataDirectory::~DataDirectory() {
    if (lock_fd_ < 0) return;
    unlink(file("endpoint").c_str());
    unlink(file("daemons").c_str());
    std::error_code ignored;
    if (socket_directory_is_ours_) std::filesystem::remove_all(socket_directory_, ignored);
    close(lock_fd_);
}

Status DataDirectory::make_socket_directory() {
    socket_directory_ = file("run");
    if (socket_directory_.size() + std::strlen(longest_socket_name) <= longest_socket_path) return {};
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    const bool usable = runtime != nullptr && runtime[0] == '/' && access(runtime, W_OK | X_OK) == 0 &&
                        std::strlen(runtime) < longest_socket_path / 2;
    std::string pattern = fmt::format("{}/windlass-XXXXXX", usable ? runtime : "/tmp");
    if (mkdtemp(pattern.data()) == nullptr) return errno_error("making a directory for sockets: " + pattern, errno);
    socket_directory_ = pattern;
    socket_directory_is_ours_ = true;
    return {};
}

Status DataDirectory::make_secret() {
    const std::string path = file("scheduler.secret");
    if (access(path.c_str(), F_OK) == 0) return {};
    std::array<unsigned char, secret_bytes> bytes;
    randombytes_buf(bytes.data(), bytes.size());
    return write_private_file(path, hex(bytes.data(), bytes.size()) + "\n");
}

std::string DataDirectory::fingerprint() const {
    std::array<unsigned char, crypto_generichash_BYTES_MIN> hash;
    crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(path_.data()), path_.size(),
                       nullptr, 0);
    return hex(hash.data(), 4);
}

Status DataDirectory::write_endpoint(const std::string& url) {
    return write_private_file(file("endpoint"), url + "\n");
}

void DataDirectory::remember_daemons(const std::vector<pid_t>& pids) {
    // If it cannot be written, only the cleaning up after a kill -9 suffers.
    if (const Status status = write_private_file(file("daemons"), describe_processes(pids)); !status) return;
}

}  // namespace windlass::cli
