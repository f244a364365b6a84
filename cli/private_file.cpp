#include "cli/private_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace windlass::cli {
namespace {

Status write_all(int fd, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const ssize_t n = write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno_error("writing " + path, errno);
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    if (fsync(fd) != 0) return errno_error("writing " + path, errno);
    return {};
}

Result<std::string> home_directory() {
    if (const char* home = std::getenv("HOME"); home != nullptr && home[0] == '/') return std::string(home);
    if (const passwd* entry = getpwuid(getuid()); entry != nullptr && entry->pw_dir != nullptr)
        return std::string(entry->pw_dir);
    return make_error(ErrorKind::invalid,
                      "HOME is not set, so there is no place for windlass's files: set it, or name one with --data");
}

Result<std::string> below_home(const char* variable, const char* fallback) {
    // The base-directory specification: a relative path in these variables is to be ignored.
    if (const char* base = std::getenv(variable); base != nullptr && base[0] == '/')
        return std::string(base) + "/windlass";
    WINDLASS_TRY(const std::string home, home_directory());
    return home + fallback;
}

}  // namespace

Status write_private_file(const std::string& path, std::string_view text, unsigned mode) {
    const std::string beside = fmt::format("{}.{}.new", path, getpid());
    const int fd = open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) return errno_error("writing " + path, errno);
    Status status = write_all(fd, text, path);
    if (status && fchmod(fd, mode) != 0) status = errno_error("writing " + path, errno);
    close(fd);
    if (status && rename(beside.c_str(), path.c_str()) != 0) status = errno_error("writing " + path, errno);
    if (!status) unlink(beside.c_str());
    return status;
}

Result<std::string> read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return errno_error("reading " + path, errno);
    std::ostringstream text;
    text << in.rdbuf();
    if (in.bad() || (in.fail() && !in.eof())) return make_error(ErrorKind::internal, "reading " + path + " failed");
    return text.str();
}

Status make_private_directories(const std::string& path) {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const std::string part = path.substr(0, end);
        if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST && access(part.c_str(), F_OK) != 0)
            return errno_error("making the directory " + part, errno);
        if (end == std::string::npos) break;
    }
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return errno_error("directory " + path, errno);
    if (!S_ISDIR(info.st_mode)) return make_error(ErrorKind::invalid, path + " is not a directory");
    return {};
}

Result<std::string> config_home() {
    return below_home("XDG_CONFIG_HOME", "/.config/windlass");
}
Result<std::string> data_home() {
    return below_home("XDG_DATA_HOME", "/.local/share/windlass");
}

}  // namespace windlass::cli
