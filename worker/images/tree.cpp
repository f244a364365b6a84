#include "worker/images/tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <vector>

#include "shared/digest.h"
#include "worker/directory_stream.h"

namespace windlass::worker {
namespace {

constexpr int deepest = 200;
constexpr int only_here = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;

// Null, with errno: it cannot be read.
DirectoryStream open_stream(int directory) {
    const int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | only_here);
    return DirectoryStream(copy < 0 ? nullptr : fdopendir(copy));
}

// The names in a directory, sorted.
Result<std::vector<std::string>> names_in(int directory) {
    const DirectoryStream stream = open_stream(directory);
    if (!stream) return errno_error("reading a directory", errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(stream.get())) {
        if (!is_dots(entry->d_name)) names.emplace_back(entry->d_name);
    }
    if (errno != 0) return errno_error("reading a directory", errno);
    std::sort(names.begin(), names.end());
    return names;
}

FileDescriptor open_inside(int directory, const std::string& name, int flags) {
    return FileDescriptor(openat(directory, name.c_str(), flags | only_here));
}

void count(int directory, const TreeLimits& limits, TreeSize& size, int depth) {
    const auto stream = open_stream(directory);
    if (!stream || depth > deepest) return;
    // One after the other, as they come: who fills a directory does not fill our memory.
    while (const dirent* entry = readdir(stream.get())) {
        if (size.bytes > limits.bytes || size.files > limits.files) return;
        const std::string name = entry->d_name;
        if (is_dots(name)) continue;
        struct stat seen {};
        if (fstatat(directory, name.c_str(), &seen, AT_SYMLINK_NOFOLLOW) != 0) continue;
        size.files++;
        size.bytes += seen.st_blocks * 512;
        if (!S_ISDIR(seen.st_mode)) continue;
        if (const FileDescriptor below = open_inside(directory, name, O_RDONLY | O_DIRECTORY))
            count(below.get(), limits, size, depth + 1);
    }
}

class Copy {
  public:
    explicit Copy(const TreeLimits& limits) : limits_(limits), buffer_(256 * 1024, '\0') {}

    Status directory(int from, int to, const std::string& path, int depth) {
        if (depth > deepest)
            return make_error(ErrorKind::invalid, path + ": deeper than 200 directories, which no image is");
        WINDLASS_TRY(const auto names, names_in(from));
        for (const std::string& name : names) WINDLASS_TRY_STATUS(entry(from, to, name, path + "/" + name, depth));
        return {};
    }
    std::string hex() { return digest_.hex(); }

