// The workers: who is who, what they say, and how something reaches one of them.
//
// Everything belongs to the loop's thread.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/peer.h"
#include "scheduler/sample_desk.h"
#include "scheduler/turns.h"

namespace windlass::scheduler {

class WorkerDesk {
  public:
    // `is_followed`: somebody looks at what this job prints.
    WorkerDesk(uv_loop_t* loop, Turns& turns, Milliseconds renew_every, std::function<bool(JobId)> is_followed)
        : turns_(turns), renew_every_(renew_every), is_followed_(std::move(is_followed)), samples_(loop, turns) {}

    void restore(const std::vector<WorkerRecord>& workers);

    // A sentence when this worker cannot come in.
    std::string reason_name_is_taken(const protocol::Hello& hello) const;
    // A worker gave this connection up and came back over another before we read this Hello. What it says it holds is
    // history: believed, it would cost the worker the leases it got since. No Refused: the worker lives, and would end.
    bool is_late(const protocol::Hello& hello) const;
    void joined(const PeerPtr& peer, const protocol::Hello& hello);
    void left(const PeerPtr& peer, const std::string& reason);
    void heard(const PeerPtr& peer, protocol::Message message, std::string body);

    // Ignored when it is not connected.
    void send(WorkerId worker, const protocol::Message& message, std::string_view body = {});
    // It holds so many leases in reserve that it does not wait for the next one.
    bool has_plenty(WorkerId worker) const;
    WorkerId named(const std::string& name) const;      // 0: nobody of this name was ever here
    const std::string& name_of(WorkerId worker) const;  // empty: nobody
    std::vector<protocol::WorkerView> list() const;
    void close_all(const std::string& why);
    // Lets one go that came with a certificate, and tells it why: it ends. Its leases are handed out again when they
    // expire.
    void drop(const std::string& name, const std::string& why);

    std::int64_t stale_refused() const { return stale_refused_; }
    const SampleDesk& samples() const { return samples_; }

  private:
    struct Dial {
        std::string instance;
        std::int64_t number = 0;
    };
    struct Said {  // with its last Hello
        std::string software;
        std::int64_t prefetch = 0;
        WallTime since{};
        std::map<std::string, std::string> images;  // name -> digest
        std::map<std::string, std::string> datasets;
    };

    WorkerId identify(const std::string& name);
    void keep_offers(WorkerId worker, const protocol::Hello& hello);
    void on_output(WorkerId worker, const protocol::AttemptOutput& output, std::string body);
    void on_finished(const PeerPtr& peer, const protocol::AttemptFinished& finished, const std::string& body);
    void on_fetch(const PeerPtr& peer, const protocol::FetchBlob& fetch);

    Turns& turns_;
    Milliseconds renew_every_;
    std::function<bool(JobId)> is_followed_;
    SampleDesk samples_;
    std::unordered_map<WorkerId, PeerPtr> connected_;
    std::unordered_map<std::string, WorkerId> ids_;
    std::unordered_map<WorkerId, std::string> names_;
    std::unordered_map<WorkerId, Said> said_;
    std::unordered_map<std::string, Dial> last_dials_;  // by name
    std::int64_t highest_ = 0;
    std::int64_t stale_refused_ = 0;
};

}  // namespace windlass::scheduler
