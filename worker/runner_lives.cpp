// Attempts that outlive the process that started them: taken over from a former life, and their output kept for the
// next.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "shared/log.h"
#include "worker/runner.h"
#include "worker/sandbox/inheritance.h"

namespace windlass::worker {
namespace {

constexpr std::int64_t read_bytes = 64 * 1024;  // at once; as large as the runner's buffer

// What was read of a pipe before, cut into chunks as it was then.
void read_again(Attempt::Pipe& pipe, const std::vector<RecordEntry>& record, char cut) {
    if (pipe.file < 0) return;
    const auto bytes = read_whole(pipe.file);
    if (!bytes) return;
    std::string_view left = *bytes;
    pipe.in_file = pipe.read_again = static_cast<std::int64_t>(left.size());
    for (const RecordEntry& entry : record) {
        if (entry.kind != cut) continue;
        const auto upto = static_cast<std::size_t>(
            std::max<std::int64_t>(std::atoll(entry.text.c_str()) - pipe.output.kept_bytes(), 0));
        pipe.output.add(left.substr(0, upto));
        left.remove_prefix(std::min(upto, left.size()));
        pipe.output.cut();
    }
    pipe.output.add(left);
}

}  // namespace

void Runner::adopt(Sandbox::Inherited inherited) {
    const BoxId box = inherited.launched.box;
    adopted_ = true;
    auto known = Attempt::from_record(inherited.record, clock_.now());
    if (!known || attempts_.contains(known->ref())) {
        const FileDescriptor out(inherited.launched.stdout_fd);
        const FileDescriptor err(inherited.launched.stderr_fd);
        log::warning("a box of the former worker is ended: {}",
                     known ? "its attempt has another one" : known.error().message);
        return sandbox_.stop(box, Milliseconds{0});
    }
    const AttemptRef ref = known->ref();
    auto& place = attempts_[ref];
    place = std::make_unique<Attempt>(std::move(known).value());
    Attempt& attempt = *place;
    sandbox_.adopt(box, ref.text(), attempt.limits());
    attempt.launched(inherited.launched);
    read_again(attempt.standard_output, inherited.record, Attempt::record_cut);
    read_again(attempt.standard_error, inherited.record, Attempt::record_cut_error);
    if (settings_.site != nullptr && !attempt.image().empty()) {
        BoxSpec again;  // only what keeps the image from being removed is wanted
        again.argv = {"/bin/sh", "-c", "true"};
        if (auto held = settings_.site->fit_out(attempt.image(), attempt.datasets(), again); held)
            attempt.image_in_use = std::move(held).value();
    }
    slots_.take(attempt.limits());
    by_box_.emplace(box, &attempt);
    log::info("attempt {} of the former worker goes on", ref.text());
}

// A former life has kept its result, and did not live to let go of its box.
void Runner::result_is_safe(AttemptRef ref) {
    revoke(ref);
}

// Into read_buffer_. What is to be kept goes into the file first, by one call: whenever this process dies, a byte is in
// the pipe or in the file. One more than the limit, so that a next life knows that something was cut off.
ssize_t Runner::take_from(Attempt::Pipe& pipe) {
    const std::int64_t room = pipe.file < 0 ? 0 : pipe.output.limit_bytes() + 1 - pipe.in_file;
    if (room > 0 && pipe.in_file == pipe.read_again) {
        loff_t at = pipe.in_file;
        const auto most = static_cast<std::size_t>(std::min(room, read_bytes));
        const ssize_t moved = splice(pipe.fd.get(), nullptr, pipe.file, &at, most, SPLICE_F_NONBLOCK);
        if (moved > 0) pipe.in_file += moved;
        if (moved == 0 || (moved < 0 && (errno == EAGAIN || errno == EINTR))) return moved;
        if (moved < 0) {
            log::warning("the output of a job would not outlive this worker: {}", errno_error("splice", errno).message);
            pipe.file = -1;
        }
    }
    if (pipe.file < 0 || pipe.in_file == pipe.read_again)
        return ::read(pipe.fd.get(), read_buffer_.data(), read_buffer_.size());
    // A file in memory does not fail twice; what could not be read all the same is there the next time.
    const auto left = static_cast<std::size_t>(std::min(pipe.in_file - pipe.read_again, read_bytes));
    ssize_t got = pread(pipe.file, read_buffer_.data(), left, pipe.read_again);
    if (got < 0) got = pread(pipe.file, read_buffer_.data(), left, pipe.read_again);
    if (got > 0) pipe.read_again += got;
    if (got <= 0) errno = EAGAIN;
    return got > 0 ? got : -1;
}

}  // namespace windlass::worker