  private:
    Status entry(int from, int to, const std::string& name, const std::string& path, int depth) {
        struct stat seen {};
        if (fstatat(from, name.c_str(), &seen, AT_SYMLINK_NOFOLLOW) != 0) return errno_error(path, errno);
        if (!S_ISDIR(seen.st_mode) && !S_ISREG(seen.st_mode) && !S_ISLNK(seen.st_mode)) return {};
        size_.files++;
        size_.bytes += S_ISREG(seen.st_mode) ? seen.st_size : 4096;
        if (const auto fault = beyond(size_, limits_); !fault.empty()) return make_error(ErrorKind::invalid, fault);
        const mode_t mode = seen.st_mode & 0777;
        note(fmt::format("{:o} {}", (seen.st_mode & S_IFMT) | mode, path));
        if (S_ISLNK(seen.st_mode)) return link(from, to, name, path);
        if (S_ISREG(seen.st_mode)) return file(from, to, name, path, mode);
        const FileDescriptor source = open_inside(from, name, O_RDONLY | O_DIRECTORY);
        if (!source) return errno_error(path, errno);
        if (mkdirat(to, name.c_str(), 0700) != 0) return errno_error("making " + path, errno);
        const FileDescriptor target = open_inside(to, name, O_RDONLY | O_DIRECTORY);
        if (!target) return errno_error("making " + path, errno);
        WINDLASS_TRY_STATUS(directory(source.get(), target.get(), path, depth + 1));
        return fchmod(target.get(), mode) == 0 ? Status() : errno_error(path, errno);
    }
    Status link(int from, int to, const std::string& name, const std::string& path) {
        const ssize_t length = readlinkat(from, name.c_str(), buffer_.data(), 4096);
        if (length < 0) return errno_error(path, errno);
        const std::string target = buffer_.substr(0, static_cast<std::size_t>(length));
        note(target);
        return symlinkat(target.c_str(), to, name.c_str()) == 0 ? Status() : errno_error("making " + path, errno);
    }
    Status file(int from, int to, const std::string& name, const std::string& path, mode_t mode) {
        const FileDescriptor source = open_inside(from, name, O_RDONLY);
        if (!source) return errno_error(path, errno);
        const FileDescriptor target(openat(to, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | only_here, mode));
        if (!target) return errno_error("making " + path, errno);
        std::int64_t copied = 0;
        while (const ssize_t got = read(source.get(), buffer_.data(), buffer_.size())) {
            if (got < 0) return errno_error(path, errno);
            copied += got;  // it may have grown since it was counted
            if (copied > limits_.bytes) return make_error(ErrorKind::invalid, path + " does not end");
            digest_.add({buffer_.data(), static_cast<std::size_t>(got)});
            for (ssize_t at = 0; at < got;) {
                const ssize_t put = write(target.get(), buffer_.data() + at, static_cast<std::size_t>(got - at));
                if (put < 0) return errno_error("writing " + path, errno);
                at += put;
            }
        }
        note(std::to_string(copied));
        return fchmod(target.get(), mode) == 0 ? Status() : errno_error(path, errno);
    }
    void note(const std::string& text) {
        digest_.add(text);
        digest_.add(std::string_view("\0", 1));
    }

