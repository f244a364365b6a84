#include "scheduler/store_memory.h"

#include <algorithm>

#include "scheduler/job_seed.h"
#include "scheduler/store_particulars.h"

namespace windlass::scheduler {
namespace {

Error stale(std::string message) {
    return make_error(ErrorKind::stale, std::move(message));
}

// The check constraints of sql/0001.
Status check_possible(JobId job, const StateRow& row) {
    if (static_cast<bool>(row.worker) == is_leased(row.state) && row.finished.has_value() == is_final(row.state))
        return Status();
    return make_error(ErrorKind::internal, "job " + job.text() + " has a row that no state allows");
}

JobId last_id(const JobRecord& job) {
    return JobId{job.job.value + (job.array ? job.array->count : 0)};
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

    Result<std::int64_t> lead() override;
    Status commit(const Batch& batch) override;
    Result<StoredState> load() override;
    Result<std::vector<StoredPayload>> payloads(const std::vector<JobId>& jobs) override;
    Result<std::string> blob(const std::string& sha256) override;
    Result<std::vector<std::optional<JobState>>> final_states(const std::vector<JobId>& jobs) override;
    // Recurring jobs are written by the api, which needs a database.
    Result<std::vector<ScheduleRecord>> schedules() override { return std::vector<ScheduleRecord>(); }
    Result<std::optional<KeyRecord>> submitted_with(UserId account, const std::string& route,
                                                    const std::string& key) override;
    Result<std::int64_t> move_finished(std::int64_t most) override;
    Result<std::int64_t> forget_finished(WallTime cutoff, std::int64_t most) override;
    Result<std::int64_t> forget_expired(WallTime now, std::int64_t most) override;
    Status keep_token(const StoredToken& token) override;
    Result<std::int64_t> redeem_token(const Redemption& redemption) override;
    Status revoke_worker(const std::string& worker, WallTime now) override;
    Result<bool> needs_file(const std::vector<JobId>& jobs, const std::string& sha256) override;
    Status ping() override {
        const std::lock_guard lock(database_->mutex_);
        return epoch_ == 0 ? Status() : check_epoch();
    }

  private:
    MemoryDatabase::Tables& tables() { return database_->tables; }
    Status check_epoch() const;
    Status check(const Batch& batch);
    void apply(const Batch& batch);
    void insert(const JobRecord& job);
    void insert(const ResultRecord& result);
    void load_users(StoredQueue& queue);

    StateRow* row_of(JobId job);
    const JobRecord* array_around(JobId member);  // also of one without a row
    Result<std::string> bytes_of(JobId job, const std::string& sha256);
    std::optional<JobState> final_state(JobId job);
    bool is_waited_for(JobId first, JobId last);
    void forget(JobId job);
    void forget_row(JobId job);
    void drop_unused(WallTime cutoff);

    std::shared_ptr<MemoryDatabase> database_;
    std::int64_t epoch_ = 0;  // 0: never led
};

// ---- leading and writing -------------------------------------------------------------------------------------------

Result<std::int64_t> MemoryStore::lead() {
    const std::lock_guard lock(database_->mutex_);
    if (database_->leader_ != nullptr && database_->leader_ != this)
        return make_error(ErrorKind::conflict, "another scheduler leads this database now");
    database_->leader_ = this;
    database_->last_batch_ = 0;
    epoch_ = ++database_->epoch_;
    return epoch_;
}

Status MemoryStore::check_epoch() const {
    if (epoch_ == 0) return stale("this scheduler has not taken the lead");
    if (epoch_ != database_->epoch_) return stale("another scheduler has taken the lead of this database");
    return Status();
}

Status MemoryStore::commit(const Batch& batch) {
    const std::lock_guard lock(database_->mutex_);
    WINDLASS_TRY_STATUS(check_epoch());
    if (batch.number == 0 && !batch.usage.empty())
        return make_error(ErrorKind::internal, "a batch with usage needs a number: it cannot be repeated without one");
    if (batch.number != 0 && batch.number == database_->last_batch_) return Status();
    if (batch.number != 0 && batch.number < database_->last_batch_)
        return stale("batch " + std::to_string(batch.number) + " comes after a later one");
    WINDLASS_TRY_STATUS(check(batch));
    apply(batch);
    if (batch.number != 0) database_->last_batch_ = batch.number;
    return Status();
}

// Everything that may refuse a batch, before anything is changed.
Status MemoryStore::check(const Batch& batch) {
    for (const JobRecord& job : batch.jobs) {
        WINDLASS_TRY_STATUS(check_possible(job.job, job.row));
        const auto found = tables().jobs.find(job.job);
        if (found == tables().jobs.end()) {
            if (job.planned && tables().planned.contains({job.schedule, *job.planned}))
                return stale("this moment of schedule " + std::to_string(job.schedule) + " has its job already");
        } else if (found->second.owner != job.owner || found->second.row != job.row) {
            return stale("job " + job.job.text() + " is there already and is another one");
        }
    }
    for (const MemberRecord& member : batch.members) {
        WINDLASS_TRY_STATUS(check_possible(member.job, member.row));
        const auto found = tables().members.find(member.job);
        if (found != tables().members.end() ? found->second != member.row : tables().jobs.contains(member.job))
            return stale("job " + member.job.text() + " is there already and is another one");
    }
    for (const StateChange& change : batch.changes) {
        WINDLASS_TRY_STATUS(check_possible(change.job, change.row));
        if (const StateRow* row = row_of(change.job); row != nullptr && !tables().past.contains(change.job)) {
            if (row->state == change.from_state && row->attempt == change.from_attempt) continue;
            if (*row == change.row) continue;
        }
        return stale("job " + change.job.text() + " is neither as it was before the change nor as it is after it");
    }
    return Status();
}

void MemoryStore::insert(const JobRecord& job) {
    if (!tables().jobs.emplace(job.job, job).second) return;
    if (job.planned) tables().planned.emplace(job.schedule, *job.planned);
    for (const BlobUse& use : blob_uses_of({job}))
        ++tables().rights.try_emplace({use.owner, use.sha256}, MemoryDatabase::Right{use.since, 0}).first->second.jobs;
}

void MemoryStore::insert(const ResultRecord& result) {
    if (!tables().results.emplace(result.attempt, result).second) return;
    for (const ResultBlob& blob : result_blobs_of({result})) tables().result_blobs[blob.sha256] += blob.results;
}

void MemoryStore::apply(const Batch& batch) {
    MemoryDatabase::Tables& t = tables();
    for (const WorkerRecord& worker : batch.workers) t.workers.emplace(worker.worker, worker);
    for (const OffersRecord& record : batch.offers) t.offers[record.worker] = record.offers;
    for (const Blob& blob : batch.blobs) t.blobs.emplace(blob.sha256, blob.bytes);
    for (const JobRecord& job : batch.jobs) insert(job);
    for (const MemberRecord& member : batch.members) t.members.emplace(member.job, member.row);
    for (const StateChange& change : batch.changes) {
        StateRow& row = *row_of(change.job);
        const JobId array = row.array;  // written once
        row = change.row;
        row.array = array;
    }
    for (const ChangeArray& array : batch.arrays) t.jobs.at(array.job).array = array.row;
    for (const DropQueue& queue : batch.dropped_queues) t.queues.erase(queue.name);
    for (const StoreQueue& queue : batch.queues) t.queues[queue.config.name] = queue.config;
    for (const StoreDraining& drained : batch.draining) {
        if (drained.draining)
            t.draining.insert(drained.worker);
        else
            t.draining.erase(drained.worker);
    }
    for (const AddUsage& usage : batch.usage) t.usage[{usage.user, usage.day}] += usage.cpu;
    for (const KeyRecord& key : batch.keys) t.keys.insert_or_assign({key.account, key.route, key.key}, key);
    for (const RecordEvent& event : batch.events) t.events.emplace(std::pair(event.job, event.seq), event);
    for (const ResultRecord& result : batch.results) insert(result);
    for (const OutputChunk& chunk : batch.output)
        t.output.emplace(std::pair(chunk.attempt, std::pair(chunk.stream, chunk.offset)), chunk.bytes);
}

// ---- reading -------------------------------------------------------------------------------------------------------

StateRow* MemoryStore::row_of(JobId job) {
    if (const auto found = tables().jobs.find(job); found != tables().jobs.end()) return &found->second.row;
    const auto member = tables().members.find(job);
    return member == tables().members.end() ? nullptr : &member->second;
}

const JobRecord* MemoryStore::array_around(JobId member) {
    auto after = tables().jobs.lower_bound(member);
    while (after != tables().jobs.begin()) {
        --after;
        if (after->second.array) return last_id(after->second) >= member ? &after->second : nullptr;
    }
    return nullptr;
}

Result<StoredState> MemoryStore::load() {
    const std::lock_guard lock(database_->mutex_);
    StoredState stored;
    StoredQueue& queue = stored.queue;
    queue.highest_job = tables().highest_forgotten;
    for (const auto& [id, job] : tables().jobs) {
        queue.highest_job = std::max(queue.highest_job, last_id(job));
        if (is_final(job.row.state)) continue;
        StoredJob live{id, seed_from(job.owner, job.spec), job.row, job.array, {}};
        if (job.array) {
            live.seed.array = {job.array->count, job.array->max_fails};
            const auto ahead = tables().members.lower_bound(JobId{id.value + 1 + job.array->next_member});
            for (auto member = ahead; member != tables().members.end() && member->second.array == id; ++member)
                live.holes.push_back(member->first.value - id.value - 1);
        }
        if (job.row.state == JobState::blocked) live.seed.after = job.after;
        std::ranges::sort(live.seed.after, {}, [](const Dependency& d) { return std::pair(d.job, d.condition); });
        for (Dependency& dependency : live.seed.after) dependency.ended = final_state(dependency.job);
        queue.jobs.push_back(std::move(live));
    }
    for (const auto& [id, row] : tables().members) {
        if (is_final(row.state)) continue;
        const JobRecord& array = tables().jobs.at(row.array);
        queue.jobs.push_back({id, seed_from(array.owner, array.spec), row, std::nullopt, {}});
    }
    std::ranges::sort(queue.jobs, {}, &StoredJob::job);
    for (const auto& [name, config] : tables().queues) queue.queues.push_back(config);
    queue.draining.assign(tables().draining.begin(), tables().draining.end());
    load_users(queue);
    for (const auto& [id, worker] : tables().workers) stored.workers.push_back(worker);
    for (const auto& [name, trust] : tables().trust) stored.trust.push_back(trust);
    return stored;
}

void MemoryStore::load_users(StoredQueue& queue) {
    std::set<UserId> users;
    for (const StoredJob& job : queue.jobs) users.insert(job.seed.owner);
    std::int64_t last_day = 0;
    for (const auto& [key, cpu] : tables().usage) last_day = std::max(last_day, key.second);
    for (const auto& [key, cpu] : tables().usage)
        if (key.second == last_day) users.insert(key.first);
    for (const auto& [subject, quota] : tables().quotas)
        if (subject.starts_with("user:")) users.insert(UserId{std::stoll(subject.substr(5))});
    const auto quota_of = [&](const std::string& subject) {
        const auto found = tables().quotas.find(subject);
        return found == tables().quotas.end() ? Quota() : found->second;
    };
    for (const UserId user : users) {
        const auto tier = tables().tiers.find(user);
        const Quota general = tier == tables().tiers.end() ? Quota() : quota_of("tier:" + tier->second);
        StoredUser entry{user, overridden(quota_of("user:" + user.text()), general), 0, {}};
        if (const auto used = tables().usage.find({user, last_day}); used != tables().usage.end()) {
            entry.day = last_day;
            entry.cpu_of_day = used->second;
        }
        queue.users.push_back(entry);
    }
}

Result<std::string> MemoryStore::bytes_of(JobId job, const std::string& sha256) {
    if (sha256.empty()) return std::string();
    const auto blob = tables().blobs.find(sha256);
    if (blob != tables().blobs.end()) return blob->second;
    return make_error(ErrorKind::internal, "the bytes " + sha256 + " of job " + job.text() + " are not in the store");
}

Result<std::vector<StoredPayload>> MemoryStore::payloads(const std::vector<JobId>& jobs) {
    const std::lock_guard lock(database_->mutex_);
    std::vector<StoredPayload> payloads;
    for (const JobId id : jobs) {
        StoredPayload& payload = payloads.emplace_back();
        auto job = tables().jobs.find(id);
        if (const auto member = tables().members.find(id); member != tables().members.end()) {
            job = tables().jobs.find(member->second.array);
            const JobRecord& array = job->second;
            payload.array = array.job;
            payload.member = id.value - array.job.value - 1;
            payload.count = array.array->count;
            const auto place = static_cast<std::size_t>(payload.member);
            if (place < array.params.size()) payload.params = array.params[place];
        }
        if (job == tables().jobs.end())
            return make_error(ErrorKind::internal, "job " + id.text() + " is not in the store");
        payload.payload.spec = job->second.spec;
        WINDLASS_TRY(payload.payload.code, bytes_of(id, job->second.code_sha256));
        WINDLASS_TRY(payload.payload.data, bytes_of(id, job->second.data_sha256));
    }
    return payloads;
}

Result<std::string> MemoryStore::blob(const std::string& sha256) {
    const std::lock_guard lock(database_->mutex_);
    const auto blob = tables().blobs.find(sha256);
    if (blob != tables().blobs.end()) return blob->second;
    return make_error(ErrorKind::not_found, "there is no content " + sha256 + " in the store");
}

std::optional<JobState> MemoryStore::final_state(JobId job) {
    std::optional<JobState> state;
    if (const StateRow* row = row_of(job))
        state = row->state;
    else if (const JobRecord* array = array_around(job))
        state = state_of_unstarted(array->row.state);
    return state && is_final(*state) ? state : std::nullopt;
}

Result<std::vector<std::optional<JobState>>> MemoryStore::final_states(const std::vector<JobId>& jobs) {
    const std::lock_guard lock(database_->mutex_);
    std::vector<std::optional<JobState>> states;
    for (const JobId job : jobs) states.push_back(final_state(job));
    return states;
}

Result<std::optional<KeyRecord>> MemoryStore::submitted_with(UserId account, const std::string& route,
                                                             const std::string& key) {
    const std::lock_guard lock(database_->mutex_);
    const auto found = tables().keys.find({account, route, key});
    return found == tables().keys.end() ? std::nullopt : std::optional(found->second);
}

// ---- history -------------------------------------------------------------------------------------------------------

Result<std::int64_t> MemoryStore::move_finished(std::int64_t most) {
    const std::lock_guard lock(database_->mutex_);
    WINDLASS_TRY_STATUS(check_epoch());
    std::int64_t moved = 0;
    const auto move = [&](JobId id, const StateRow& row) {
        if (moved < most && is_final(row.state) && tables().past.insert(id).second) ++moved;
    };
    for (const auto& [id, job] : tables().jobs) move(id, job.row);
    for (const auto& [id, row] : tables().members) move(id, row);
    return moved;
}

bool MemoryStore::is_waited_for(JobId first, JobId last) {
    const auto within = [&](const Dependency& d) { return d.job >= first && d.job <= last; };
    return std::ranges::any_of(tables().jobs, [&](const auto& entry) {
        return entry.second.row.state == JobState::blocked && std::ranges::any_of(entry.second.after, within);
    });
}

void MemoryStore::forget_row(JobId id) {
    for (const auto& [attempt, result] : tables().results) {
        if (attempt.job != id) continue;
        for (const ResultBlob& blob : result_blobs_of({result})) tables().result_blobs[blob.sha256] -= blob.results;
    }
    std::erase_if(tables().events, [&](const auto& entry) { return entry.first.first == id; });
    std::erase_if(tables().results, [&](const auto& entry) { return entry.first.job == id; });
    std::erase_if(tables().output, [&](const auto& entry) { return entry.first.first.job == id; });
    tables().members.erase(id);
    tables().past.erase(id);
}

void MemoryStore::forget(JobId id) {
    const JobRecord& job = tables().jobs.at(id);
    tables().highest_forgotten = std::max(tables().highest_forgotten, last_id(job));
    for (const BlobUse& use : blob_uses_of({job})) tables().rights.at({use.owner, use.sha256}).jobs -= use.jobs;
    if (job.planned) tables().planned.erase({job.schedule, *job.planned});
    forget_row(id);
    tables().jobs.erase(id);
}

void MemoryStore::drop_unused(WallTime cutoff) {
    std::erase_if(tables().rights,
                  [&](const auto& entry) { return entry.second.jobs <= 0 && entry.second.since < cutoff; });
    std::erase_if(tables().result_blobs, [](const auto& entry) { return entry.second <= 0; });
    std::erase_if(tables().blobs, [&](const auto& blob) {
        const auto of_blob = [&](const auto& right) { return right.first.second == blob.first; };
        return !tables().result_blobs.contains(blob.first) && std::ranges::none_of(tables().rights, of_blob);
    });
}

Result<std::int64_t> MemoryStore::forget_finished(WallTime cutoff, std::int64_t most) {
    const std::lock_guard lock(database_->mutex_);
    WINDLASS_TRY_STATUS(check_epoch());
    std::vector<std::pair<WallTime, JobId>> old;
    for (const auto& [id, job] : tables().jobs)
        if (tables().past.contains(id) && *job.row.finished < cutoff && !is_waited_for(id, last_id(job)))
            old.emplace_back(*job.row.finished, id);
    std::ranges::sort(old);
    std::int64_t forgotten = 0;
    for (const auto& [finished, id] : old) {
        const JobId last = last_id(tables().jobs.at(id));
        auto member = tables().members.upper_bound(id);
        while (forgotten < most && member != tables().members.end() && member->first <= last) {
            forget_row((member++)->first);
            ++forgotten;
        }
        if (forgotten == most) break;
        forget(id);
        ++forgotten;
    }
    drop_unused(cutoff);
    return forgotten;
}

Result<std::int64_t> MemoryStore::forget_expired(WallTime now, std::int64_t most) {
    const std::lock_guard lock(database_->mutex_);
    WINDLASS_TRY_STATUS(check_epoch());
    const WallTime before = now - std::chrono::hours(24);
    std::int64_t keys = 0, uploads = 0;
    const auto old_piece = [&](const auto& piece) { return piece.second.created < before; };
    std::erase_if(tables().keys,
                  [&](const auto& entry) { return keys < most && entry.second.created < before && ++keys > 0; });
    std::erase_if(tables().uploads, [&](const auto& upload) {
        return uploads < most && std::ranges::all_of(upload.second, old_piece) && ++uploads > 0;
    });
    return keys + uploads;
}

// ---- trust ---------------------------------------------------------------------------------------------------------

Status MemoryStore::keep_token(const StoredToken& token) {
    const std::lock_guard lock(database_->mutex_);
    WINDLASS_TRY_STATUS(check_epoch());
    std::erase_if(tables().tokens,
                  [&](const auto& entry) { return entry.second.expires < token.created - forget_tokens_after; });
    tables().tokens[token.token_hash] = token;
    return {};
}

Result<std::int64_t> MemoryStore::redeem_token(const Redemption& redemption) {
    const std::lock_guard lock(database_->mutex_);
    WINDLASS_TRY_STATUS(check_epoch());
    const auto token = tables().tokens.find(redemption.token_hash);
    const auto trust = tables().trust.find(redemption.worker);
    WINDLASS_TRY(const bool first_use,
                 judge_redemption(token == tables().tokens.end() ? nullptr : &token->second,
                                  trust == tables().trust.end() ? nullptr : &trust->second, redemption));
    if (!first_use) return token->second.generation;
    WorkerTrust& record = tables().trust[redemption.worker];
    record = {redemption.worker, record.generation + 1, false};
    token->second.key_sha256 = redemption.key_sha256;
    token->second.generation = record.generation;
    return record.generation;
}

Status MemoryStore::revoke_worker(const std::string& worker, WallTime) {
    const std::lock_guard lock(database_->mutex_);
    WINDLASS_TRY_STATUS(check_epoch());
    const auto withdrawn =
        std::erase_if(tables().tokens, [&](const auto& entry) { return entry.second.worker == worker; });
    const auto trust = tables().trust.find(worker);
    if (withdrawn == 0 && trust == tables().trust.end())
        return make_error(ErrorKind::not_found, "No worker of this name was ever enrolled.");
    if (trust != tables().trust.end()) trust->second.revoked = true;
    return {};
}

Result<bool> MemoryStore::needs_file(const std::vector<JobId>& jobs, const std::string& sha256) {
    const std::lock_guard lock(database_->mutex_);
    return std::ranges::any_of(jobs, [&](JobId id) {
        const auto member = tables().members.find(id);
        const auto job = tables().jobs.find(member == tables().members.end() ? id : member->second.array);
        return job != tables().jobs.end() &&
               std::ranges::any_of(job->second.spec.files, [&](const auto& file) { return file.second == sha256; });
    });
}

std::unique_ptr<Store> make_memory_store() {
    return make_memory_store(std::make_shared<MemoryDatabase>());
}

std::unique_ptr<Store> make_memory_store(std::shared_ptr<MemoryDatabase> database) {
    return std::make_unique<MemoryStore>(std::move(database));
}

}  // namespace windlass::scheduler
