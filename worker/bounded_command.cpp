#include "worker/bounded_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "worker/file_descriptor.h"

namespace windlass::worker {
namespace {

struct Pipe {
    FileDescriptor read_end;
    FileDescriptor write_end;
};

Result<Pipe> make_pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return errno_error("a pipe", errno);
    return Pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> all;
    for (auto& word : words) all.push_back(word.data());
    all.push_back(nullptr);
    return all;
}

Result<pid_t> start(const BoundedCommand& command, int out, int err) {
    std::vector<std::string> words = command.argv;
    std::vector<std::string> variables = command.environment;
    const auto argv = pointers(words);
    const auto environment = pointers(variables);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    posix_spawn_file_actions_adddup2(&files, err, 2);
    posix_spawnattr_t how;
    posix_spawnattr_init(&how);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setsigdefault(&how, &all);
    posix_spawnattr_setpgroup(&how, 0);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    pid_t pid = -1;
    const int failed = posix_spawn(&pid, words.front().c_str(), &files, &how, argv.data(), environment.data());
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    if (failed != 0) return errno_error("starting " + words.front(), failed);
    return pid;
}

// True: both streams were read to their end. False: late, or too much.
bool listen(Pipe& out, Pipe& err, CommandSaid& said, std::size_t most_bytes,
            std::chrono::steady_clock::time_point end) {
    std::array<std::pair<FileDescriptor*, std::string*>, 2> streams = {std::pair(&out.read_end, &said.out),
                                                                       std::pair(&err.read_end, &said.err)};
    while (*streams[0].first || *streams[1].first) {
        const auto left = std::chrono::ceil<Milliseconds>(end - std::chrono::steady_clock::now()).count();
        pollfd wait[2] = {{streams[0].first->get(), POLLIN, 0}, {streams[1].first->get(), POLLIN, 0}};
        const int ready = left <= 0 ? 0 : poll(wait, 2, static_cast<int>(left));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return false;
        for (std::size_t i = 0; i < streams.size(); ++i) {
            if (wait[i].revents == 0) continue;
            auto& [fd, text] = streams[i];
            char bytes[4096];
            const ssize_t got = read(fd->get(), bytes, sizeof bytes);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0)
                fd->reset();
            else
                text->append(bytes, static_cast<std::size_t>(got));
            if (text->size() > most_bytes) return false;
        }
    }
    return true;
}

// True: it has ended, or does so before `end`.
bool process_ends_by(pid_t pid, std::chrono::steady_clock::time_point end) {
    const FileDescriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    while (process) {
        const auto left = std::chrono::ceil<Milliseconds>(end - std::chrono::steady_clock::now()).count();
        pollfd wait{process.get(), POLLIN, 0};
        const int ready = poll(&wait, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
        if (ready < 0 && errno == EINTR) continue;
        return ready > 0;
    }
    return false;
}

}  // namespace

Result<CommandSaid> run_bounded(const BoundedCommand& command) {
    WINDLASS_TRY(Pipe out, make_pipe());
    WINDLASS_TRY(Pipe err, make_pipe());
    WINDLASS_TRY(const pid_t pid, start(command, out.write_end.get(), err.write_end.get()));
    out.write_end.reset();
    err.write_end.reset();
    const auto end = std::chrono::steady_clock::now() + command.deadline;
    CommandSaid said;
    // Who closed its output has nothing more to do than to end.
    const bool heard = listen(out, err, said, command.most_bytes, end) && process_ends_by(pid, end);
    if (!heard) kill(-pid, SIGKILL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!heard) {
        const bool much = std::max(said.out.size(), said.err.size()) > command.most_bytes;
        return make_error(ErrorKind::unavailable, much ? "it says too much" : "it gave no answer in time");
    }
    said.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return said;
}

std::vector<std::string> as_user(unsigned uid, unsigned gid, bool with_groups) {
    return {"/usr/bin/setpriv",
            fmt::format("--reuid={}", uid),
            fmt::format("--regid={}", gid),
            with_groups ? "--init-groups" : "--clear-groups",
            "--inh-caps=-all",
            "--no-new-privs",
            "--"};
}

}  // namespace windlass::worker