    const TreeLimits limits_;
    TreeSize size_;
    Sha256 digest_;
    std::string buffer_;
};

Status drop_attributes(int file, const std::string& path) {
    std::vector<char> names(64 * 1024);
    const ssize_t length = flistxattr(file, names.data(), names.size());
    if (length < 0) return errno == ENOTSUP ? Status() : errno_error("attributes of " + path, errno);
    for (ssize_t at = 0; at < length; at += static_cast<ssize_t>(std::string_view(&names[at]).size()) + 1) {
        if (fremovexattr(file, &names[static_cast<std::size_t>(at)]) != 0 && errno != ENODATA)
            return errno_error("attributes of " + path, errno);
    }
    return {};
}

Status tame(int directory, const std::string& path, int depth);

Status tame_entry(int directory, const std::string& name, const std::string& path, int depth) {
    struct stat seen {};
    if (fstatat(directory, name.c_str(), &seen, AT_SYMLINK_NOFOLLOW) != 0) return errno_error(path, errno);
    const bool is_directory = S_ISDIR(seen.st_mode);
    if (!is_directory && !S_ISREG(seen.st_mode) && !S_ISLNK(seen.st_mode))
        return unlinkat(directory, name.c_str(), 0) == 0 ? Status() : errno_error("removing " + path, errno);
    if (geteuid() == 0 && fchownat(directory, name.c_str(), 0, 0, AT_SYMLINK_NOFOLLOW) != 0)
        return errno_error("owning " + path, errno);
    if (S_ISLNK(seen.st_mode)) return {};
    const mode_t mode = (seen.st_mode & (is_directory ? 01777U : 0777U)) | (is_directory ? 0700U : 0400U);
    // Not a link, and nobody else is here to make it one; changing the owner took setuid bits away.
    if (fchmodat(directory, name.c_str(), mode, 0) != 0) return errno_error("permissions of " + path, errno);
    const FileDescriptor entry = open_inside(directory, name, O_RDONLY | (is_directory ? O_DIRECTORY : 0));
    if (!entry) return errno_error(path, errno);
    WINDLASS_TRY_STATUS(drop_attributes(entry.get(), path));
    return is_directory ? tame(entry.get(), path, depth + 1) : Status();
}

Status tame(int directory, const std::string& path, int depth) {
    if (depth > deepest)
        return make_error(ErrorKind::invalid, path + ": deeper than 200 directories, which no image is");
    WINDLASS_TRY(const auto names, names_in(directory));
    for (const std::string& name : names) WINDLASS_TRY_STATUS(tame_entry(directory, name, path + "/" + name, depth));
    return {};
}

FileDescriptor open_in_root(int root, const std::string& path, std::uint64_t flags) {
    open_how how{};
    how.flags = flags | O_CLOEXEC | O_NONBLOCK;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    return FileDescriptor(static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
}

Status empty(int directory) {
    WINDLASS_TRY(const auto names, names_in(directory));
    for (const std::string& name : names) WINDLASS_TRY_STATUS(remove_tree(directory, name));
    return {};
}

}  // namespace

Result<FileDescriptor> open_directory(const std::string& path) {
    FileDescriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return errno_error("opening " + path, errno);
    return directory;
}

TreeSize measure_tree(int directory, const TreeLimits& limits) {
    TreeSize size;
    count(directory, limits, size, 0);
    return size;
}

std::string beyond(const TreeSize& size, const TreeLimits& limits) {
    if (size.bytes > limits.bytes)
        return fmt::format("it is larger than {} bytes, the limit of images here (worker.image_bytes)", limits.bytes);
    if (size.files > limits.files)
        return fmt::format("it has more than {} files, the limit of images here (worker.image_files)", limits.files);
    return {};
}

Result<std::string> copy_tree(int from, int to, const TreeLimits& limits) {
    Copy copy(limits);
    WINDLASS_TRY_STATUS(copy.directory(from, to, "", 0));
    return copy.hex();
}

Status make_harmless(int directory) {
    if (geteuid() == 0 && fchown(directory, 0, 0) != 0) return errno_error("owning the root of the image", errno);
    if (fchmod(directory, 0755) != 0) return errno_error("permissions of the root of the image", errno);
    WINDLASS_TRY_STATUS(drop_attributes(directory, "/"));
    return tame(directory, "", 0);
}

void make_path_inside(int root, const std::string& path) {
    std::size_t at = path.find_first_not_of('/');
    std::string so_far = "/";
    while (at != std::string::npos) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        const std::string name = path.substr(at, end - at);
        const FileDescriptor parent = open_in_root(root, so_far, O_RDONLY | O_DIRECTORY);
        if (!parent) return;
        if (name != "." && name != "..") mkdirat(parent.get(), name.c_str(), 0755);
        so_far += name + "/";
        at = path.find_first_not_of('/', end);
    }
}

std::string read_inside(int root, const std::string& path, std::size_t most) {
    const FileDescriptor file = open_in_root(root, path, O_RDONLY);
    struct stat seen {};
    if (!file || fstat(file.get(), &seen) != 0 || !S_ISREG(seen.st_mode)) return {};
    std::string text(most, '\0');
    std::size_t size = 0;
    while (size < most) {
        const ssize_t got = read(file.get(), text.data() + size, most - size);
        if (got <= 0) break;
        size += static_cast<std::size_t>(got);
    }
    text.resize(size);
    return text;
}

Status remove_tree(int parent, const std::string& name) {
    if (unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR && errno != EPERM) return errno_error("removing " + name, errno);
    // As its owner one may have to take back what the owner was forbidden.
    if (geteuid() != 0 && fchmodat(parent, name.c_str(), 0700, 0) != 0) return errno_error("opening " + name, errno);
    if (const FileDescriptor directory = open_inside(parent, name, O_RDONLY | O_DIRECTORY)) {
        WINDLASS_TRY_STATUS(empty(directory.get()));
    }
    if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    return errno_error("removing " + name, errno);
}

}  // namespace windlass::worker
