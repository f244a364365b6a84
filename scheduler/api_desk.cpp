#include "scheduler/api_desk.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace windlass::scheduler {
namespace {

std::int64_t resident_bytes() {
    long size = 0, resident = 0;
    if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
        if (std::fscanf(file, "%ld %ld", &size, &resident) != 2) resident = 0;
        std::fclose(file);
    }
    return resident * sysconf(_SC_PAGESIZE);
}

std::int64_t as_count(std::size_t count) {
    return static_cast<std::int64_t>(count);
}

}  // namespace

bool ApiDesk::refuse_while_failing(const PeerPtr& peer, RequestId request) {
    if (!turns_.store().failing()) return false;
    peer->connection->send(protocol::Unavailable{request, "the database is away; nothing was changed", 2000});
    return true;
}

template <class Event>
void ApiDesk::operate(const PeerPtr& peer, RequestId request, Event event) {
    if (refuse_while_failing(peer, request)) return;
    event.request = questions_.remember(peer, request);
    turns_.feed(std::move(event));
}

void ApiDesk::heard(const PeerPtr& peer, protocol::Message message, const std::string& body) {
    if (auto* submit = std::get_if<protocol::SubmitJobs>(&message))
        return submits_.heard(peer, std::move(*submit), body);
    if (auto* cancel = std::get_if<protocol::CancelJobs>(&message))
        return operate(peer, cancel->request, CancelJobs{{}, std::move(cancel->jobs), std::move(cancel->reason)});
    if (const auto* watch = std::get_if<protocol::WatchJob>(&message)) return on_watch(peer, watch->job);
    if (const auto* question = std::get_if<protocol::ExplainJob>(&message)) return explain(peer, *question);
    if (const auto* ask = std::get_if<protocol::AskStatistics>(&message)) return send_statistics(peer, ask->request);
    if (const auto* list = std::get_if<protocol::ListQueues>(&message)) return list_queues(peer, list->request);
    if (const auto* list = std::get_if<protocol::ListWorkers>(&message))
        return peer->connection->send(protocol::WorkersListed{list->request, workers_.list()});
    if (auto* queue = std::get_if<protocol::ConfigureQueue>(&message))
        return operate(peer, queue->request,
                       ConfigureQueue{{},
                                      {std::move(queue->name), static_cast<double>(queue->weight_millis) / 1000,
                                       queue->max_running, queue->held, std::move(queue->description)}});
    if (auto* queue = std::get_if<protocol::RemoveQueue>(&message))
        return operate(peer, queue->request, RemoveQueue{{}, std::move(queue->name)});
    if (const auto* drain = std::get_if<protocol::DrainWorker>(&message)) {
        const WorkerId worker = workers_.named(drain->worker);
        if (worker) return operate(peer, drain->request, DrainWorker{{}, worker, drain->draining});
        return peer->connection->send(protocol::OperatorAnswered{drain->request, "There is no worker of this name."});
    }
    if (const auto* forget = std::get_if<protocol::ForgetWorker>(&message)) {
        const WorkerId worker = workers_.named(forget->worker);
        if (worker) return operate(peer, forget->request, ForgetWorker{{}, worker});
        return peer->connection->send(protocol::OperatorAnswered{forget->request, "There is no worker of this name."});
    }
    if (const auto* quotas = std::get_if<protocol::SetQuotas>(&message)) {
        for (const protocol::UserQuota& each : quotas->users) turns_.feed(SetQuota{each.user, each.quota});
        return peer->connection->send(protocol::OperatorAnswered{quotas->request, {}});
    }
    peer->connection->close("an api process does not say that");
}

void ApiDesk::on_watch(const PeerPtr& peer, JobId job) {
    // A job whose end is not durable yet is not over for anybody who reads the tables.
    if (!turns_.queue().is_active(job) && !turns_.ending(job))
        return peer->connection->send(protocol::JobEnded{job, false});
    watchers_[job].push_back(peer);
}

