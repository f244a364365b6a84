#include "api/front/spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace windlass::api {

SpooledBody::SpooledBody(int descriptor, std::shared_ptr<std::atomic<std::int64_t>> total, std::int64_t most)
    : descriptor_(descriptor), total_(std::move(total)), most_(most) {}

SpooledBody::~SpooledBody() {
    total_->fetch_sub(size_);
    ::close(descriptor_);
}

Status SpooledBody::append(std::string_view bytes) {
    const auto more = static_cast<std::int64_t>(bytes.size());
    if (total_->fetch_add(more) + more > most_) {
        total_->fetch_sub(more);
        return make_error(ErrorKind::unavailable, "too many uploads are under way");
    }
    size_ += more;
    while (!bytes.empty()) {
        const auto written = ::write(descriptor_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return make_error(ErrorKind::unavailable, errno_error("writing an upload", errno).message);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Result<std::string> SpooledBody::read(std::int64_t offset, std::int64_t most) const {
    std::string bytes(static_cast<std::size_t>(std::clamp<std::int64_t>(size_ - offset, 0, most)), '\0');
    for (std::size_t have = 0; have < bytes.size();) {
        const auto got = ::pread(descriptor_, bytes.data() + have, bytes.size() - have,
                                 static_cast<off_t>(offset) + static_cast<off_t>(have));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return errno_error("reading an upload", got == 0 ? EIO : errno);
        have += static_cast<std::size_t>(got);
    }
    return bytes;
}

bool Spool::takes(std::string_view method, std::string_view path) const {
    if (method != "POST") return false;
    while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
    return std::find(settings_.paths.begin(), settings_.paths.end(), path) != settings_.paths.end();
}

Result<std::shared_ptr<SpooledBody>> Spool::open() const {
    int descriptor = ::open(settings_.directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
        // A file system (or kernel) that cannot do it: a name for a moment. A crash in that moment leaves an empty
        // file.
        std::string name = settings_.directory + "/windlass-upload-XXXXXX";
        descriptor = ::mkostemp(name.data(), O_CLOEXEC);
        if (descriptor >= 0) ::unlink(name.c_str());
    }
    if (descriptor < 0) return errno_error("making a file for an upload in " + settings_.directory, errno);
    return std::make_shared<SpooledBody>(descriptor, total_, settings_.total_bytes);
}

}  // namespace windlass::api
