#include "worker/result_outbox.h"

#include <algorithm>
#include <utility>

#include "shared/log.h"

namespace windlass::worker {

ResultOutbox::ResultOutbox(ResultSpool spool, Background background, ResultJournal journal)
    : spool_(std::move(spool)), background_(std::move(background)), journal_(std::move(journal)) {
    for (const FinishedAttempt& finished : journal_.left()) {
        if (const auto written = spool_.write(finished); !written)
            log::warning("the result of attempt {}, ended in a former life, is lost: {}", finished.ref.text(),
                         written.error().message);
    }
    journal_.begin();
    for (const AttemptRef ref : spool_.list()) {
        Entry entry;
        entry.on_disk = true;
        entry.fresh = false;
        entries_.emplace(ref, std::move(entry));
        to_offer_.push_back(ref);
        ++held_;
    }
}

void ResultOutbox::add(FinishedAttempt finished, SteadyTime now) {
    const AttemptRef ref = finished.ref;
    const bool large = finished.body_bytes() > large_bytes;
    const auto [place, added] = entries_.try_emplace(ref);
    WINDLASS_CHECK(added, "an attempt finished twice");
    place->second.memory = std::make_shared<const FinishedAttempt>(std::move(finished));
    ++held_;
    to_offer_.push_back(ref);
    place->second.place = journal_.add(*place->second.memory);
    pump(now);
    if (large)
        save_in_background(ref, place->second);
    else if (connection_ == nullptr)
        save(place->second);
    else
        in_memory_.emplace_back(now + memory_only, ref);
}

void ResultOutbox::drop(AttemptRef ref) {
    const auto place = entries_.find(ref);
    if (place == entries_.end() || place->second.dropped) return;
    --held_;
    place->second.dropped = true;
    if (offering_ && offering_->ref == ref) offering_.reset();
    if (!place->second.writing) forget(ref);
    // The front decides when the timer rings: what was acknowledged in time must not wake anybody.
    while (!in_memory_.empty() && !entries_.contains(in_memory_.front().second)) in_memory_.pop_front();
}

void ResultOutbox::forget(AttemptRef ref) {
    const auto place = entries_.find(ref);
    if (place->second.on_disk) spool_.remove(ref);
    journal_.release(place->second.place);
    entries_.erase(place);
}

void ResultOutbox::connected(wire::Connection& connection, SteadyTime now) {
    connection_ = &connection;
    pump(now);
}

void ResultOutbox::disconnected() {
    connection_ = nullptr;
    pump_at_.reset();
    offering_.reset();
    to_offer_.clear();
    for (auto& [ref, entry] : entries_) {
        entry.fresh = false;
        if (!entry.dropped) to_offer_.push_back(ref);
    }
    std::sort(to_offer_.begin(), to_offer_.end());
}

void ResultOutbox::pump(SteadyTime now) {
    pump_at_.reset();
    while (connection_ != nullptr && (offering_ || !to_offer_.empty())) {
        if (connection_->unsent_bytes() > max_unsent_bytes) {
            pump_at_ = now + pause;
            return;
        }
        if (!offering_) {
            const AttemptRef ref = to_offer_.front();
            to_offer_.pop_front();
            const auto place = entries_.find(ref);
            if (place != entries_.end() && !place->second.dropped) begin_to_offer(ref, place->second);
            continue;
        }
        const auto& part = offering_->parts[next_part_];
        if (!(skip_sent_ && part.sent_already)) connection_->send(part.message, part.body);
        if (++next_part_ == offering_->parts.size()) offering_.reset();
    }
}

void ResultOutbox::begin_to_offer(AttemptRef ref, Entry& entry) {
    next_part_ = 0;
    skip_sent_ = entry.memory && entry.fresh;
    offering_ = entry.memory;
    if (offering_) return;
    auto finished = spool_.read(ref);
    if (finished) {
        offering_ = std::make_shared<const FinishedAttempt>(std::move(finished).value());
        return;
    }
    log::warning("the kept result of attempt {} is of no use and is dropped; the attempt will be run again ({})",
                 ref.text(), finished.error().message);
    drop(ref);
}

void ResultOutbox::save(Entry& entry) {
    if (entry.on_disk || entry.writing || !entry.memory) return;
    if (const auto written = spool_.write(*entry.memory); !written) {
        log::warning("a result stays in memory only: {}", written.error().message);
        return;
    }
    is_on_disk(entry);
}

void ResultOutbox::is_on_disk(Entry& entry) {
    entry.on_disk = true;
    entry.memory.reset();
    journal_.release(std::exchange(entry.place, -1));
}

void ResultOutbox::save_in_background(AttemptRef ref, Entry& entry) {
    entry.writing = true;
    const auto written = std::make_shared<Status>();
    background_([spool = spool_, finished = entry.memory, written] { *written = spool.write(*finished); },
                [this, ref, written] {
                    Entry& then = entries_.at(ref);
                    then.writing = false;
                    if (written->ok())
                        is_on_disk(then);
                    else
                        log::warning("a result stays in memory only: {}", written->error().message);
                    if (then.dropped) forget(ref);
                });
}

void ResultOutbox::on_time(SteadyTime now) {
    if (pump_at_ && now >= *pump_at_) pump(now);
    while (!in_memory_.empty() && now >= in_memory_.front().first) {
        const auto place = entries_.find(in_memory_.front().second);
        in_memory_.pop_front();
        if (place != entries_.end() && !place->second.dropped) save(place->second);
    }
}

std::optional<SteadyTime> ResultOutbox::next() const {
    std::optional<SteadyTime> at = pump_at_;
    if (!in_memory_.empty() && (!at || in_memory_.front().first < *at)) at = in_memory_.front().first;
    return at;
}

bool ResultOutbox::holds(AttemptRef ref) const {
    const auto place = entries_.find(ref);
    return place != entries_.end() && !place->second.dropped;
}

void ResultOutbox::append_held(std::vector<AttemptRef>& refs) const {
    for (const auto& [ref, entry] : entries_)
        if (!entry.dropped) refs.push_back(ref);
}

void ResultOutbox::save_all() {
    for (auto& [ref, entry] : entries_)
        if (!entry.dropped) save(entry);
}

void ResultOutbox::add_figures(figures::Families& families) const {
    families.push_back(figures::gauge("windlass_worker_results_waiting",
                                      "Results that the scheduler has not acknowledged", static_cast<double>(held_)));
}

}  // namespace windlass::worker
