#include "scheduler/worker_desk.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "shared/log.h"
#include "shared/site_names.h"

namespace windlass::scheduler {
namespace {

bool is_of_the_site(std::string_view label) {
    return label.starts_with(image_label_prefix) || label.starts_with(dataset_label_prefix);
}

// What a job may need of it, as the queue matches it (job_seed.cpp).
std::map<std::string, std::string> labels_of(const protocol::Hello& hello) {
    std::map<std::string, std::string> labels = hello.labels;
    std::erase_if(labels, [](const auto& label) { return is_of_the_site(label.first); });
    const auto add = [&labels](std::string_view prefix, const auto& things) {
        for (const auto& [name, digest] : things) labels[std::string(prefix) + name] = site_label_value;
    };
    add(image_label_prefix, hello.images);
    add(dataset_label_prefix, hello.datasets);
    return labels;
}

}  // namespace

void WorkerDesk::restore(const std::vector<WorkerRecord>& workers) {
    for (const WorkerRecord& worker : workers) {
        highest_ = std::max(highest_, worker.worker.value);
        ids_.emplace(worker.name, worker.worker);
        names_.emplace(worker.worker, worker.name);
    }
}

bool WorkerDesk::has_plenty(WorkerId worker) const {
    constexpr std::int64_t plenty = 16;
    const auto said = said_.find(worker);
    return connected_.contains(worker) && said != said_.end() && said->second.prefetch >= plenty;
}

WorkerId WorkerDesk::named(const std::string& name) const {
    const auto found = ids_.find(name);
    return found == ids_.end() ? WorkerId{} : found->second;
}

const std::string& WorkerDesk::name_of(WorkerId worker) const {
    static const std::string nobody;
    const auto found = names_.find(worker);
    return found == names_.end() ? nobody : found->second;
}

bool WorkerDesk::is_late(const protocol::Hello& hello) const {
    const auto last = last_dials_.find(hello.name);
    return last != last_dials_.end() && last->second.instance == hello.instance && hello.dial < last->second.number;
}

// Two workers of one name would take each other's leases. A former connection of the same process, or of one that has
// been silent for two renewals, gives way.
std::string WorkerDesk::reason_name_is_taken(const protocol::Hello& hello) const {
    const auto peer = connected_.find(named(hello.name));
    if (peer == connected_.end() || peer->second->instance == hello.instance) return {};
    if (peer->second->connection->peer_has_gone()) return {};
    if (turns_.now().steady - peer->second->last_heard > 2 * renew_every_) return {};
    return fmt::format("another worker named \"{}\" is connected; give each worker its own worker.name", hello.name);
}

WorkerId WorkerDesk::identify(const std::string& name) {
    const auto [place, is_new] = ids_.try_emplace(name);
    if (is_new) {
        place->second = WorkerId{++highest_};
        names_.emplace(place->second, name);
        turns_.builder().add_worker({place->second, name, turns_.now().wall});
    }
    return place->second;
}

// Images and data sets stand in a table, so that every api process can tell a name that nobody ever had from one whose
// workers are away.
void WorkerDesk::keep_offers(WorkerId worker, const protocol::Hello& hello) {
    const auto before = said_.find(worker);
    if (before != said_.end() && before->second.images == hello.images && before->second.datasets == hello.datasets)
        return;
    OffersRecord offers{worker, {}};
    for (const auto& [name, digest] : hello.images) offers.offers.push_back({SiteThing::image, name, digest});
    for (const auto& [name, digest] : hello.datasets) offers.offers.push_back({SiteThing::dataset, name, digest});
    turns_.builder().add_offers(std::move(offers));
}

void WorkerDesk::joined(const PeerPtr& peer, const protocol::Hello& hello) {
    peer->role = Peer::Role::worker;
    last_dials_[hello.name] = {hello.instance, hello.dial};
    peer->worker = identify(hello.name);
    keep_offers(peer->worker, hello);
    said_[peer->worker] = {hello.software, hello.prefetch, turns_.now().wall, hello.images, hello.datasets};
    if (const auto old = connected_.find(peer->worker); old != connected_.end()) {
        const PeerPtr former = old->second;
        former->worker = {};  // its close is not the worker's leaving
        former->connection->close("the worker connected again");
    }
    connected_[peer->worker] = peer;
    log::info("worker {} connected ({} cores, {} MiB, {} attempts in hand)", hello.name,
              static_cast<double>(hello.cpu_millis) / 1000, hello.memory_bytes >> 20, hello.held.size());
    Capacity capacity;
    capacity.cpu_millis = static_cast<std::int32_t>(hello.cpu_millis);
    capacity.memory_bytes = hello.memory_bytes;
    capacity.prefetch = static_cast<std::int32_t>(std::min<std::int64_t>(hello.prefetch, 100'000));
    capacity.labels = labels_of(hello);
    capacity.resources = hello.resources;
    turns_.feed(WorkerJoined{peer->worker, std::move(capacity), hello.held});
}

void WorkerDesk::left(const PeerPtr& peer, const std::string& reason) {
    if (!peer->worker) return;
    log::info("worker {} is gone: {}. Its leases live on until they expire", peer->name, reason);
    connected_.erase(peer->worker);
    turns_.feed(WorkerLeft{peer->worker});
}

void WorkerDesk::close_all(const std::string& why) {
    for (const auto& [id, peer] : std::exchange(connected_, {})) {
        peer->connection->set_handlers({});
        peer->connection->close(why);
    }
}

void WorkerDesk::send(WorkerId worker, const protocol::Message& message, std::string_view body) {
    if (std::holds_alternative<protocol::RevokeAttempt>(message)) ++stale_refused_;
    if (const auto* done = std::get_if<protocol::AcknowledgeFinish>(&message); done != nullptr && !done->accepted)
        ++stale_refused_;
    if (const auto peer = connected_.find(worker); peer != connected_.end())
        peer->second->connection->send(message, body);
}

void WorkerDesk::heard(const PeerPtr& peer, protocol::Message message, std::string body) {
    const WorkerId worker = peer->worker;
    if (!worker) return;  // replaced by a newer connection a moment ago
    if (auto* renew = std::get_if<protocol::Renew>(&message))
        return turns_.feed(LeasesRenewed{worker, std::move(renew->held)});
    if (const auto* started = std::get_if<protocol::AttemptStarted>(&message))
        return turns_.feed(AttemptStarted{worker, started->attempt});
    if (const auto* ready = std::get_if<protocol::AttemptReady>(&message)) {
        turns_.hurry();  // somebody waits for it
        return turns_.feed(AttemptReady{worker, ready->attempt, ready->address});
    }
    if (const auto* output = std::get_if<protocol::AttemptOutput>(&message))
        return on_output(worker, *output, std::move(body));
    if (const auto* finished = std::get_if<protocol::AttemptFinished>(&message))
        return on_finished(peer, *finished, body);
    if (auto* sampled = std::get_if<protocol::AttemptSampled>(&message))
        return samples_.heard(worker, name_of(worker), std::move(*sampled));
    if (const auto* returned = std::get_if<protocol::AttemptReturned>(&message))
        return turns_.feed(AttemptReturned{worker, returned->attempt});
    if (const auto* fetch = std::get_if<protocol::FetchBlob>(&message)) return on_fetch(peer, *fetch);
    if (std::holds_alternative<protocol::WorkerDraining>(message)) return turns_.feed(WorkerDraining{worker});
    peer->connection->close("a worker does not say that");
}

void WorkerDesk::on_output(WorkerId worker, const protocol::AttemptOutput& output, std::string body) {
    if (!turns_.holds(worker, output.attempt)) {
        ++stale_refused_;
        return;
    }
    // The first that anybody sees, and all that somebody looks at.
    if (output.offset == 0 || is_followed_(output.attempt.job)) turns_.hurry();
    turns_.builder().add_output({output.attempt, output.stream, output.offset, std::move(body)});
}

void WorkerDesk::on_finished(const PeerPtr& peer, const protocol::AttemptFinished& finished, const std::string& body) {
    Attachment attachment;
    attachment.result = &finished.result;
    std::size_t at = 0;
    const auto take = [&](std::int64_t size) -> std::optional<std::string> {
        if (size < 0 || static_cast<std::uint64_t>(size) > body.size() - at) return std::nullopt;
        return body.substr(std::exchange(at, at + static_cast<std::size_t>(size)), static_cast<std::size_t>(size));
    };
    const auto add_tail = [&](OutputStream stream, std::int64_t offset, std::int64_t size) {
        auto bytes = take(size);
        if (bytes && !bytes->empty())
            attachment.output.push_back({finished.attempt, stream, offset, std::move(*bytes)});
        return bytes.has_value();
    };
    bool whole = add_tail(OutputStream::standard_output, finished.stdout_offset, finished.stdout_size) &&
                 add_tail(OutputStream::standard_error, finished.stderr_offset, finished.stderr_size);
    for (const ResultFile& file : finished.result.files) {
        if (!whole || !file.stored) continue;
        auto bytes = take(file.size_bytes);
        // The hash is the name under which everybody will find these bytes: never take a worker's word for it.
        whole = bytes && sha256_hex(*bytes) == file.sha256;
        if (whole) attachment.files.push_back({file.sha256, std::move(*bytes)});
    }
    if (!whole || at != body.size()) return peer->connection->close("a result does not match its own sizes and hashes");
    turns_.feed(
        AttemptFinished{peer->worker, finished.attempt, finished.result.outcome.kind, finished.result.outcome.exit_code,
                        finished.result.outcome.signal, finished.result.usage.wall},
        std::move(attachment));
}

// Only what an attempt that it holds names among its files: a hash is no permission, for a worker neither.
void WorkerDesk::on_fetch(const PeerPtr& peer, const protocol::FetchBlob& fetch) {
    turns_.store().ask<std::string>(
        [sha256 = fetch.sha256, jobs = turns_.queue().jobs_of(peer->worker)](Store& store) -> Result<std::string> {
            WINDLASS_TRY(const bool needed, store.needs_file(jobs, sha256));
            if (!needed)
                return make_error(ErrorKind::denied, "a worker asked for content that no attempt it holds needs");
            return store.blob(sha256);
        },
        [weak = std::weak_ptr<Peer>(peer), sha256 = fetch.sha256](Result<std::string> bytes) {
            const PeerPtr asker = weak.lock();
            if (!asker) return;
            if (!bytes)
                log::warning("an input file of a job is not given to worker {}: {}", asker->name,
                             bytes.error().message);
            asker->connection->send(protocol::BlobFetched{sha256, bytes.ok()},
                                    bytes ? std::string_view(*bytes) : std::string_view());
        });
}

void WorkerDesk::drop(const std::string& name, const std::string& why) {
    const auto peer = connected_.find(named(name));
    if (peer == connected_.end() || !peer->second->identity) return;
    const PeerPtr dropped = peer->second;
    dropped->connection->send(protocol::Refused{why});
    dropped->connection->close(why);
}

std::vector<protocol::WorkerView> WorkerDesk::list() const {
    std::vector<protocol::WorkerView> views;
    for (WorkerView& seen : turns_.queue().list_workers()) {
        protocol::WorkerView& view = views.emplace_back();
        view.name = name_of(seen.worker);
        view.connected = seen.connected;
        view.draining = seen.draining;
        view.cpu_millis = seen.capacity.cpu_millis;
        view.cpu_millis_used = seen.cpu_millis_used;
        view.memory_bytes = seen.capacity.memory_bytes;
        view.memory_bytes_used = seen.memory_bytes_used;
        view.labels = std::move(seen.capacity.labels);
        std::erase_if(view.labels, [](const auto& label) { return is_of_the_site(label.first); });
        view.resources = std::move(seen.capacity.resources);
        view.attempts = std::move(seen.attempts);
        const auto said = said_.find(seen.worker);
        if (said == said_.end()) continue;
        view.software = said->second.software;
        view.images = said->second.images;
        view.datasets = said->second.datasets;
        if (seen.connected) view.connected_since = said->second.since;
    }
    std::sort(views.begin(), views.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return views;
}

}  // namespace windlass::scheduler
