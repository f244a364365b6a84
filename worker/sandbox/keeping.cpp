#include "worker/sandbox/keeping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

#include "worker/sandbox/message.h"

namespace windlass::worker {
namespace {

constexpr int nobody = -1;
// A worker that was let in and is stopped before it has taken everything must not hold us up for long.
constexpr timeval longest_word{5, 0};

struct KeptSlot {
    std::uint64_t box = 0;  // 0: nothing is kept
    int descriptors[max_kept];
    bool started = false;
    bool ended = false;
    bool stuck = false;
    Report start;
    Report end;
};

bool keeping = false;
KeptSlot kept[max_slots];
int for_all[KeptForAll::count];
int lifeline_fd = nobody;
int starts_read = nobody;
int starts_write = nobody;
const volatile KeepingPage* page = nullptr;

void let_go(KeptSlot& slot) {
    if (slot.box == 0) return;
    for (int& fd : slot.descriptors) {
        if (fd >= 0) close(fd);
        fd = nobody;
    }
    slot.box = 0;
    slot.started = slot.ended = slot.stuck = false;
}

// Out of the way: a box inherits our descriptors for a moment, and may itself have no more than limits.open_files,
// which bounds how large their numbers may be. Where we may not have so many it stays as it is.
int move_up(int fd) {
    constexpr int first = 2048;
    const int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, first);
    if (moved < 0) return fd;
    close(fd);
    return moved;
}

bool is_empty(int file) {
    struct stat about {};
    return fstat(file, &about) == 0 && about.st_size == 0;
}

bool send_with(int socket, const void* bytes, std::size_t size, const int* descriptors, int count) {
    iovec part{const_cast<void*>(bytes), size};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * max_descriptors)] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (count > 0) {
        const std::size_t length = sizeof(int) * static_cast<std::size_t>(count);
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(length);
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(length);
        memcpy(CMSG_DATA(header), descriptors, length);
    }
    for (;;) {
        if (sendmsg(socket, &message, MSG_NOSIGNAL) >= 0) return true;
        if (errno != EINTR) return false;
    }
}

bool hand_over(int socket, int index, std::int32_t pid) {
    const KeptSlot& slot = kept[index];
    KeptBox message;
    message.box = slot.box;
    message.slot = static_cast<std::uint32_t>(index);
    message.pid = pid;
    message.ended = slot.ended ? 1 : 0;
    message.started = slot.started ? 1 : 0;
    message.stuck = slot.stuck ? 1 : 0;
    message.start = slot.start;
    message.end = slot.end;
    int present[max_kept];
    int count = 0;
    for (int place = 0; place < max_kept; place++) {
        if (slot.descriptors[place] < 0) continue;
        message.present |= 1U << place;
        present[count++] = slot.descriptors[place];
    }
    return send_with(socket, &message, sizeof message, present, count);
}

// Only the user whose boxes these are: the directory lets nobody else come near, this is the second lock.
bool is_ours(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == getuid();
}

}  // namespace

int begin_keeping(const int* descriptors) {
    for (int place = 0; place < KeptForAll::count; place++) for_all[place] = move_up(descriptors[place]);
    void* mapped = mmap(nullptr, sizeof(KeepingPage), PROT_READ, MAP_SHARED, for_all[KeptForAll::page], 0);
    if (mapped == MAP_FAILED) return -1;
    page = static_cast<const volatile KeepingPage*>(mapped);
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return -1;
    starts_read = pair[0];
    starts_write = pair[1];
    lifeline_fd = for_all[KeptForAll::lifeline];
    keeping = true;
    return 0;
}

bool is_keeping() {
    return keeping;
}

int starts_channel() {
    return starts_write;
}

void note_starts() {
    while (keeping) {
        Report report;
        iovec part{&report, sizeof report};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        const ssize_t size = recvmsg(starts_read, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (size < 0) return;
        int directory = nobody;
        const cmsghdr* header = CMSG_FIRSTHDR(&message);
        if (header != nullptr && header->cmsg_type == SCM_RIGHTS) memcpy(&directory, CMSG_DATA(header), sizeof(int));
        KeptSlot& slot = kept[report.slot % max_slots];
        if (size == sizeof report && slot.box != 0 && slot.box == report.box && !slot.started) {
            slot.started = true;
            slot.start = report;
            slot.descriptors[Kept::work_directory] = move_up(directory);
        } else if (directory >= 0) {
            close(directory);  // forgotten meanwhile
        }
    }
}

void keep_box(int slot, std::uint64_t box, const int* descriptors, int count) {
    let_go(kept[slot]);
    for (int place = 0; place < max_kept; place++) {
        kept[slot].descriptors[place] = place < count ? move_up(descriptors[place]) : nobody;
    }
    kept[slot].box = box;
}

void note_end(int slot, const Report& end) {
    if (kept[slot].box == 0 || kept[slot].box != end.box) return;
    note_starts();
    kept[slot].ended = true;
    kept[slot].end = end;
}

void note_stuck(int slot) {
    kept[slot].stuck = true;
}

void forget_box(int slot, std::uint64_t box) {
    note_starts();  // or its directory would stay where nobody looks until the next start
    if (kept[slot].box == box) let_go(kept[slot]);
}

int lifeline() {
    return lifeline_fd;
}

bool orphaned(bool boxes_run) {
    close(lifeline_fd);
    lifeline_fd = nobody;
    bool worth_it = boxes_run;
    for (const KeptSlot& slot : kept) worth_it |= slot.box != 0;
    worth_it |= !is_empty(for_all[KeptForAll::journal]) || !is_empty(for_all[KeptForAll::other_journal]);
    return worth_it && patience_ms() > 0;
}

int door() {
    return for_all[KeptForAll::door];
}

std::int64_t patience_ms() {
    const std::int64_t left_us = page->good_until_us - boottime_us();
    return left_us > 0 ? (left_us + 999) / 1000 : 0;
}

void let_in(const std::int32_t* pids, int slots, std::uint64_t last_box) {
    const int socket = accept4(door(), nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    note_starts();
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &longest_word, sizeof longest_word);
    Heritage heritage;
    heritage.last_box = last_box;
    for (int i = 0; i < slots; i++) heritage.boxes += kept[i].box != 0 ? 1 : 0;
    bool good = is_ours(socket) && send_with(socket, &heritage, sizeof heritage, for_all, KeptForAll::inherited);
    for (int i = 0; good && i < slots; i++) good = kept[i].box == 0 || hand_over(socket, i, pids[i]);
    if (good)
        lifeline_fd = socket;
    else
        close(socket);
}

}  // namespace windlass::worker
