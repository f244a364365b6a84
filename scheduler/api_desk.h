// The api processes: their questions and what they are told. Submits have a desk of their own.
//
// Everything belongs to the loop's thread.
#pragma once

#include <unordered_map>
#include <vector>

#include "scheduler/questions.h"
#include "scheduler/submit_desk.h"
#include "scheduler/worker_desk.h"

namespace windlass::scheduler {

class ApiDesk {
  public:
    ApiDesk(Turns& turns, const WorkerDesk& workers) : turns_(turns), workers_(workers), submits_(turns, questions_) {}

    void heard(const PeerPtr& peer, protocol::Message message, const std::string& body);
    // What the queue says to somebody who asked, and that a job is over. Ignores the rest.
    void tell(const Effect& effect);
    // Attempts whose worker died or was cut off.
    void count_lost(std::int64_t attempts) { lost_ += attempts; }
    std::int64_t submitted() const { return submits_.submitted(); }
    std::int64_t ended() const { return ended_; }
    std::int64_t lost() const { return lost_; }
    // Somebody waits for the end of this job.
    bool watches(JobId job) const { return watchers_.contains(job); }
    bool watches(const MembersEnded& members) const;

  private:
    using Watchers = std::unordered_map<JobId, std::vector<std::weak_ptr<Peer>>>;

    bool refuse_while_failing(const PeerPtr& peer, RequestId request);
    template <class Event>
    void operate(const PeerPtr& peer, RequestId request, Event event);
    void on_watch(const PeerPtr& peer, JobId job);
    void tell_watchers(Watchers::iterator of);
    void explain(const PeerPtr& peer, const protocol::ExplainJob& question);
    void list_queues(const PeerPtr& peer, RequestId request);
    void send_statistics(const PeerPtr& peer, RequestId request);
    void answer(RequestId ours, const std::function<protocol::Message(RequestId theirs)>& make);

    Turns& turns_;
    const WorkerDesk& workers_;
    Questions questions_;
    SubmitDesk submits_;
    Watchers watchers_;
    std::int64_t ended_ = 0;
    std::int64_t lost_ = 0;
};

}  // namespace windlass::scheduler
