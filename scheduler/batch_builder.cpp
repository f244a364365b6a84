#include "scheduler/batch_builder.h"

#include <utility>

namespace windlass::scheduler {

void BatchBuilder::add(Effects effects, Attachment attachment, Now now) {
    if (!turn_.begun) turn_.begun = now.steady;
    for (Effect& effect : effects) {
        if (const auto* born = std::get_if<InsertJob>(&effect)) {
            insert(*born, attachment, now.wall);
        } else if (const auto* changed = std::get_if<ChangeState>(&effect)) {
            change(*changed);
        } else if (auto* event = std::get_if<RecordEvent>(&effect)) {
            turn_.batch.events.push_back(std::move(*event));
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
        } else {
            turn_.outgoing.push_back(std::move(effect));
        }
    }
}

void BatchBuilder::insert(const InsertJob& effect, const Attachment& attachment, WallTime now) {
    WINDLASS_CHECK(attachment.payloads != nullptr && effect.index < attachment.payloads->size(),
                   "a job was born that nobody submitted");
    const SharedPayload& payload = (*attachment.payloads)[effect.index];
    add_blob(*payload.code);
    add_blob(*payload.data);
    inserted_.emplace(effect.job, turn_.batch.jobs.size());
    turn_.batch.jobs.push_back(
        {effect.job, attachment.owner, now, payload.spec, payload.code->sha256, payload.data->sha256, effect.row});
}

void BatchBuilder::change(const ChangeState& effect) {
    if (const auto born = inserted_.find(effect.job); born != inserted_.end()) {
        turn_.batch.jobs[born->second].row = effect.row;
        return;
    }
    const auto [place, first] = changed_.emplace(effect.job, turn_.batch.changes.size());
    if (first)
        turn_.batch.changes.push_back({effect.job, effect.from_state, effect.from_attempt, effect.row});
    else
        turn_.batch.changes[place->second].row = effect.row;
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
    changed_.clear();
    blobs_.clear();
    return std::exchange(turn_, {});
}

}  // namespace windlass::scheduler
