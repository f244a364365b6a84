#include "api/audit/audit_log.h"

#include <utility>

#include "shared/log.h"

namespace windlass::api {

AuditLog::AuditLog(AuditRepository& repository, AuditPace pace) : repository_(repository), pace_(pace) {
    thread_ = std::thread([this] { run(); });
}

AuditLog::~AuditLog() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

bool AuditLog::has_room() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size() + being_written_ < pace_.most_waiting;
}

void AuditLog::record(AuditEntry entry) {
    add({std::move(entry), {}});
}

void AuditLog::record(AuditEntry entry, std::function<void()> durable) {
    add({std::move(entry), std::move(durable)});
}

void AuditLog::add(Waiting waiting) {
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        const bool urgent = waiting.durable != nullptr;
        wake = waiting_.empty() || (urgent && !urgent_);
        urgent_ = urgent_ || urgent;
        waiting_.push_back(std::move(waiting));
    }
    if (wake) changed_.notify_all();
}

std::uint64_t AuditLog::written() const {
    const std::lock_guard lock(mutex_);
    return written_;
}

std::size_t AuditLog::waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size() + being_written_;
}

bool AuditLog::write(std::vector<AuditEntry>& entries) {
    const auto head = repository_.append(entries);
    if (head) {
        if (std::exchange(database_away_, false)) log::info("the audit is written again, up to entry {}", head->number);
        return true;
    }
    if (!std::exchange(database_away_, true))
        log::error("the audit cannot be written, {} entries wait: {}", entries.size(), head.error().message);
    return false;
}

void AuditLog::run() {
    std::vector<Waiting> batch;
    std::vector<AuditEntry> entries;
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        if (!urgent_ && !stopping_) changed_.wait_for(lock, pace_.gather, [&] { return urgent_ || stopping_; });
        batch.swap(waiting_);
        urgent_ = false;
        being_written_ = batch.size();
        lock.unlock();
        entries.clear();
        for (auto& waiting : batch) entries.push_back(std::move(waiting.entry));
        bool done = write(entries);
        lock.lock();
        // Only this thread takes entries, so those that come meanwhile keep their place behind these.
        while (!done && !stopping_) {
            changed_.wait_for(lock, pace_.retry, [&] { return stopping_; });
            lock.unlock();
            done = write(entries);
            lock.lock();
        }
        being_written_ = 0;
        if (done) written_ += entries.size();
        lock.unlock();
        if (!done)
            log::error("{} entries of the audit are lost: the database is away and this process ends", entries.size());
        for (const auto& waiting : batch)
            if (done && waiting.durable) waiting.durable();
        batch.clear();
        lock.lock();
    }
}

}  // namespace windlass::api
