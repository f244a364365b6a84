#include "scheduler/followers.h"

#include <algorithm>
#include <utility>

namespace windlass::scheduler {

void Followers::follow(const Peer& peer, JobId job) {
    auto& peers = peers_[job];
    if (std::find(peers.begin(), peers.end(), peer) == peers.end()) peers.push_back(peer);
    peer->send(protocol::JobFollowed{job});
}

void Followers::unfollow(const Peer& peer, JobId job) {
    const auto found = peers_.find(job);
    if (found == peers_.end()) return;
    std::erase(found->second, peer);
    if (found->second.empty()) peers_.erase(found);
}

void Followers::left(const Peer& peer) {
    for (auto& [job, peers] : peers_) std::erase(peers, peer);
    std::erase_if(peers_, [](const auto& entry) { return entry.second.empty(); });
}

void Followers::committed(const Batch& batch, const WorkerName& worker_name) {
    if (peers_.empty()) return;
    std::vector<std::pair<const wire::Connection*, JobId>> behind;  // was pointed to the tables already
    for (const auto& chunk : batch.output) tell_output(chunk, behind);
    for (const auto& event : batch.events) {
        const auto found = peers_.find(event.job);
        if (found == peers_.end()) continue;
        const std::string worker = event.worker.value != 0 ? worker_name(event.worker) : std::string();
        const protocol::JobHappened told{event.job,   event.seq,     event.at, event.move,
                                         event.state, event.attempt, worker,   event.detail};
        for (const auto& peer : found->second) peer->send(told);
    }
}

void Followers::tell_output(const OutputChunk& chunk, std::vector<std::pair<const wire::Connection*, JobId>>& behind) {
    const JobId job = chunk.attempt.job;
    const auto found = peers_.find(job);
    if (found == peers_.end()) return;
    for (const auto& peer : found->second) {
        if (peer->unsent_bytes() + chunk.bytes.size() <= max_unsent_bytes) {
            peer->send(protocol::JobPrinted{chunk.attempt, chunk.stream, chunk.offset}, chunk.bytes);
            continue;
        }
        const std::pair<const wire::Connection*, JobId> one{peer.get(), job};
        if (std::find(behind.begin(), behind.end(), one) != behind.end()) continue;
        behind.push_back(one);
        peer->send(protocol::JobFollowed{job});
    }
}

}  // namespace windlass::scheduler
