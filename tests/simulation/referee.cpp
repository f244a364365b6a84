#include "tests/simulation/referee.h"

#include <algorithm>
#include <utility>

#include "tests/simulation/violation.h"

namespace windlass::simulation {

namespace {

// The queue counts running attempts in milliseconds.
constexpr Microseconds cpu_rounding{Milliseconds{100}};

std::int64_t day_of_time(WallTime at) {
    return std::chrono::floor<std::chrono::days>(at).time_since_epoch().count();
}

bool condition_holds(JobState ended, DependencyCondition condition) {
    if (condition == DependencyCondition::any) return true;
    return (ended == JobState::succeeded) == (condition == DependencyCondition::ok);
}

bool rule_allows_retry(const RetryOn& rule, const AttemptFinished& finished) {
    const auto has = [](const std::vector<std::int32_t>& values, std::int32_t value) {
        return std::count(values.begin(), values.end(), value) > 0;
    };
    if (finished.outcome == OutcomeKind::exited) return has(rule.exit_codes, finished.exit_code);
    if (finished.outcome == OutcomeKind::signalled) return has(rule.signals, finished.signal);
    return finished.outcome == OutcomeKind::out_of_time && rule.timeout;
}

std::int64_t members_ended(const ArrayRow& row) {
    return row.succeeded + row.failed + row.timed_out + row.cancelled + row.lost;
}

}  // namespace

Referee::Referee(QueueSettings settings, const StoredQueue& stored,
                 std::function<std::optional<JobState>(JobId)> ended_before)
    : settings_(std::move(settings)), ended_before_(std::move(ended_before)) {
    queues_["default"].name = "default";
    for (const StoredJob& job : stored.jobs) {
        Job& mine = jobs_[job.job] = {.seed = job.seed, .row = job.row, .array = job.array};
        mine.rested = job.row.attempt > 0;
        if (job.row.array) mine.seed.array = {};
    }
    for (const QueueConfig& queue : stored.queues) queues_[queue.name] = queue;
    for (const StoredUser& user : stored.users) {
        quotas_[user.user] = user.quota;
        used_[user.user][user.day] = user.cpu_of_day;
    }
    drained_.insert(stored.draining.begin(), stored.draining.end());
}

Referee::Job& Referee::get(JobId job) {
    const auto found = jobs_.find(job);
    require(found != jobs_.end(), "the queue decides about job " + job.text() + ", which there is not");
    return found->second;
}

// ---- what the rules need to know ------------------------------------------------------------------------------------

// What had ended before the submit ended as it was told then: a leader that was deposed, and does not know it, gives the
// same id once more.
std::optional<JobState> Referee::end_of(const Dependency& after) const {
    return after.ended ? after.ended : end_of(after.job);
}

std::optional<JobState> Referee::end_of(JobId id) const {
    if (const auto found = jobs_.find(id); found != jobs_.end())
        return is_final(found->second.row.state) ? std::optional(found->second.row.state) : std::nullopt;
    if (const auto before = ended_before_(id)) return before;
    // A member without a row: ended when its array told so at once.
    for (auto array = jobs_.upper_bound(id); array != jobs_.begin();) {
        --array;
        if (!array->second.array) continue;
        const ArrayRow& row = *array->second.array;
        if (id.value > array->first.value + row.count) return std::nullopt;
        return row.cancelled + row.timed_out > 0 ? std::optional(JobState::cancelled) : std::nullopt;
    }
    return std::nullopt;
}

template <class Which>
std::int64_t Referee::leased(Which which) const {
    return std::count_if(jobs_.begin(), jobs_.end(),
                         [&](const auto& each) { return is_leased(each.second.row.state) && which(each.second); });
}

std::int64_t Referee::waiting(UserId user) const {
    std::int64_t waiting = 0;
    for (const auto& [id, job] : jobs_) {
        if (job.seed.owner != user || is_final(job.row.state) || is_leased(job.row.state)) continue;
        if (!job.array) {
            ++waiting;
            continue;
        }
        waiting += unstarted(id, job);
    }
    return waiting;
}

// Members that have no row and will get one.
std::int64_t Referee::unstarted(JobId id, const Job& array) const {
    const JobId last{id.value + array.array->count};
    std::int64_t live = 0;
    for (auto member = jobs_.upper_bound(id); member != jobs_.end() && member->first <= last; ++member)
        live += is_final(member->second.row.state) ? 0 : 1;
    return array.array->count - members_ended(*array.array) - live;
}

Microseconds Referee::cpu_today(UserId user, Now now) const {
    Microseconds used{};
    if (const auto days = used_.find(user); days != used_.end())
        if (const auto today = days->second.find(day_of_time(now.wall)); today != days->second.end())
            used = today->second;
    for (const auto& [id, job] : jobs_)
        if (job.seed.owner == user && job.row.state == JobState::running)
            used += Microseconds{(now.wall - *job.row.started).count() * job.seed.need.cpu_millis / 1000};
    return used;
}

// ---- one turn -------------------------------------------------------------------------------------------------------

void Referee::hear(const Event& event) {
    if (const auto* submit = std::get_if<Submit>(&event)) {
        if (!submit->jobs.empty() && submit->quota) quotas_[submit->jobs.front().owner] = *submit->quota;
    } else if (const auto* quota = std::get_if<SetQuota>(&event)) {
        quotas_[quota->user] = quota->quota;
    } else if (const auto* joined = std::get_if<WorkerJoined>(&event)) {
        workers_[joined->worker] = {joined->capacity, true, false};
    } else if (const auto* left = std::get_if<WorkerLeft>(&event)) {
        workers_[left->worker].connected = false;
    } else if (const auto* draining = std::get_if<WorkerDraining>(&event)) {
        workers_[draining->worker].draining = true;
    }
}

void Referee::judge(const Event* event, const Effects& effects, Now now) {
    if (event != nullptr) hear(*event);
    if (const auto* started = event == nullptr ? nullptr : std::get_if<AttemptStarted>(event)) {
        const auto job = jobs_.find(started->attempt.job);
        const bool his = job != jobs_.end() && is_leased(job->second.row.state) &&
                         job->second.row.attempt == started->attempt.attempt &&
                         job->second.row.worker == started->worker;
        require(his || std::any_of(effects.begin(), effects.end(),
                                   [](const Effect& effect) { return std::holds_alternative<SendRevoke>(effect); }),
                "worker " + started->worker.text() + " started " + started->attempt.text() +
                    ", which it has lost, and is not told so");
    }
    bool born = false;
    std::map<std::size_t, JobId> ids;  // of a submit, by index
    for (const Effect& effect : effects)
        if (const auto* insert = std::get_if<InsertJob>(&effect)) ids[insert->index] = insert->job;
    for (std::size_t i = 0; i < effects.size(); ++i) {
        const Effect& effect = effects[i];
        if (const auto* insert = std::get_if<InsertJob>(&effect)) {
            const auto& submit = std::get<Submit>(*event);
            if (!std::exchange(born, true)) judge_birth(submit, now);
            Job job{.seed = submit.jobs.at(insert->index), .row = insert->row, .array = {}};
            job.waits_since = now.steady;
            for (Dependency& after : job.seed.after)
                if (!after.job) after.job = ids.at(after.index);
            if (job.seed.array.count > 0)
                job.array = ArrayRow{.count = job.seed.array.count, .max_fails = job.seed.array.max_fails};
            require(jobs_.emplace(insert->job, std::move(job)).second, "job " + insert->job.text() + " is born twice");
        } else if (const auto* member = std::get_if<InsertMember>(&effect)) {
            NewJob seed = get(member->row.array).seed;
            seed.array = {};
            require(jobs_.emplace(member->job, Job{.seed = std::move(seed), .row = member->row, .array = {}}).second,
                    "member " + member->job.text() + " is born twice");
        } else if (const auto* change = std::get_if<ChangeState>(&effect)) {
            require(i + 1 < effects.size() && std::holds_alternative<RecordEvent>(effects[i + 1]),
                    "a change of job " + change->job.text() + " is not in its log");
            judge_change(event, *change, std::get<RecordEvent>(effects[i + 1]), now);
        } else if (const auto* array = std::get_if<ChangeArray>(&effect)) {
            get(array->job).array = array->row;
        } else if (const auto* queue = std::get_if<StoreQueue>(&effect)) {
            queues_[queue->config.name] = queue->config;
        } else if (const auto* dropped = std::get_if<DropQueue>(&effect)) {
            for (const auto& [id, job] : jobs_)
                require(job.seed.queue != dropped->name || is_final(job.row.state),
                        "queue " + dropped->name + " is removed while job " + id.text() + " lives");
            queues_.erase(dropped->name);
        } else if (const auto* draining = std::get_if<StoreDraining>(&effect)) {
            if (draining->draining)
                drained_.insert(draining->worker);
            else
                drained_.erase(draining->worker);
        } else if (const auto* use = std::get_if<AddUsage>(&effect)) {
            used_[use->user][use->day] += use->cpu;
        } else if (const auto* accepted = std::get_if<AcceptResult>(&effect)) {
            const StateRow& row = get(accepted->attempt.job).row;
            require(is_leased(row.state) && row.attempt == accepted->attempt.attempt && row.worker == accepted->worker,
                    "a result is accepted of attempt " + accepted->attempt.text() + ", which is not the current one");
        } else if (const auto* loss = std::get_if<RecordLoss>(&effect)) {
            const auto* forget = event == nullptr ? nullptr : std::get_if<ForgetWorker>(event);
            require(forget == nullptr || forget->worker != loss->worker || !workers_[loss->worker].connected,
                    "worker " + loss->worker.text() + " is forgotten though it is connected");
        } else if (const auto* answer = std::get_if<AnswerCancel>(&effect)) {
            judge_answers(std::get<CancelJobs>(*event), *answer);
        } else if (const auto* revoked = std::get_if<SendRevoke>(&effect)) {
            const auto job = jobs_.find(revoked->attempt.job);
            require(job == jobs_.end() || job->second.row.worker != revoked->worker ||
                        job->second.row.attempt != revoked->attempt.attempt,
                    "attempt " + revoked->attempt.text() + " is revoked, and its worker has it by right");
        } else if (const auto* renewed = std::get_if<AnswerRenewal>(&effect)) {
            for (const AttemptRef& kept : renewed->kept) {
                const auto job = jobs_.find(kept.job);
                require(job != jobs_.end() && job->second.row.worker == renewed->worker &&
                            job->second.row.attempt == kept.attempt,
                        "attempt " + kept.text() + " is renewed for who does not have it");
                job->second.confirmed = now.steady;
            }
        }
    }
    judge_deadlines(now);
    // Who says what he holds is told at once of what is not his any more.
    if (event == nullptr) return;
    const auto* joined = std::get_if<WorkerJoined>(event);
    if (joined == nullptr) return;
    for (const AttemptRef& held : joined->held) {
        const auto job = jobs_.find(held.job);
        const bool his =
            job != jobs_.end() && job->second.row.worker == joined->worker && job->second.row.attempt == held.attempt;
        const bool told = std::any_of(effects.begin(), effects.end(), [&](const Effect& effect) {
            const auto* revoke = std::get_if<SendRevoke>(&effect);
            return revoke != nullptr && revoke->attempt == held;
        });
        require(his || told, "worker " + joined->worker.text() + " is not told that it has lost " + held.text());
    }
    for (const auto& [id, job] : jobs_)
        if (is_leased(job.row.state) && job.row.worker == joined->worker)
            require(std::count(joined->held.begin(), joined->held.end(), AttemptRef{id, job.row.attempt}) > 0 ||
                        std::any_of(effects.begin(), effects.end(),
                                    [id = id](const Effect& effect) {
                                        const auto* lease = std::get_if<SendLease>(&effect);
                                        return lease != nullptr && lease->attempt.job == id;
                                    }),
                    "worker " + joined->worker.text() + " came back without job " + id.text() + " and keeps its lease");
}

void Referee::judge_deadlines(Now now) const {
    for (const auto& [id, job] : jobs_) {
        if (!job.seed.rules.deadline || *job.seed.rules.deadline > now.wall) continue;
        if (is_final(job.row.state) || is_leased(job.row.state)) continue;
        // An array lives on as long as members of it run; none of them begins any more.
        require(job.array && job.row.state == JobState::queued, "job " + id.text() + ": it waits beyond its deadline");
        require(unstarted(id, job) == 0, "array " + id.text() + ": members of it wait beyond its deadline");
    }
}

// Cancelled though nobody asked: because of what it waited for, which must have ended so that it never can run.
void Referee::judge_doom(JobId id, const Job& job) const {
    require(std::any_of(job.seed.after.begin(), job.seed.after.end(),
                        [&](const Dependency& after) {
                            const auto end = end_of(after);
                            return end && !condition_holds(*end, after.condition);
                        }),
            "job " + id.text() + ": it is given up, and what it waits for may still end as it must");
}

// Of jobs of one user that need the same, the one of the highest priority goes first, and of equals the oldest. Where
// this cannot be known exactly from outside nothing is said: after pauses, and of a job that may have had a worker kept
// free for it.
void Referee::judge_order(JobId id, const Job& job, Now now) const {
    if (now.steady - job.waits_since >= settings_.reserve_after || job.rested) return;
    for (const auto& [other_id, other] : jobs_) {
        if (other.row.state != JobState::queued || other.seed.owner != job.seed.owner || other_id == job.row.array ||
            other.seed.queue != job.seed.queue || other.seed.need != job.seed.need)
            continue;
        if (other.rested || other.seed.rules.not_before || other.row.cancel_requested) continue;
        if (other.array && unstarted(other_id, other) == 0) continue;
        const bool older = other.seed.priority == job.seed.priority && other_id < id;
        require(other.seed.priority <= job.seed.priority && !older,
                "job " + id.text() + " (priority " + std::to_string(job.seed.priority) + ") goes before job " +
                    other_id.text() + " (priority " + std::to_string(other.seed.priority) + ") of the same user");
    }
}

// A worker that says nothing keeps what it has until its lease and the grace are over: so long it may run on.
void Referee::judge_loss(const Event* event, JobId id, const Job& job, const StateRow& before, Now now) const {
    if (event != nullptr) {
        if (const auto* joined = std::get_if<WorkerJoined>(event); joined && joined->worker == before.worker) return;
        if (const auto* forgotten = std::get_if<ForgetWorker>(event); forgotten && forgotten->worker == before.worker)
            return;
        if (const auto* finished = std::get_if<AttemptFinished>(event); finished && finished->attempt.job == id) return;
    }
    require(now.steady - job.confirmed >= settings_.lease_ttl + settings_.lease_grace,
            "job " + id.text() + ": it is taken from a worker that may still run it");
}

void Referee::judge_birth(const Submit& submit, Now now) {
    const UserId owner = submit.jobs.front().owner;
    const std::string who = "user " + owner.text();
    std::int64_t more = 0;
    for (const NewJob& job : submit.jobs) {
        more += std::max<std::int64_t>(1, job.array.count);
        require(queues_.contains(job.queue), "a job is born into queue " + job.queue + ", which there is not");
    }
    const Quota& quota = quotas_[owner];
    if (quota.queued) require(waiting(owner) + more <= *quota.queued, who + " has more jobs waiting than he may");
    if (quota.cpu_per_day)
        require(cpu_today(owner, now) < *quota.cpu_per_day + cpu_rounding,
                who + " submits though he used up the processor time of the day");
}

void Referee::judge_change(const Event* event, const ChangeState& change, const RecordEvent& log, Now now) {
    Job& job = get(change.job);
    const StateRow before = std::exchange(job.row, change.row);
    const std::string who = "job " + change.job.text() + ": ";
    require(before.state == change.from_state && before.attempt == change.from_attempt,
            who + "a decision is about a state that it is not in");
    require(allowed(before.state, log.move, change.row.state), who + "a move that is not allowed");
    const auto* finished = event == nullptr ? nullptr : std::get_if<AttemptFinished>(event);
    const bool by_result = finished != nullptr && finished->attempt.job == change.job && is_leased(before.state);
    if (event != nullptr && is_leased(before.state)) {
        const auto speaks_of_it = [&](const auto* said) {
            require(said == nullptr || said->attempt.job != change.job ||
                        (said->attempt.attempt == before.attempt && said->worker == before.worker),
                    who + "somebody who does not have it is believed");
        };
        speaks_of_it(std::get_if<AttemptStarted>(event));
        speaks_of_it(std::get_if<AttemptFinished>(event));
        speaks_of_it(std::get_if<AttemptReturned>(event));
    }
    switch (log.move) {
        case JobMove::lease:
            job.row = before;  // as it was when it was chosen
            job.confirmed = now.steady;
            judge_lease(change.job, job, change.row.worker, now);
            judge_order(change.job, job, now);
            job.row = change.row;
            break;
        case JobMove::start:
            require(before.state == JobState::starting, who + "it starts twice");
            break;
        case JobMove::finish:
            require(!before.cancel_requested, who + "a cancel was acknowledged, and it goes on as if not");
            break;
        case JobMove::retry:
            require(by_result, who + "it is tried again, and no attempt has ended");
            judge_retry(change.job, job, *finished);
            rest(job, log, now);
            job.rested = true;
            break;
        case JobMove::requeue:
            require(!before.cancel_requested, who + "a cancel was acknowledged, and it is queued again");
            require(change.row.losses < settings_.crash_limit, who + "it goes on beyond the crash limit");
            if (change.row.losses > before.losses) {
                judge_loss(event, change.job, job, before, now);
                rest(job, log, now);
            }
            job.rested = true;
            break;
        case JobMove::release:
            for (const Dependency& after : job.seed.after) {
                const auto end = end_of(after);
                require(end && condition_holds(*end, after.condition), who + "it is released too early");
            }
            job.waits_since = now.steady;
            break;
        case JobMove::cancel:
            if (before.state == JobState::blocked && (event == nullptr || !std::holds_alternative<CancelJobs>(*event)))
                judge_doom(change.job, job);
            break;
        case JobMove::expire:
            require(job.seed.rules.deadline && *job.seed.rules.deadline <= now.wall, who + "it expires too early");
            break;
        default:
            break;
    }
}

void Referee::rest(Job& job, const RecordEvent& log, Now now) const {
    const int n = log.move == JobMove::retry ? job.row.failures : job.row.losses - 1;
    if (n < 1) return;
    const Milliseconds first =
        job.seed.rules.retry_delay > Milliseconds{0} ? job.seed.rules.retry_delay : settings_.retry_delay;
    Milliseconds pause = first;
    for (int i = 1; i < n && pause < settings_.longest_retry_delay; ++i) pause *= 2;
    pause = std::min(pause, settings_.longest_retry_delay);
    job.rests_until = now.steady + pause / 2;  // the jitter takes off no more
}

void Referee::judge_retry(JobId id, const Job& job, const AttemptFinished& finished) const {
    const std::string who = "job " + id.text() + ": ";
    require(job.row.failures < job.seed.max_attempts, who + "it is tried more often than it may be");
    if (job.seed.rules.retry_on)
        require(rule_allows_retry(*job.seed.rules.retry_on, finished), who + "its rule does not want this retry");
}

void Referee::judge_lease(JobId id, const Job& job, WorkerId worker, Now now) const {
    const std::string who = "job " + id.text() + ": ";
    const JobRules& rules = job.seed.rules;
    require(!job.array, who + "an array is leased");
    require(!job.row.cancel_requested, who + "it is leased though it is to be cancelled");
    require(!rules.not_before || *rules.not_before <= now.wall, who + "it is leased before its time");
    require(!rules.deadline || *rules.deadline > now.wall, who + "it is leased after its deadline");
    require(job.rests_until <= now.steady, who + "it is leased before its pause is over");

    JobId first = id;
    if (job.row.array) {
        first = job.row.array;
        const ArrayRow& row = *jobs_.at(first).array;
        require(!row.max_fails || row.failed + row.timed_out + row.lost <= *row.max_fails,
                who + "it is leased though too many members of its array failed");
    }
    const auto& submitted = jobs_.at(first).seed.after;
    for (const Dependency& after : submitted) {
        const auto end = end_of(after);
        require(end && condition_holds(*end, after.condition),
                who + "it is leased before what it waits for (" + after.job.text() + ") ended as it must");
    }
    const auto queue = queues_.find(job.seed.queue);
    require(queue != queues_.end(), who + "it is leased from a queue that there is not");
    require(!queue->second.held, who + "it is leased while its queue is held");
    if (queue->second.max_running)
        require(
            leased([&](const Job& other) { return other.seed.queue == job.seed.queue; }) < *queue->second.max_running,
            who + "its queue runs more than it may");
    const auto quota = quotas_.find(job.seed.owner);
    if (quota != quotas_.end()) {
        if (quota->second.running)
            require(
                leased([&](const Job& other) { return other.seed.owner == job.seed.owner; }) < *quota->second.running,
                who + "its owner runs more than he may");
        if (quota->second.cpu_per_day)
            require(cpu_today(job.seed.owner, now) < *quota->second.cpu_per_day + cpu_rounding,
                    who + "its owner used up the processor time of the day");
    }
    judge_place(who, job, worker);
}

void Referee::judge_place(const std::string& who, const Job& job, WorkerId id) const {
    const auto found = workers_.find(id);
    require(found != workers_.end() && found->second.connected, who + "it is leased to a worker that is not there");
    const WorkerState& worker = found->second;
    require(!worker.draining && !drained_.contains(id), who + "it is leased to a worker that drains");
    const Need& need = job.seed.need;
    for (const auto& [label, value] : need.labels) {
        const auto mine = worker.capacity.labels.find(label);
        require(mine != worker.capacity.labels.end() && mine->second == value,
                who + "it is leased to a worker without the label " + label);
    }
    std::int64_t cpu = need.cpu_millis, memory = need.memory_bytes;
    std::map<std::string, std::int64_t> resources = need.resources;
    const bool one_by_one = worker.capacity.prefetch > 0;  // some are held ahead
    for (const auto& [other_id, other] : jobs_) {
        if (one_by_one || !is_leased(other.row.state) || other.row.worker != id) continue;
        cpu += other.seed.need.cpu_millis;
        memory += other.seed.need.memory_bytes;
        for (const auto& [resource, count] : other.seed.need.resources) resources[resource] += count;
    }
    require(cpu <= worker.capacity.cpu_millis && memory <= worker.capacity.memory_bytes,
            who + "it is leased to a worker that has no room for it");
    for (const auto& [resource, count] : resources) {
        const auto mine = worker.capacity.resources.find(resource);
        require(count == 0 || (mine != worker.capacity.resources.end() && count <= mine->second),
                who + "it is leased to a worker with less " + resource + " than that");
    }
}

void Referee::judge_answers(const CancelJobs& asked, const AnswerCancel& answer) const {
    require(answer.answers.size() == asked.jobs.size(), "a cancel is answered for another number of jobs");
    for (std::size_t i = 0; i < asked.jobs.size(); ++i) {
        const auto job = jobs_.find(asked.jobs[i]);
        const std::string who = "job " + asked.jobs[i].text() + ": ";
        if (answer.answers[i] == CancelAnswer::not_active)
            require(job == jobs_.end() || is_final(job->second.row.state), who + "it lives, and was called not active");
        else
            require(job != jobs_.end() && (is_final(job->second.row.state) || job->second.row.cancel_requested),
                    who + "a cancel is answered, and nothing was done");
    }
}

}  // namespace windlass::simulation
