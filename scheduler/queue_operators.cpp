// What operators want.
#include "scheduler/queue.h"

namespace windlass::scheduler {

void Queue::handle(const ConfigureQueue& event) {
    std::string wrong = scheduler::wrong_with(event.config);
    if (wrong.empty()) {
        const QueueIndex queue = queues_.configure(event.config);
        effects_.push_back(StoreQueue{event.config});
        fair_.set_weight(queue, event.config.weight);
        refresh_queue(queue);
    }
    effects_.push_back(AnswerOperator{event.request, std::move(wrong)});
}

void Queue::handle(const RemoveQueue& event) {
    const auto answer = [&](std::string refused) {
        effects_.push_back(AnswerOperator{event.request, std::move(refused)});
    };
    const std::optional<QueueIndex> queue = queues_.find(event.name);
    if (!queue) return answer("There is no queue \"" + event.name + "\".");
    if (event.name == default_queue) return answer("The queue \"default\" is always there.");
    if (WINDLASS_GUARD(queue_with_jobs_stays) && queues_[*queue].records > 0)
        return answer("The queue \"" + event.name + "\" has " + std::to_string(queues_[*queue].records) +
                      " jobs that wait or run. Hold it, and remove it when they have ended.");
    queues_.remove(*queue);
    refresh_queue(*queue);
    effects_.push_back(DropQueue{event.name});
    answer({});
}

void Queue::handle(const DrainWorker& event) {
    if (event.draining)
        if (const auto reservation = reservations_.of_worker(event.worker)) drop_reservation(*reservation);
    if (workers_.set_drained(event.worker, event.draining))
        effects_.push_back(StoreDraining{event.worker, event.draining});
    effects_.push_back(AnswerOperator{event.request, {}});
}

void Queue::handle(const ForgetWorker& event) {
    const Worker* worker = workers_.find(event.worker);
    std::string refused;
    if (WINDLASS_GUARD(forget_only_the_absent) && worker != nullptr && worker->connected) {
        refused = "The worker is connected. Only one that is not can be forgotten.";
    } else if (worker != nullptr) {
        for (const JobId id : worker->leases()) lose(id, "an operator says that the worker is dead");
    }
    effects_.push_back(AnswerOperator{event.request, std::move(refused)});
}

}  // namespace windlass::scheduler
