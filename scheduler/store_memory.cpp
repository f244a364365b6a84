#include "scheduler/store_memory.h"

#include <algorithm>

namespace windlass::scheduler {
namespace {

Error stale(std::string message) {
    return make_error(ErrorKind::stale, std::move(message));
}

// The check constraints of sql/0001.
bool is_possible(const StateRow& row) {
    return static_cast<bool>(row.worker) == is_leased(row.state) && row.finished.has_value() == is_final(row.state);
}

}  // namespace

void MemoryDatabase::break_lock() {
    const std::lock_guard lock(mutex_);
    leader_ = nullptr;
}

class MemoryStore final : public Store {
  public:
    explicit MemoryStore(std::shared_ptr<MemoryDatabase> database) : database_(std::move(database)) {}
    ~MemoryStore() override {
        const std::lock_guard lock(database_->mutex_);
        if (database_->leader_ == this) database_->leader_ = nullptr;
    }
    MemoryStore(const MemoryStore&) = delete;
    MemoryStore& operator=(const MemoryStore&) = delete;

    Result<std::int64_t> lead() override {
        const std::lock_guard lock(database_->mutex_);
        if (database_->leader_ != nullptr && database_->leader_ != this) {
            return make_error(ErrorKind::conflict, "another scheduler leads this database now");
        }
        database_->leader_ = this;
        epoch_ = ++database_->epoch_;
        return epoch_;
    }

    Status commit(const Batch& batch) override {
        const std::lock_guard lock(database_->mutex_);
        if (epoch_ == 0) return stale("this scheduler has not taken the lead");
        if (epoch_ != database_->epoch_) return stale("another scheduler has taken the lead of this database");
        WINDLASS_TRY_STATUS(check(batch));
        apply(batch);
        return Status();
    }

    Result<StoredState> load() override {
        const std::lock_guard lock(database_->mutex_);
        StoredState stored;
        for (const auto& [id, job] : tables().jobs) {
            stored.highest_job = id;
            if (is_final(job.row.state)) continue;
            const NewJob seed{job.owner,
                              job.spec.priority,
                              job.spec.max_attempts,
                              {job.spec.limits.cpu_millis, job.spec.limits.memory_bytes}};
            stored.jobs.push_back({id, seed, job.row});
        }
        for (const auto& [id, worker] : tables().workers) stored.workers.push_back(worker);
        return stored;
    }

    Result<std::vector<JobPayload>> payloads(const std::vector<JobId>& jobs) override {
        const std::lock_guard lock(database_->mutex_);
        std::vector<JobPayload> payloads;
        for (const JobId id : jobs) {
            const auto job = tables().jobs.find(id);
            if (job == tables().jobs.end()) {
                return make_error(ErrorKind::internal, "job " + id.text() + " is not in the store");
            }
            WINDLASS_TRY(std::string code, bytes_of(id, job->second.code_sha256));
            WINDLASS_TRY(std::string data, bytes_of(id, job->second.data_sha256));
            payloads.push_back({job->second.spec, std::move(code), std::move(data)});
        }
        return payloads;
    }

    Status ping() override { return Status(); }

  private:
    MemoryDatabase::Tables& tables() { return database_->tables; }

    // Everything that may refuse a batch, before anything is changed.
    Status check(const Batch& batch) {
        for (const JobRecord& job : batch.jobs) {
            if (!is_possible(job.row))
                return make_error(ErrorKind::internal, "job " + job.job.text() + " has a row that no state allows");
            const auto found = tables().jobs.find(job.job);
            if (found == tables().jobs.end()) continue;
            if (found->second.owner != job.owner || found->second.row != job.row) {
                return stale("job " + job.job.text() + " is there already and is another one");
            }
        }
        for (const StateChange& change : batch.changes) {
            if (!is_possible(change.row))
                return make_error(ErrorKind::internal, "job " + change.job.text() + " has a row that no state allows");
            const auto found = tables().jobs.find(change.job);
            if (found != tables().jobs.end()) {
                const StateRow& row = found->second.row;
                if (row.state == change.from_state && row.attempt == change.from_attempt) continue;
                if (row == change.row) continue;
            }
            return stale("job " + change.job.text() + " is neither as it was before the change nor as it is after it");
        }
        return Status();
    }

    void apply(const Batch& batch) {
        MemoryDatabase::Tables& t = tables();
        for (const WorkerRecord& worker : batch.workers) t.workers.emplace(worker.worker, worker);
        for (const Blob& blob : batch.blobs) t.blobs.emplace(blob.sha256, blob.bytes);
        for (const JobRecord& job : batch.jobs) t.jobs.emplace(job.job, job);
        for (const StateChange& change : batch.changes) t.jobs.at(change.job).row = change.row;
        for (const RecordEvent& event : batch.events) t.events.emplace(std::pair(event.job, event.seq), event);
        for (const ResultRecord& result : batch.results) t.results.emplace(result.attempt, result);
        for (const OutputChunk& chunk : batch.output) {
            t.output.emplace(std::pair(chunk.attempt, std::pair(chunk.stream, chunk.offset)), chunk.bytes);
        }
    }

    Result<std::string> bytes_of(JobId job, const std::string& sha256) {
        if (sha256.empty()) return std::string();
        const auto blob = tables().blobs.find(sha256);
        if (blob != tables().blobs.end()) return blob->second;
        return make_error(ErrorKind::internal,
                          "the bytes " + sha256 + " of job " + job.text() + " are not in the store");
    }

    std::shared_ptr<MemoryDatabase> database_;
    std::int64_t epoch_ = 0;  // 0: never led
};

std::unique_ptr<Store> make_memory_store() {
    return make_memory_store(std::make_shared<MemoryDatabase>());
}

std::unique_ptr<Store> make_memory_store(std::shared_ptr<MemoryDatabase> database) {
    return std::make_unique<MemoryStore>(std::move(database));
}

}  // namespace windlass::scheduler
