#include "scheduler/turns.h"

#include <algorithm>
#include <utility>

namespace windlass::scheduler {

struct Turns::TurnEnd {
    Turns* owner = nullptr;
    uv_check_t check{};
};

Turns::Turns(uv_loop_t* loop, const Clock& clock, const QueueSettings& settings, std::unique_ptr<Store> store)
    : clock_(clock),
      queue_(settings),
      timer_(loop,
             [this] {
                 feed(TimePassed{});
                 end_turn();  // the check phase comes only after the next I/O
             }),
      pace_timer_(loop,
                  [this] {
                      next_commit_ns_ = 0;
                      end_turn();
                  }),
      turn_end_(new TurnEnd{this, {}}),
      store_(std::make_unique<StoreThread>(loop, std::move(store))) {
    uv_check_init(loop, &turn_end_->check);
    turn_end_->check.data = turn_end_;
}

Turns::~Turns() {
    turn_end_->owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&turn_end_->check),
             [](uv_handle_t* closed) { delete static_cast<TurnEnd*>(closed->data); });
}

void Turns::start(Hooks hooks, const StoredQueue& stored) {
    hooks_ = std::move(hooks);
    const Now now = clock_.now();
    gather(queue_.restore(stored, now), {}, now);
    // Runs after I/O was handled: everything that arrived in one turn is in one batch.
    uv_check_start(&turn_end_->check, [](uv_check_t* handle) {
        if (auto* owner = static_cast<TurnEnd*>(handle->data)->owner) owner->end_turn();
    });
    uv_unref(reinterpret_cast<uv_handle_t*>(&turn_end_->check));
    end_turn();
}

void Turns::feed(const Event& event, Attachment attachment) {
    const Now now = clock_.now();
    Effects effects = queue_.on(event, now);
    hooks_.decided(effects, attachment);
    gather(std::move(effects), std::move(attachment), now);
}

std::optional<JobState> Turns::ending(JobId job) const {
    if (const auto unstarted = queue_.ended_unstarted(job)) return unstarted;
    return ends_.find(job);
}

bool Turns::holds(WorkerId worker, AttemptRef attempt) const {
    const auto row = queue_.row(attempt.job);
    return row && is_leased(row->state) && row->attempt == attempt.attempt && row->worker == worker;
}

void Turns::gather(Effects effects, Attachment attachment, Now now) {
    Effects waiting;
    waiting.reserve(effects.size());
    for (Effect& effect : effects) {
        if (const auto* renewal = std::get_if<AnswerRenewal>(&effect))
            hooks_.answer_renewal(*renewal);
        else if (const auto* timer = std::get_if<ArmTimer>(&effect))
            arm(timer->at, now.steady);
        else {
            ends_.decided(effect);
            urgent_ = urgent_ || hooks_.is_urgent(effect);
            waiting.push_back(std::move(effect));
        }
    }
    builder_.add(std::move(waiting), std::move(attachment), now);
}

void Turns::arm(SteadyTime at, SteadyTime now) {
    // Rounded up: a timer that rings early would ring again and again.
    timer_.start(std::chrono::ceil<Milliseconds>(std::max(at - now, SteadyTime::duration{0})));
}

void Turns::end_turn() {
    if (committing_) return;
    if (builder_.empty() || deposed_) return hooks_.idle();
    if (urgent_ || uv_hrtime() >= next_commit_ns_) return commit();
    if (!pace_timer_.is_set()) pace_timer_.start(pace);
}

void Turns::commit() {
    pace_timer_.stop();
    next_commit_ns_ = uv_hrtime() + static_cast<std::uint64_t>(std::chrono::nanoseconds(pace).count());
    BatchBuilder::Turn turn = builder_.take();
    urgent_ = urgent_ && !builder_.empty();
    const SteadyTime decided = turn.begun.value_or(clock_.now().steady);
    // Nothing to make durable, and nothing before it waits.
    const bool must_prove = !turn.outgoing.empty() && hooks_.must_prove();
    if (turn.batch.empty() && !must_prove) return on_committed(turn.batch, turn.outgoing, decided);
    committing_ = true;
    if (!turn.batch.empty()) ++commits_;
    committed_changes_ += static_cast<std::int64_t>(turn.batch.jobs.size() + turn.batch.changes.size());
    auto batch = std::make_shared<const Batch>(std::move(turn.batch));
    auto outgoing = std::make_shared<const Effects>(std::move(turn.outgoing));
    store_->commit(batch, [this, batch, outgoing, decided, began = clock_.now().steady](const Status& status) {
        committing_ = false;
        commit_durations_.observe(clock_.now().steady - began);
        if (!status) return depose(status.error().message);
        on_committed(*batch, *outgoing, decided);
        end_turn();
    });
}

void Turns::on_committed(const Batch& batch, const Effects& outgoing, SteadyTime decided) {
    for (const Effect& effect : outgoing) ends_.durable(effect);
    hooks_.committed(batch, decided);
    hooks_.carry_out(outgoing, decided);
}

void Turns::depose(const std::string& why) {
    if (std::exchange(deposed_, true)) return;
    hooks_.deposed(why);
}

}  // namespace windlass::scheduler
