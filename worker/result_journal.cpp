#include "worker/result_journal.h"

#include <unistd.h>

#include <cstring>

#include "shared/log.h"
#include "worker/sandbox/box_record.h"
#include "worker/sandbox/inheritance.h"

namespace windlass::worker {
namespace {

constexpr char of_attempt = 'a';  // job and attempt, then the frames
constexpr std::size_t head_bytes = 2 * sizeof(std::int64_t);

bool write_at(int file, std::size_t at, std::string_view bytes) {
    return pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at)) == static_cast<ssize_t>(bytes.size());
}

// Bytes written; 0: it failed, with errno. Part by part, as a result may be large, and the head last: until that is
// there nothing of it counts.
std::size_t write_entry(int file, std::size_t at, const FinishedAttempt& finished) {
    std::size_t text_bytes = head_bytes;
    const std::size_t begin = at + record_head(of_attempt, 0).size();
    for (const auto& part : finished.parts) {
        const std::string frame = to_frame(part);
        if (!write_at(file, begin + text_bytes, frame)) return 0;
        text_bytes += frame.size();
    }
    const std::array<std::int64_t, 2> names = {finished.ref.job.value, finished.ref.attempt};
    std::string head = record_head(of_attempt, text_bytes);
    head.append(reinterpret_cast<const char*>(names.data()), head_bytes);
    return write_at(file, at, head) ? begin + text_bytes - at : 0;
}

}  // namespace

std::vector<FinishedAttempt> ResultJournal::left() const {
    std::vector<FinishedAttempt> all;
    for (const int file : files_) {
        const auto bytes = file < 0 ? Result<std::string>(std::string()) : read_whole(file);
        if (!bytes) continue;
        for (const RecordEntry& entry : entries_of(*bytes)) {
            if (entry.kind != of_attempt || entry.text.size() < head_bytes) continue;
            std::array<std::int64_t, 2> head{};
            std::memcpy(head.data(), entry.text.data(), head_bytes);
            const AttemptRef ref{JobId{head[0]}, static_cast<AttemptNumber>(head[1])};
            if (auto finished = from_frames(ref, std::string_view(entry.text).substr(head_bytes)))
                all.push_back(std::move(finished).value());
        }
    }
    return all;
}

void ResultJournal::begin() {
    if (files_[0] < 0) return;
    empty(0);
    empty(1);
}

void ResultJournal::empty(std::size_t half) {
    if (ftruncate(files_[half], 0) == 0) halves_[half].bytes = 0;
}

ResultJournal::Place ResultJournal::add(const FinishedAttempt& finished) {
    if (files_[0] < 0) return -1;
    if (halves_[current_].bytes >= turn_bytes && halves_[1 - current_].needed == 0) {
        current_ = 1 - current_;
        empty(current_);
    }
    Half& half = halves_[current_];
    const std::size_t bytes = write_entry(files_[current_], half.bytes, finished);
    if (bytes == 0) {
        log::warning("a result would not outlive this worker: {}", errno_error("writing into memory", errno).message);
        // What a job printed must never be read as an entry.
        if (ftruncate(files_[current_], static_cast<off_t>(half.bytes)) != 0) files_ = {-1, -1};
        return -1;
    }
    half.bytes += bytes;
    half.needed++;
    return static_cast<Place>(current_);
}

void ResultJournal::release(Place place) {
    if (place < 0) return;
    Half& half = halves_[static_cast<std::size_t>(place)];
    if (--half.needed == 0) empty(static_cast<std::size_t>(place));
}

}  // namespace windlass::worker
