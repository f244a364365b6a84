#include "scheduler/batch_builder.h"

#include <utility>

namespace windlass::scheduler {

namespace {

// The ids of the jobs of one submit, by index: a job may wait for one that comes after it.
std::vector<JobId> born_in(const Effects& effects, const Attachment& attachment) {
    std::vector<JobId> born;
    if (attachment.items == nullptr) return born;
    born.resize(attachment.items->size());
    for (const Effect& effect : effects)
        if (const auto* insert = std::get_if<InsertJob>(&effect)) born[insert->index] = insert->job;
    return born;
}

}  // namespace

void BatchBuilder::add(Effects effects, Attachment attachment, Now now) {
    // A renewal comes here with nothing left of it. A turn that it began would look old when something is decided.
    if (effects.empty()) return;
    if (!turn_.begun) turn_.begun = now.steady;
    const std::vector<JobId> born = born_in(effects, attachment);
    for (Effect& effect : effects) {
        if (const auto* insertion = std::get_if<InsertJob>(&effect)) {
            insert(*insertion, attachment, born, now.wall);
        } else if (const auto* member = std::get_if<InsertMember>(&effect)) {
            insert(*member);
        } else if (const auto* changed = std::get_if<ChangeState>(&effect)) {
            change(*changed);
        } else if (auto* event = std::get_if<RecordEvent>(&effect)) {
            turn_.batch.events.push_back(std::move(*event));
        } else if (const auto* array = std::get_if<ChangeArray>(&effect)) {
            change(*array);
        } else if (const auto* accepted = std::get_if<AcceptResult>(&effect)) {
            WINDLASS_CHECK(attachment.result != nullptr, "a result was accepted that nobody sent");
            turn_.batch.results.push_back({accepted->attempt, accepted->worker, now.wall, *attachment.result});
            for (OutputChunk& chunk : attachment.output)
                turn_.batch.output.push_back(std::move(chunk));  // tails: small
            for (Blob& file : attachment.files)
                if (blobs_.insert(file.sha256).second) turn_.batch.blobs.push_back(std::move(file));
        } else if (auto* loss = std::get_if<RecordLoss>(&effect)) {
            AttemptResult result;
            result.outcome.kind = OutcomeKind::worker_lost;
            result.outcome.detail = std::move(loss->detail);
            turn_.batch.results.push_back({loss->attempt, loss->worker, now.wall, std::move(result)});
        } else if (auto* queue = std::get_if<StoreQueue>(&effect)) {
            std::erase_if(turn_.batch.queues,
                          [&](const auto& other) { return other.config.name == queue->config.name; });
            std::erase_if(turn_.batch.dropped_queues,
                          [&](const auto& other) { return other.name == queue->config.name; });
            turn_.batch.queues.push_back(std::move(*queue));
        } else if (auto* dropped = std::get_if<DropQueue>(&effect)) {
            std::erase_if(turn_.batch.queues, [&](const auto& other) { return other.config.name == dropped->name; });
            turn_.batch.dropped_queues.push_back(std::move(*dropped));
        } else if (const auto* draining = std::get_if<StoreDraining>(&effect)) {
            std::erase_if(turn_.batch.draining, [&](const auto& other) { return other.worker == draining->worker; });
            turn_.batch.draining.push_back(*draining);
        } else if (const auto* usage = std::get_if<AddUsage>(&effect)) {
            add_usage(*usage);
        } else {
            if (const auto* answer = std::get_if<AnswerSubmit>(&effect); answer != nullptr && attachment.key) {
                attachment.key->jobs = answer->jobs;
                turn_.batch.keys.push_back(std::move(*attachment.key));
            }
            turn_.outgoing.push_back(std::move(effect));
        }
    }
}

void BatchBuilder::insert(const InsertJob& effect, const Attachment& attachment, const std::vector<JobId>& born,
                          WallTime now) {
    WINDLASS_CHECK(attachment.items != nullptr && effect.index < attachment.items->size(),
                   "a job was born that nobody submitted");
    const SubmittedItem& item = (*attachment.items)[effect.index];
    const SharedPayload& payload = item.payload;
    add_blob(*payload.code);
    add_blob(*payload.data);
    inserted_.emplace(effect.job, turn_.batch.jobs.size());
    JobRecord& record = turn_.batch.jobs.emplace_back();
    record.job = effect.job;
    record.owner = attachment.owner;
    record.submitted = now;
    record.spec = payload.spec;
    record.code_sha256 = payload.code->sha256;
    record.data_sha256 = payload.data->sha256;
    record.row = effect.row;
    record.rerun_of = item.rerun_of;
    record.schedule = item.schedule;
    record.planned = item.planned;
    record.after = item.after;
    for (Dependency& dependency : record.after)
        if (!dependency.job) dependency.job = born[dependency.index];
    if (item.array.count > 0) record.array = ArrayRow{.count = item.array.count, .max_fails = item.array.max_fails};
    record.params = item.params;
}

void BatchBuilder::insert(const InsertMember& effect) {
    members_.emplace(effect.job, turn_.batch.members.size());
    turn_.batch.members.push_back({effect.job, effect.row});
}

void BatchBuilder::change(const ChangeState& effect) {
    if (const auto born = inserted_.find(effect.job); born != inserted_.end()) {
        turn_.batch.jobs[born->second].row = effect.row;
        return;
    }
    if (const auto member = members_.find(effect.job); member != members_.end()) {
        turn_.batch.members[member->second].row = effect.row;
        return;
    }
    const auto [place, first] = changed_.emplace(effect.job, turn_.batch.changes.size());
    if (first)
        turn_.batch.changes.push_back({effect.job, effect.from_state, effect.from_attempt, effect.row});
    else
        turn_.batch.changes[place->second].row = effect.row;
}

void BatchBuilder::change(const ChangeArray& effect) {
    if (const auto born = inserted_.find(effect.job); born != inserted_.end()) {
        turn_.batch.jobs[born->second].array = effect.row;
        return;
    }
    const auto [place, first] = arrays_.emplace(effect.job, turn_.batch.arrays.size());
    if (first)
        turn_.batch.arrays.push_back(effect);
    else
        turn_.batch.arrays[place->second].row = effect.row;
}

void BatchBuilder::add_usage(const AddUsage& effect) {
    const auto [place, first] = usage_.emplace(std::pair(effect.user, effect.day), turn_.batch.usage.size());
    if (first)
        turn_.batch.usage.push_back(effect);
    else
        turn_.batch.usage[place->second].cpu += effect.cpu;
}

void BatchBuilder::add_blob(const Content& content) {
    if (!content.sha256.empty() && blobs_.insert(content.sha256).second)
        turn_.batch.blobs.push_back({content.sha256, content.bytes});
}

void BatchBuilder::add_output(OutputChunk chunk) {
    output_bytes_ += chunk.bytes.size();
    turn_.batch.output.push_back(std::move(chunk));
    if (output_bytes_ >= most_output_bytes) full_.push_back(close_turn());
}

BatchBuilder::Turn BatchBuilder::take() {
    if (full_.empty()) return close_turn();
    Turn oldest = std::move(full_.front());
    full_.pop_front();
    return oldest;
}

BatchBuilder::Turn BatchBuilder::close_turn() {
    output_bytes_ = 0;
    inserted_.clear();
    members_.clear();
    changed_.clear();
    arrays_.clear();
    usage_.clear();
    blobs_.clear();
    turn_.batch.number = ++taken_;
    return std::exchange(turn_, {});
}

}  // namespace windlass::scheduler