bool ApiDesk::watches(const MembersEnded& members) const {
    return std::any_of(watchers_.begin(), watchers_.end(),
                       [&](const auto& watched) { return members.contains(watched.first); });
}

void ApiDesk::explain(const PeerPtr& peer, const protocol::ExplainJob& question) {
    Explanation found = turns_.queue().explain(question.job);
    protocol::JobExplained answer;
    answer.request = question.request;
    answer.text = std::move(found.text);
    answer.reason = name(found.reason);
    answer.own_jobs_ahead = as_count(found.own_jobs_ahead);
    answer.users_ahead = as_count(found.users_ahead);
    answer.waits_for = std::move(found.waits_for);
    answer.not_before = found.not_before;
    answer.estimated_start = found.estimated_start;
    peer->connection->send(answer);
}

void ApiDesk::list_queues(const PeerPtr& peer, RequestId request) {
    protocol::QueuesListed answer{request, {}};
    for (QueueView& seen : turns_.queue().list_queues())
        answer.queues.push_back({std::move(seen.config.name), std::llround(seen.config.weight * 1000),
                                 seen.config.max_running, seen.config.held, std::move(seen.config.description),
                                 as_count(seen.queued), as_count(seen.running)});
    peer->connection->send(answer);
}

void ApiDesk::send_statistics(const PeerPtr& peer, RequestId request) {
    const Queue::Counts counts = turns_.queue().counts();
    protocol::Statistics answer;
    answer.request = request;
    answer.blocked = as_count(counts.blocked);
    answer.queued = as_count(counts.queued);
    answer.starting = as_count(counts.starting);
    answer.running = as_count(counts.running);
    answer.workers_connected = as_count(counts.workers_connected);
    answer.commits = turns_.commits();
    answer.committed_changes = turns_.committed_changes();
    answer.commit_failures = static_cast<std::int64_t>(turns_.store().failures());
    answer.submitted = submits_.submitted();
    answer.ended = ended_;
    answer.lost_attempts = lost_;
    answer.stale_refused = workers_.stale_refused();
    answer.resident_bytes = resident_bytes();
    peer->connection->send(answer);
}

void ApiDesk::answer(RequestId ours, const std::function<protocol::Message(RequestId theirs)>& make) {
    const Questions::Question question = questions_.recall(ours);
    if (question.peer) question.peer->connection->send(make(question.theirs));
}

void ApiDesk::tell(const Effect& effect) {
    if (const auto* submitted = std::get_if<AnswerSubmit>(&effect)) {
        submits_.answer(*submitted);
    } else if (const auto* refused = std::get_if<RefuseSubmit>(&effect)) {
        submits_.answer(*refused);
    } else if (const auto* cancelled = std::get_if<AnswerCancel>(&effect)) {
        answer(cancelled->request, [&](RequestId theirs) {
            protocol::CancelAnswered message{theirs, {}};
            for (const CancelAnswer one : cancelled->answers) message.answers.push_back(static_cast<std::int64_t>(one));
            return message;
        });
    } else if (const auto* operated = std::get_if<AnswerOperator>(&effect)) {
        answer(operated->request, [&](RequestId theirs) {
            return protocol::OperatorAnswered{theirs, operated->refused};
        });
    } else if (const auto* ended = std::get_if<JobEnded>(&effect)) {
        ++ended_;
        tell_watchers(watchers_.find(ended->job));
    } else if (const auto* members = std::get_if<MembersEnded>(&effect)) {
        // Those who wait are fewer than an array may have members.
        for (auto at = watchers_.begin(); at != watchers_.end();) {
            const auto here = at++;
            if (members->contains(here->first)) tell_watchers(here);
        }
    }
}

void ApiDesk::tell_watchers(Watchers::iterator of) {
    if (of == watchers_.end()) return;
    for (const auto& weak : of->second)
        if (const auto peer = weak.lock()) peer->connection->send(protocol::JobEnded{of->first, true});
    watchers_.erase(of);
}

}  // namespace windlass::scheduler
