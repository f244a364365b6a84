#include "tests/simulation/model_store.h"

#include <algorithm>
#include <string>

#include "scheduler/job_seed.h"
#include "shared/guard.h"
#include "tests/simulation/violation.h"

namespace windlass::simulation {

namespace {

std::string text(const StateRow& row) {
    return std::string(name(row.state)) + "." + std::to_string(row.attempt);
}

bool same(const RecordEvent& a, const RecordEvent& b) {
    return a.seq == b.seq && a.at == b.at && a.move == b.move && a.state == b.state && a.attempt == b.attempt;
}

std::string name_of(const KeyRecord& key) {
    return key.account.text() + " " + key.route + " " + key.key;
}

}  // namespace

// ---- the tables -----------------------------------------------------------------------------------------------------

void ModelDatabase::judge_row(JobId id, const Row& row, bool at_end) const {
    const std::string who = "job " + id.text() + ": ";
    const StateRow& state = row.state;
    require(is_leased(state.state) == static_cast<bool>(state.worker), who + "a worker is named exactly while leased");
    require(is_final(state.state) == state.finished.has_value(), who + "it has an end exactly when it has ended");
    require(!row.events.empty() && row.events.front().move == JobMove::submit,
            who + "its log does not begin with submit");
    require(row.events.back().seq == state.event_seq, who + "row and log disagree on the last event");
    require(row.events.back().state == state.state, who + "row and log disagree on the state");
    if (at_end)
        require(is_final(state.state), who + "still " + std::string(name(state.state)) + " long after the last fault");
    require(!row.cancel_acknowledged || state.state != JobState::succeeded,
            who + "succeeded after a cancel was acknowledged");

    int finals = 0;
    AttemptNumber attempt = 0;
    for (const RecordEvent& event : row.events) {
        require(finals == 0, who + "an event after its end");
        finals += is_final(event.state) ? 1 : 0;
        if (event.move == JobMove::lease) require(event.attempt == ++attempt, who + "attempts do not count up by one");
        require(event.attempt == attempt, who + "an event of an attempt that is not the current one");
    }
    if (row.array) {
        const ArrayRow& array = *row.array;
        const std::int64_t ended = array.succeeded + array.failed + array.timed_out + array.cancelled + array.lost;
        require(ended <= array.count, who + "more members ended than it has");
        std::map<JobState, std::int64_t> ends;
        const JobId last{id.value + array.count};
        for (auto member = rows_.upper_bound(id); member != rows_.end() && member->first <= last; ++member)
            ++ends[member->second.state.state];
        require(array.succeeded == ends[JobState::succeeded] && array.failed == ends[JobState::failed] &&
                    array.lost == ends[JobState::lost] && array.timed_out >= ends[JobState::timed_out] &&
                    array.cancelled >= ends[JobState::cancelled],
                who + "its counters are not the ends of its members");
        if (is_final(state.state) && state.state != JobState::cancelled && state.state != JobState::timed_out)
            require(ended == array.count, who + "it ended before its members");
        if (state.state == JobState::succeeded)
            require(array.succeeded == array.count, who + "it succeeded, and not all of its members did");
    } else if (state.state == JobState::succeeded) {
        const auto successes = std::count_if(row.results.begin(), row.results.end(), [](const auto& entry) {
            const Outcome& outcome = entry.second.result.outcome;
            return outcome.kind == OutcomeKind::exited && outcome.exit_code == 0;
        });
        require(successes == 1 && row.results.rbegin()->first == state.attempt && state.attempt == attempt,
                who + "succeeded without exactly one successful result, of its last attempt");
    }
}

ModelDatabase::Row& ModelDatabase::get(JobId job) {
    const auto found = rows_.find(job);
    require(found != rows_.end(), "a write about job " + job.text() + ", which is not in the store");
    return found->second;
}

const ModelDatabase::Row* ModelDatabase::find(JobId job) const {
    const auto found = rows_.find(job);
    return found == rows_.end() ? nullptr : &found->second;
}

JobId ModelDatabase::highest() const {
    JobId highest;
    for (const auto& [id, row] : rows_)
        if (!row.forgotten || WINDLASS_GUARD(highest_id_is_kept))
            highest = std::max(highest, JobId{id.value + (row.array ? row.array->count : 0)});
    return highest;
}

std::optional<JobState> ModelDatabase::final_state(JobId job) const {
    const Row* row = find(job);
    if (row == nullptr) {  // a member goes with its array
        for (auto around = rows_.upper_bound(job); around != rows_.begin() && row == nullptr;)
            if ((--around)->second.array) row = &around->second;
    }
    return row != nullptr && row->forgotten ? std::nullopt : end_of(job);
}

std::size_t ModelDatabase::forgotten() const {
    return static_cast<std::size_t>(
        std::count_if(rows_.begin(), rows_.end(), [](const auto& each) { return each.second.forgotten; }));
}

Microseconds ModelDatabase::used_by(UserId user) const {
    const auto found = used_.find(user);
    return found == used_.end() ? Microseconds{0} : found->second;
}

void ModelDatabase::set_quota(UserId user, const Quota& quota) {
    quotas[user] = quota;
    if (on_quotas) on_quotas();
}

void ModelDatabase::clear_quotas() {
    quotas.clear();
    if (on_quotas) on_quotas();
}

void ModelDatabase::break_lock() {
    leader_ = nullptr;
    if (on_break_lock) on_break_lock();
}

std::optional<JobState> ModelDatabase::end_of(JobId job) const {
    if (const Row* row = find(job)) return is_final(row->state.state) ? std::optional(row->state.state) : std::nullopt;
    auto around = rows_.upper_bound(job);
    while (around != rows_.begin()) {
        --around;
        if (!around->second.array) continue;
        if (job.value > around->first.value + around->second.array->count) return std::nullopt;
        if (!is_final(around->second.state.state)) return std::nullopt;
        return around->second.state.state == JobState::timed_out ? JobState::timed_out : JobState::cancelled;
    }
    return std::nullopt;
}

void ModelDatabase::insert(const JobRecord& job) {
    NewJob seed = seed_from(job.owner, job.spec);
    seed.after = job.after;
    if (job.array) seed.array = {job.array->count, job.array->max_fails};
    const auto [place, is_new] = rows_.try_emplace(job.job, Row{std::move(seed), job.row, job.array, {}, {}});
    if (!is_new) {
        require(place->second.state == job.row, "job " + job.job.text() + " is there already and is another one");
        return;
    }
    require(std::next(place) == rows_.end(), "job ids do not go up: " + job.job.text());
    if (!is_final(job.row.state)) ++unfinished_;
    if (!job.planned) return;
    require(planned_.emplace(job.schedule, *job.planned).second,
            "a planned moment of schedule " + std::to_string(job.schedule) + " has two jobs");
    Schedule& schedule = schedules.at(job.schedule);
    if (WINDLASS_GUARD(planned_moment_is_kept)) schedule.dealt_with = std::max(schedule.dealt_with, *job.planned);
    schedule.last_job = job.job;
}

void ModelDatabase::insert(const MemberRecord& member) {
    NewJob seed = get(member.row.array).seed;
    seed.array = {};
    seed.after.clear();
    const auto [place, is_new] = rows_.try_emplace(member.job, Row{std::move(seed), member.row, {}, {}, {}});
    require(is_new || place->second.state == member.row, "member " + member.job.text() + " was born twice");
    if (is_new && !is_final(member.row.state)) ++unfinished_;
}

void ModelDatabase::change(const StateChange& change) {
    Row& row = get(change.job);
    if (row.state == change.row) return;  // the same once more
    require(row.state.state == change.from_state && row.state.attempt == change.from_attempt,
            "the fence refused a write about job " + change.job.text() + ": it is " + text(row.state) + ", not " +
                std::string(name(change.from_state)) + "." + std::to_string(change.from_attempt));
    require(!is_final(row.state.state), "job " + change.job.text() + " changed after its end");
    row.state = change.row;
    if (is_final(row.state.state)) --unfinished_;
}

void ModelDatabase::keep(const RecordEvent& event) {
    Row& row = get(event.job);
    for (const RecordEvent& other : row.events)
        if (same(other, event)) return;
    const std::int32_t last = row.events.empty() ? 0 : row.events.back().seq;
    require(event.seq == last + 1,
            "event " + std::to_string(event.seq) + " of job " + event.job.text() + " follows " + std::to_string(last));
    row.events.push_back(event);
}

void ModelDatabase::keep(const ResultRecord& result) {
    Row& row = get(result.attempt.job);
    const auto [place, is_new] = row.results.emplace(result.attempt.attempt, result);
    require(is_new || (place->second.ended == result.ended && place->second.worker == result.worker),
            "two results of attempt " + result.attempt.text());
    if (is_new)
        used_by_results_[row.seed.owner] +=
            Microseconds{result.result.usage.wall.count() * row.seed.need.cpu_millis / 1000};
}

void ModelDatabase::keep(const KeyRecord& key) {
    const auto [place, is_new] = keys_.emplace(name_of(key), key);
    require(is_new || place->second.jobs == key.jobs, "one key made two submits: " + key.key);
}

void ModelDatabase::apply(const Batch& batch) {
    for (const JobRecord& job : batch.jobs) insert(job);
    for (const MemberRecord& member : batch.members) insert(member);
    for (const StateChange& each : batch.changes) change(each);
    for (const ChangeArray& array : batch.arrays) get(array.job).array = array.row;
    for (const StoreQueue& queue : batch.queues) queues_[queue.config.name] = queue.config;
    for (const DropQueue& queue : batch.dropped_queues) queues_.erase(queue.name);
    for (const StoreDraining& each : batch.draining) {
        if (each.draining)
            draining_.insert(each.worker);
        else
            draining_.erase(each.worker);
    }
    for (const AddUsage& use : batch.usage) {
        StoredUser& user = use_[use.user];
        if (use.day > user.day) {
            user.day = use.day;
            user.cpu_of_day = {};
        }
        user.cpu_of_day += use.cpu;
        used_[use.user] += use.cpu;
    }
    for (const KeyRecord& key : batch.keys) keep(key);
    std::set<JobId> touched;
    for (const RecordEvent& event : batch.events) {
        keep(event);
        touched.insert(event.job);
    }
    for (const ResultRecord& result : batch.results) keep(result);
    for (const JobId job : touched) judge_row(job, get(job), false);
    for (const AddUsage& use : batch.usage)
        require(used_[use.user] == used_by_results_[use.user],
                "user " + use.user.text() + " is charged for something else than the attempts that ended");
}

std::int64_t ModelDatabase::move_finished() {
    std::int64_t moved = 0;
    for (auto& [id, row] : rows_) {
        if (row.past || !is_final(row.state.state)) continue;
        row.past = true;
        ++moved;
    }
    return moved;
}

// Does a job that is blocked wait for one of these?
bool ModelDatabase::is_waited_for(JobId first, JobId last) const {
    return std::any_of(rows_.begin(), rows_.end(), [&](const auto& each) {
        const auto& after = each.second.seed.after;
        return each.second.state.state == JobState::blocked &&
               std::any_of(after.begin(), after.end(),
                           [&](const Dependency& on) { return first <= on.job && on.job <= last; });
    });
}

// Members go with their array.
std::int64_t ModelDatabase::forget_finished(WallTime cutoff) {
    std::int64_t forgotten = 0;
    for (auto row = rows_.begin(); row != rows_.end(); ++row) {
        const auto& [id, job] = *row;
        const JobId last{id.value + (job.array ? job.array->count : 0)};
        if (!job.past || job.forgotten || job.state.array) continue;
        if (*job.state.finished >= cutoff && WINDLASS_GUARD(forget_only_the_old)) continue;
        if (is_waited_for(id, last)) continue;
        require(*job.state.finished < cutoff, "job " + id.text() + " is forgotten too early");
        for (auto gone = row; gone != rows_.end() && gone->first <= last; ++gone, ++forgotten)
            gone->second.forgotten = true;
    }
    return forgotten;
}

void ModelDatabase::cancel_acknowledged(JobId job) {
    Row& row = get(job);
    row.cancel_acknowledged = true;
    judge_row(job, row, false);
}

void ModelDatabase::judge(bool at_end) const {
    for (const auto& [id, row] : rows_) judge_row(id, row, at_end);
}

// ---- a connection ---------------------------------------------------------------------------------------------------

Result<std::int64_t> ModelStore::lead() {
    if (database_.leader_ != nullptr && database_.leader_ != this)
        return make_error(ErrorKind::conflict, "another scheduler leads");
    database_.leader_ = this;
    epoch_ = ++database_.epoch_;
    return epoch_;
}

Status ModelStore::check_epoch() const {
    if (WINDLASS_GUARD(epoch_of_commit) && epoch_ != database_.epoch_)
        return make_error(ErrorKind::stale, "another scheduler has taken the lead");
    return Status();
}

Status ModelStore::commit(const Batch& batch) {
    if (database_.leader_ == nullptr) database_.leader_ = this;
    WINDLASS_TRY_STATUS(check_epoch());
    if (database_.leader_ != this && WINDLASS_GUARD(epoch_of_commit))
        return make_error(ErrorKind::unavailable, "the lock of the leader is held by another connection");
    std::int64_t& last = database_.last_batch_[epoch_];
    if (WINDLASS_GUARD(batch_number) && batch.number == last) return Status();
    require(batch.number >= last, "batch " + std::to_string(batch.number) + " comes after a later one");
    last = batch.number;
    database_.apply(batch);
    return Status();
}

Result<StoredState> ModelStore::load() {
    StoredState state;
    StoredQueue& queue = state.queue;
    for (const auto& [id, row] : database_.rows_) {
        if (is_final(row.state.state)) continue;
        StoredJob job{id, row.seed, row.state, row.array, {}};
        for (Dependency& after : job.seed.after) after.ended = database_.final_state(after.job);
        if (row.array) {
            const std::int64_t first = id.value + 1;
            for (auto member = database_.rows_.lower_bound(JobId{first + row.array->next_member});
                 member != database_.rows_.end() && member->first.value < first + row.array->count; ++member)
                job.holes.push_back(member->first.value - first);
        }
        queue.jobs.push_back(std::move(job));
    }
    for (const auto& [name, config] : database_.queues_) queue.queues.push_back(config);
    std::map<UserId, StoredUser> users = database_.use_;
    for (const auto& [user, quota] : database_.quotas) users[user].quota = quota;
    for (auto& [id, user] : users) {
        user.user = id;
        queue.users.push_back(user);
    }
    queue.draining.assign(database_.draining_.begin(), database_.draining_.end());
    queue.highest_job = database_.highest();
    return state;
}

Result<std::vector<std::optional<JobState>>> ModelStore::final_states(const std::vector<JobId>& jobs) {
    std::vector<std::optional<JobState>> states;
    for (const JobId job : jobs) states.push_back(database_.final_state(job));
    return states;
}

Result<std::optional<KeyRecord>> ModelStore::submitted_with(UserId account, const std::string& route,
                                                            const std::string& key) {
    const auto found = database_.keys_.find(name_of({account, route, key, {}, {}, {}}));
    return found == database_.keys_.end() ? std::nullopt : std::optional(found->second);
}

Status ModelStore::ping() {
    return check_epoch();
}

Result<std::vector<ScheduleRecord>> ModelStore::schedules() {
    std::vector<ScheduleRecord> records;
    for (const auto& [id, schedule] : database_.schedules) {
        ScheduleRecord& record = records.emplace_back();
        record.id = id;
        record.owner = schedule.owner;
        record.cron = database_.crons.at(id);
        record.time_zone = "UTC";
        record.overlap = schedule.overlap;
        record.missed = schedule.missed;
        record.dealt_with = schedule.dealt_with;
        record.last_job = schedule.last_job;
    }
    return records;
}

Result<std::int64_t> ModelStore::move_finished(std::int64_t) {
    WINDLASS_TRY_STATUS(check_epoch());
    return database_.move_finished();
}

Result<std::int64_t> ModelStore::forget_finished(WallTime cutoff, std::int64_t) {
    WINDLASS_TRY_STATUS(check_epoch());
    return database_.forget_finished(cutoff);
}

Result<std::vector<StoredPayload>> ModelStore::payloads(const std::vector<JobId>&) {
    return make_error(ErrorKind::internal, "the simulation asks for no payloads");
}
Result<std::string> ModelStore::blob(const std::string&) {
    return make_error(ErrorKind::internal, "the simulation asks for no blobs");
}

}  // namespace windlass::simulation
