#include "shared/private_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace windlass {
namespace {

constexpr std::size_t largest = 64 * 1024;

struct Descriptor {
    int number;
    ~Descriptor() {
        if (number >= 0) close(number);
    }
};

// Handed over by the service manager, which lets this daemon alone into the directory. The bits of the group are then
// the mask of an access list that names its user.
bool is_credential(const std::string& path) {
    const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
    return directory != nullptr && *directory != '\0' && path.starts_with(std::string(directory) + "/");
}

Status judge(const struct stat& info, const std::string& where, const std::string& path) {
    if (!S_ISREG(info.st_mode)) return make_error(ErrorKind::invalid, where + " is not a file");
    if ((info.st_mode & (is_credential(path) ? 037 : 077)) != 0)
        return make_error(ErrorKind::denied, fmt::format("{} can be read by others; run: chmod 600 {}. Whoever read it "
                                                         "meanwhile still knows what it holds",
                                                         where, path));
    if (info.st_uid != geteuid() && info.st_uid != 0)
        return make_error(ErrorKind::denied, fmt::format("{} belongs to another user (uid {})", where, info.st_uid));
    if (static_cast<std::size_t>(info.st_size) > largest)
        return make_error(ErrorKind::invalid, where + " is too large to be a secret");
    return {};
}

}  // namespace

Result<std::string> read_private_file(const std::string& setting, const std::string& path) {
    const std::string where = setting + " " + path;
    // Not for ever, should it be a pipe.
    const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file.number < 0) return errno_error(where, errno);
    struct stat info {};
    if (fstat(file.number, &info) != 0) return errno_error(where, errno);
    WINDLASS_TRY_STATUS(judge(info, where, path));
    std::string text(largest, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t got = read(file.number, text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno_error("reading " + where, errno);
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    text.resize(size);
    return text;
}

Result<std::string> read_private_line(const std::string& setting, const std::string& path) {
    WINDLASS_TRY(auto text, read_private_file(setting, path));
    text.erase(std::min(text.find_first_of("\r\n"), text.size()));
    return text;
}

Status write_private_file(const std::string& path, std::string_view text) {
    const std::string temporary = path + ".new";
    const auto failed = [&](int error) {
        unlink(temporary.c_str());
        return errno_error("writing " + path, error);
    };
    unlink(temporary.c_str());
    {
        const Descriptor file{open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
        if (file.number < 0) return failed(errno);
        while (!text.empty()) {
            const ssize_t written = write(file.number, text.data(), text.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return failed(errno);
            text.remove_prefix(static_cast<std::size_t>(written));
        }
        if (fsync(file.number) != 0) return failed(errno);
    }
    if (rename(temporary.c_str(), path.c_str()) != 0) return failed(errno);
    const std::string directory = path.substr(0, path.find_last_of('/') + 1);
    const Descriptor around{open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (around.number < 0 || fsync(around.number) != 0) return errno_error("syncing the directory of " + path, errno);
    return {};
}

}  // namespace windlass
