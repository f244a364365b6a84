#include "cli/result_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "cli/terminal.h"

namespace windlass::cli {
namespace {

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) close(fd_);
    }
    int get() const { return fd_; }
    void reset(int fd) {
        if (fd_ >= 0) close(fd_);
        fd_ = fd;
    }

  private:
    int fd_;
};

}  // namespace

Result<std::filesystem::path> place_of(const std::filesystem::path& directory, std::string_view path) {
    const std::filesystem::path inside(path);
    const Error strange = make_error(ErrorKind::invalid, fmt::format("a file called \"{}\" has no place below {}",
                                                                     harmless(path), directory.string()));
    if (inside.empty() || inside.is_absolute() || !inside.has_filename()) return strange;
    for (const auto& part : inside)
        if (part == ".." || part == "." || part.empty()) return strange;
    return directory / inside;
}

Status write_result_file(const std::filesystem::path& directory, std::string_view path, std::string_view bytes,
                         bool replace) {
    WINDLASS_TRY(const std::filesystem::path place, place_of(directory, path));
    const auto failed = [&](const char* what) {
        return errno_error(fmt::format("{} {}", what, harmless(place.string())), errno);
    };
    // Step by step, from the directory that a person named: openat() with O_NOFOLLOW does not leave it.
    Descriptor at(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (at.get() < 0) return failed("opening the directory for");
    const std::filesystem::path inside(path);
    for (const auto& part : inside.parent_path()) {
        if (mkdirat(at.get(), part.c_str(), 0777) != 0 && errno != EEXIST) return failed("making the directory for");
        const int next = openat(at.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0) return failed("opening the directory for");
        at.reset(next);
    }
    const int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | (replace ? O_TRUNC : O_EXCL);
    const Descriptor file(openat(at.get(), inside.filename().c_str(), flags, 0666));
    if (file.get() < 0 && errno == EEXIST)
        return make_error(ErrorKind::conflict,
                          fmt::format("{} is there already; --force replaces it, --to DIR takes another place",
                                      harmless(place.string())));
    if (file.get() < 0) return failed("writing");
    for (std::size_t done = 0; done < bytes.size();) {
        const ssize_t written = write(file.get(), bytes.data() + done, bytes.size() - done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return failed("writing");
        done += static_cast<std::size_t>(written);
    }
    return {};
}

}  // namespace windlass::cli
