#include "tests/simulation/model_store.h"

#include <algorithm>
#include <string>

#include "tests/simulation/violation.h"

namespace windlass::simulation {

namespace {

void judge_row(JobId id, const ModelStore::Row& row, bool at_end) {
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
    if (state.state == JobState::succeeded) {
        const auto successes = std::count_if(row.results.begin(), row.results.end(), [](const auto& entry) {
            return !entry.second.lost && entry.second.outcome == OutcomeKind::exited && entry.second.exit_code == 0;
        });
        require(successes == 1 && row.results.rbegin()->first == state.attempt && state.attempt == attempt,
                who + "succeeded without exactly one successful result, of its last attempt");
    }
}

}  // namespace

ModelStore::Row& ModelStore::get(JobId job) {
    const auto found = rows_.find(job);
    require(found != rows_.end(), "a write about job " + job.text() + ", which is not in the store");
    return found->second;
}

const ModelStore::Row* ModelStore::find(JobId job) const {
    const auto found = rows_.find(job);
    return found == rows_.end() ? nullptr : &found->second;
}

void ModelStore::apply(const InsertJob& effect, const Write& write) {
    require(effect.job > highest(), "job ids do not go up: " + effect.job.text());
    rows_[effect.job] = Row{.seed = write.seed, .state = effect.row};
    ++unfinished_;
}

void ModelStore::apply(const ChangeState& effect) {
    Row& row = get(effect.job);
    require(row.state.state == effect.from_state && row.state.attempt == effect.from_attempt,
            "the fence refused a write about job " + effect.job.text() + ": it is " +
                std::string(name(row.state.state)) + "." + std::to_string(row.state.attempt) + ", not " +
                std::string(name(effect.from_state)) + "." + std::to_string(effect.from_attempt));
    require(!is_final(row.state.state), "job " + effect.job.text() + " changed after its end");
    row.state = effect.row;
    if (is_final(row.state.state)) --unfinished_;
}

void ModelStore::apply(const RecordEvent& effect) {
    Row& row = get(effect.job);
    const std::int32_t last = row.events.empty() ? 0 : row.events.back().seq;
    require(effect.seq == last + 1, "event " + std::to_string(effect.seq) + " of job " + effect.job.text() +
                                        " follows " + std::to_string(last));
    row.events.push_back(effect);
}

void ModelStore::keep_result(const AttemptRef& attempt, const Result& result) {
    require(get(attempt.job).results.emplace(attempt.attempt, result).second,
            "two results of attempt " + attempt.text());
}

void ModelStore::commit(const std::vector<Write>& batch) {
    std::vector<JobId> touched;
    for (const Write& write : batch) {
        if (const auto* insert = std::get_if<InsertJob>(&write.effect))
            apply(*insert, write);
        else if (const auto* change = std::get_if<ChangeState>(&write.effect))
            apply(*change);
        else if (const auto* event = std::get_if<RecordEvent>(&write.effect)) {
            apply(*event);
            touched.push_back(event->job);
        } else if (const auto* accept = std::get_if<AcceptResult>(&write.effect)) {
            require(write.finished.attempt == accept->attempt, "a result was accepted that did not just come in");
            keep_result(accept->attempt, {accept->worker, false, write.finished.outcome, write.finished.exit_code});
        } else if (const auto* loss = std::get_if<RecordLoss>(&write.effect))
            keep_result(loss->attempt, {loss->worker, true});
    }
    for (const JobId job : touched) judge_row(job, get(job), false);
}

void ModelStore::cancel_acknowledged(JobId job) {
    Row& row = get(job);
    row.cancel_acknowledged = true;
    judge_row(job, row, false);
}

std::vector<StoredJob> ModelStore::load() const {
    std::vector<StoredJob> jobs;
    for (const auto& [id, row] : rows_)
        if (!is_final(row.state.state)) jobs.push_back({id, row.seed, row.state});
    return jobs;
}

void ModelStore::judge(bool at_end) const {
    for (const auto& [id, row] : rows_) judge_row(id, row, at_end);
}

}  // namespace windlass::simulation
