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

std::string entry_of(const FinishedAttempt& finished) {
    const std::array<std::int64_t, 2> head = {finished.ref.job.value, finished.ref.attempt};
    std::string text(head_bytes, '\0');
    std::memcpy(text.data(), head.data(), head_bytes);
    for (const auto& part : finished.parts) text += to_frame(part);
    return record_entry(of_attempt, text);
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
    const std::string entry = entry_of(finished);
    if (pwrite(files_[current_], entry.data(), entry.size(), static_cast<off_t>(half.bytes)) !=
        static_cast<ssize_t>(entry.size())) {
        log::warning("a result would not outlive this worker: {}", errno_error("writing into memory", errno).message);
        return -1;
    }
    half.bytes += entry.size();
    half.needed++;
    return static_cast<Place>(current_);
}

void ResultJournal::release(Place place) {
    if (place < 0) return;
    Half& half = halves_[static_cast<std::size_t>(place)];
    if (--half.needed == 0) empty(static_cast<std::size_t>(place));
}

}  // namespace windlass::worker
