#include "scheduler/turns.h"

#include <algorithm>
#include <utility>

namespace windlass::scheduler {

struct Turns::Handles {
    Turns* owner = nullptr;
    uv_timer_t timer{};
    uv_timer_t pace_timer{};
    uv_check_t turn_end{};
    int open = 3;
};

Turns::Turns(uv_loop_t* loop, const Clock& clock, const QueueSettings& settings, std::unique_ptr<Store> store)
    : loop_(loop),
      clock_(clock),
      queue_(settings),
      handles_(new Handles),
      store_(std::make_unique<StoreThread>(loop, std::move(store))) {
    handles_->owner = this;
    uv_timer_init(loop_, &handles_->timer);
    uv_timer_init(loop_, &handles_->pace_timer);
    uv_check_init(loop_, &handles_->turn_end);
    handles_->timer.data = handles_->pace_timer.data = handles_->turn_end.data = handles_;
}

Turns::~Turns() {
    handles_->owner = nullptr;
    for (auto* handle :
         {reinterpret_cast<uv_handle_t*>(&handles_->timer), reinterpret_cast<uv_handle_t*>(&handles_->pace_timer),
          reinterpret_cast<uv_handle_t*>(&handles_->turn_end)})
        uv_close(handle, [](uv_handle_t* closed) {
            auto* handles = static_cast<Handles*>(closed->data);
            if (--handles->open == 0) delete handles;
        });
}

void Turns::start(Hooks hooks, const StoredQueue& stored) {
    hooks_ = std::move(hooks);
    const Now now = clock_.now();
    gather(queue_.restore(stored, now), {}, now);
    // Runs after I/O was handled: everything that arrived in one turn is in one batch.
    uv_check_start(&handles_->turn_end, [](uv_check_t* handle) {
        if (auto* owner = static_cast<Handles*>(handle->data)->owner) owner->end_turn();
    });
    uv_unref(reinterpret_cast<uv_handle_t*>(&handles_->turn_end));
    end_turn();
}

void Turns::feed(const Event& event, Attachment attachment) {
    const Now now = clock_.now();
    Effects effects = queue_.on(event, now);
    hooks_.decided(effects, attachment);
    gather(std::move(effects), std::move(attachment), now);
}

std::optional<JobState> Turns::ending(JobId job) const {
    const auto found = ending_.find(job);
    return found == ending_.end() ? std::nullopt : std::optional(found->second);
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
            if (const auto* ended = std::get_if<JobEnded>(&effect)) ending_.emplace(ended->job, ended->state);
            urgent_ = urgent_ || hooks_.is_urgent(effect);
            waiting.push_back(std::move(effect));
        }
    }
    builder_.add(std::move(waiting), std::move(attachment), now);
}

void Turns::arm(SteadyTime at, SteadyTime now) {
    // Rounded up: a timer that rings early would ring again and again.
    const auto wait = std::chrono::ceil<Milliseconds>(std::max(at - now, SteadyTime::duration{0}));
    uv_update_time(loop_);
    uv_timer_start(
        &handles_->timer,
        [](uv_timer_t* timer) {
            auto* owner = static_cast<Handles*>(timer->data)->owner;
            if (owner == nullptr) return;
            owner->feed(TimePassed{});
            owner->end_turn();  // the check phase comes only after the next I/O
        },
        static_cast<std::uint64_t>(wait.count()), 0);
}

void Turns::end_turn() {
    if (committing_) return;
    if (builder_.empty() || deposed_) return hooks_.idle();
    if (urgent_ || uv_hrtime() >= next_commit_ns_) return commit();
    if (uv_is_active(reinterpret_cast<uv_handle_t*>(&handles_->pace_timer)) != 0) return;
    uv_timer_start(
        &handles_->pace_timer,
        [](uv_timer_t* timer) {
            auto* owner = static_cast<Handles*>(timer->data)->owner;
            if (owner == nullptr) return;
            owner->next_commit_ns_ = 0;
            owner->end_turn();
        },
        static_cast<std::uint64_t>(pace.count()), 0);
}

void Turns::commit() {
    uv_timer_stop(&handles_->pace_timer);
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
    store_->commit(batch, [this, batch, outgoing, decided](const Status& status) {
        committing_ = false;
        if (!status) return depose(status.error().message);
        on_committed(*batch, *outgoing, decided);
        end_turn();
    });
}

void Turns::on_committed(const Batch& batch, const Effects& outgoing, SteadyTime decided) {
    for (const Effect& effect : outgoing)
        if (const auto* ended = std::get_if<JobEnded>(&effect)) ending_.erase(ended->job);
    hooks_.committed(batch, decided);
    hooks_.carry_out(outgoing, decided);
}

void Turns::depose(const std::string& why) {
    if (std::exchange(deposed_, true)) return;
    hooks_.deposed(why);
}

}  // namespace windlass::scheduler
