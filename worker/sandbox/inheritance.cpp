#include "worker/sandbox/inheritance.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace windlass::worker {
namespace {

constexpr const char* door_name = "spawner";
constexpr int patience_ms = 10'000;

std::int64_t steady_us() {
    return SystemClock().now().steady.time_since_epoch().count();
}

// By the directory's descriptor: the path itself may be longer than an address takes.
sockaddr_un address_in(int directory) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    fmt::format_to_n(address.sun_path, sizeof address.sun_path - 1, "/proc/self/fd/{}/{}", directory, door_name);
    return address;
}

Result<FileDescriptor> unix_socket() {
    FileDescriptor made(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!made) return errno_error("socket", errno);
    return made;
}

struct Received {
    std::vector<FileDescriptor> descriptors;
    pid_t sender = 0;
};

// Waits. No value: the other end is gone, silent, or says something else.
template <class T>
std::optional<Received> receive(int socket, T& message) {
    pollfd ready{socket, POLLIN, 0};
    int polled = 0;
    while ((polled = poll(&ready, 1, patience_ms)) < 0 && errno == EINTR) {
    }
    if (polled <= 0) return std::nullopt;
    iovec part{&message, sizeof message};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * max_descriptors) + CMSG_SPACE(sizeof(ucred))> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    if (got < 0) return std::nullopt;
    Received received;
    for (cmsghdr* one = CMSG_FIRSTHDR(&header); one != nullptr; one = CMSG_NXTHDR(&header, one)) {
        if (one->cmsg_type == SCM_RIGHTS) {
            const std::size_t count = (one->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (std::size_t i = 0; i < count; i++) {
                int fd = -1;
                std::memcpy(&fd, CMSG_DATA(one) + i * sizeof(int), sizeof fd);
                received.descriptors.emplace_back(fd);
            }
        } else if (one->cmsg_type == SCM_CREDENTIALS) {
            ucred sender{};
            std::memcpy(&sender, CMSG_DATA(one), sizeof sender);
            received.sender = sender.pid;
        }
    }
    if (got != static_cast<ssize_t>(sizeof message)) return std::nullopt;
    return received;
}

bool take_box(int socket, Inheritance& inheritance) {
    InheritedBox box;
    auto received = receive(socket, box.about);
    if (!received) return false;
    std::size_t next = 0;
    for (std::size_t place = 0; place < max_kept; place++) {
        if ((box.about.present >> place & 1U) == 0) continue;
        if (next == received->descriptors.size()) return false;
        box.descriptors[place] = std::move(received->descriptors[next++]);
    }
    inheritance.boxes.push_back(std::move(box));
    return true;
}

}  // namespace

Result<FileDescriptor> memory_file(const char* name) {
    FileDescriptor file(memfd_create(name, MFD_CLOEXEC));
    if (!file) return errno_error("memfd_create", errno);
    return file;
}

Result<std::string> read_whole(int file) {
    struct stat about {};
    if (fstat(file, &about) != 0) return errno_error("reading a file in memory", errno);
    std::string bytes(static_cast<std::size_t>(about.st_size), '\0');
    for (std::size_t at = 0; at < bytes.size();) {
        const ssize_t got = pread(file, bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return errno_error("reading a file in memory", errno);
        at += static_cast<std::size_t>(got);
    }
    return bytes;
}

Result<LeasePage> LeasePage::map(int file) {
    struct stat about {};
    const bool is_new = fstat(file, &about) == 0 && about.st_size == 0;
    if (is_new && ftruncate(file, sizeof(KeepingPage)) != 0) return errno_error("making the page of the leases", errno);
    void* mapped = mmap(nullptr, sizeof(KeepingPage), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) return errno_error("mapping the page of the leases", errno);
    if (is_new) return LeasePage(new (mapped) KeepingPage());
    return LeasePage(static_cast<KeepingPage*>(mapped));
}

LeasePage::~LeasePage() {
    if (page_ != nullptr) munmap(page_, sizeof(KeepingPage));
}

void LeasePage::set(std::optional<SteadyTime> good_until) {
    const std::int64_t left = good_until ? good_until->time_since_epoch().count() - steady_us() : 0;
    __atomic_store_n(&page_->good_until_us, left > 0 ? boottime_us() + left : 0, __ATOMIC_RELAXED);
}

std::optional<SteadyTime> LeasePage::get() const {
    const std::int64_t until = __atomic_load_n(&page_->good_until_us, __ATOMIC_RELAXED);
    if (until == 0) return std::nullopt;
    return SteadyTime(Microseconds(steady_us() + until - boottime_us()));
}

Result<FileDescriptor> make_door(const std::string& directory) {
    const FileDescriptor where(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!where) return errno_error("opening " + directory, errno);
    unlinkat(where.get(), door_name, 0);
    WINDLASS_TRY(FileDescriptor door, unix_socket());
    const sockaddr_un address = address_in(where.get());
    if (bind(door.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(door.get(), 4) != 0)
        return errno_error("listening at " + directory + "/" + door_name, errno);
    return door;
}

Result<std::optional<Inheritance>> inherit(const std::string& directory) {
    const FileDescriptor where(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!where) return std::optional<Inheritance>();
    Inheritance inheritance;
    WINDLASS_TRY(inheritance.lifeline, unix_socket());
    const int socket = inheritance.lifeline.get();
    const int yes = 1;
    if (setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0) return errno_error("SO_PASSCRED", errno);
    const sockaddr_un address = address_in(where.get());
    if (connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return std::optional<Inheritance>();  // nobody is there
    Heritage heritage;
    auto received = receive(socket, heritage);
    if (!received || received->descriptors.size() != KeptForAll::inherited) {
        if (!received || received->descriptors.empty()) return std::optional<Inheritance>();
        heritage.version = 0;
    }
    if (heritage.version != keeping_version) {
        Command end;  // this much every version understands
        end.kind = Command::end;
        if (send(received->descriptors.front().get(), &end, sizeof end, MSG_NOSIGNAL) < 0)
            return errno_error("speaking to the spawner of a former worker", errno);
        return make_error(ErrorKind::unavailable, "the spawner of the former worker is of another version");
    }
    inheritance.spawner = received->sender;
    inheritance.last_box = heritage.last_box;
    for (std::size_t i = 0; i < KeptForAll::inherited; i++)
        inheritance.for_all[i] = std::move(received->descriptors[i]);
    for (std::uint32_t i = 0; i < heritage.boxes; i++)
        if (!take_box(socket, inheritance))
            return make_error(ErrorKind::unavailable, "the spawner of the former worker does not hand its boxes over");
    return std::optional<Inheritance>(std::move(inheritance));
}

}  // namespace windlass::worker
