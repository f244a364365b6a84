#include "scheduler/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "scheduler/api_desk.h"
#include "scheduler/followers.h"
#include "scheduler/leadership.h"
#include "scheduler/lease_sender.h"
#include "scheduler/proofs.h"
#include "scheduler/schedule_desk.h"
#include "scheduler/service_figures.h"
#include "scheduler/turns.h"
#include "scheduler/worker_desk.h"
#include "shared/log.h"

namespace windlass::scheduler {
namespace {

using wire::Connection;

// The door, and who is told what once it is durable. What workers and api processes say is heard at their desks.
class LoopService final : public Service {
  public:
    LoopService(uv_loop_t* loop, const Clock& clock, ServiceSettings settings, std::unique_ptr<Store> store,
                std::int64_t epoch, std::function<void(const std::string&)> on_deposed)
        : loop_(loop),
          settings_(std::move(settings)),
          epoch_(epoch),
          on_deposed_(std::move(on_deposed)),
          hello_timer_(loop, [this] { cut_silent_strangers(); }),
          turns_(loop, clock, settings_.queue, std::move(store)),
          workers_(loop, turns_, settings_.renew_every, [this](JobId job) { return followers_.follows(job); }),
          apis_(turns_, workers_),
          trust_(turns_, settings_.trust),
          leases_(turns_, settings_.payload_cache_bytes, settings_.longest_wait_of_a_lease(),
                  [this](WorkerId worker, const protocol::Message& message, std::string_view body) {
                      workers_.send(worker, message, body);
                  }),
          leadership_(loop_, turns_, settings_.proof_lasts, settings_.say_well_every),
          proofs_(loop_, turns_, leadership_, settings_.renew_every / 5),
          housekeeping_(loop_, turns_, settings_.housekeeping),
          schedules_(loop, turns_) {}

    ~LoopService() override { close_peers(); }

    Status start(const StoredState& state) {
        workers_.restore(state.workers);
        trust_.restore(state.trust);
        Turns::Hooks hooks;
        hooks.answer_renewal = [this](const AnswerRenewal& renewal) { answer_renewal(renewal); };
        hooks.decided = [this](const Effects& effects, const Attachment& attachment) {
            if (attachment.items != nullptr) leases_.keep(effects, *attachment.items);
        };
        hooks.committed = [this](const Batch& batch, SteadyTime decided) {
            if (batch.empty()) return;
            leadership_.proved(decided);
            apis_.count_lost(std::count_if(batch.results.begin(), batch.results.end(), [](const ResultRecord& record) {
                return record.result.outcome.kind == OutcomeKind::worker_lost;
            }));
            followers_.committed(batch, [this](WorkerId worker) { return workers_.name_of(worker); });
        };
        hooks.carry_out = [this](const Effects& effects, SteadyTime decided) { carry_out(effects, decided); };
        hooks.is_urgent = [this](const Effect& effect) { return somebody_waits_for(effect); };
        hooks.idle = [this] { finish_stopping(); };
        hooks.must_prove = [this] { return !leadership_.is_proved(); };
        hooks.deposed = on_deposed_;
        turns_.start(std::move(hooks), state.queue);
        housekeeping_.start();
        schedules_.reload();
        leadership_.start();
        WINDLASS_TRY(listener_,
                     wire::Listener::open(loop_, settings_.listen, [this](std::shared_ptr<Connection> connection) {
                         welcome(std::move(connection));
                     }));
        if (!settings_.tls_listen) return {};
        WINDLASS_TRY(tls_listener_, wire::Listener::open(
                                        loop_, *settings_.tls_listen,
                                        [this](std::shared_ptr<Connection> connection) {
                                            if (has_room_for(*connection)) return welcome(std::move(connection), true);
                                            connection->set_handlers({});
                                            connection->close("too many connections that do not say who they are");
                                        },
                                        [this] { return trust_.server(); }));
        return {};
    }

    wire::Endpoint endpoint() const override { return listener_->endpoint(); }
    std::optional<wire::Endpoint> tls_endpoint() const override {
        return tls_listener_ ? std::optional(tls_listener_->endpoint()) : std::nullopt;
    }
    void add_figures(figures::Families& families) const override {
        add_service_figures(families, turns_, workers_, apis_, epoch_);
    }

    void stop(std::function<void()> done) override {
        on_stopped_ = std::move(done);
        listener_->close();
        if (tls_listener_) tls_listener_->close();
        turns_.hurry();
        turns_.end_turn();
    }

  private:
    // ---- the door
    // -------------------------------------------------------------------------------------------------------

    // Of those that came over TLS: whoever says nothing, or is slow, costs the others nothing.
    bool has_room_for(const Connection& connection) const {
        std::size_t all = 0, of_address = 0;
        for (const PeerPtr& peer : tls_strangers_) {
            if (peer->role != Peer::Role::stranger) continue;
            ++all;
            if (peer->connection->peer() == connection.peer()) ++of_address;
        }
        return all < settings_.strangers && of_address < settings_.strangers_per_address;
    }

    void welcome(std::shared_ptr<Connection> connection, bool over_tls = false) {
        auto peer = std::make_shared<Peer>();
        if (over_tls) tls_strangers_.insert(peer);
        peer->connection = std::move(connection);
        peer->last_heard = turns_.now().steady;
        peers_.insert(peer);
        std::weak_ptr<Peer> weak = peer;
        peer->connection->set_handlers({[this, weak](protocol::Message message, std::string body) {
                                            if (const auto known = weak.lock())
                                                on_message(known, std::move(message), std::move(body));
                                        },
                                        [this, weak](const std::string& reason) {
                                            if (const auto known = weak.lock()) on_closed(known, reason);
                                        }});
        hello_timer_.start(settings_.hello_deadline);
    }

    void cut_silent_strangers() {
        const SteadyTime now = turns_.now().steady;
        bool any_left = false;
        for (const PeerPtr& peer : std::set<PeerPtr>(peers_)) {
            if (peer->role != Peer::Role::stranger) continue;
            if (now - peer->last_heard >= settings_.hello_deadline)
                peer->connection->close("no Hello in time");
            else
                any_left = true;
        }
        if (any_left) hello_timer_.start(settings_.hello_deadline);
    }

    void on_message(const PeerPtr& peer, protocol::Message message, std::string body) {
        // We leave when nothing is left to commit. Where peers never pause that would be never; what is not taken is
        // not acknowledged, and they say it again to the next one.
        if (on_stopped_) return;
        peer->last_heard = turns_.now().steady;
        switch (peer->role) {
            case Peer::Role::stranger:
                if (const auto* enrol = std::get_if<protocol::Enrol>(&message);
                    enrol && peer->connection->certificate() && !std::exchange(peer->greeted, true))
                    return trust_.enrol(peer, *enrol);
                if (auto* hello = std::get_if<protocol::Hello>(&message); hello && !std::exchange(peer->greeted, true))
                    return proofs_.before([this, weak = std::weak_ptr<Peer>(peer), hello = std::move(*hello)] {
                        if (const PeerPtr known = weak.lock(); known && peers_.contains(known)) greet(known, hello);
                    });
                return peer->connection->close("the first message must be Hello, and the next one follows Welcome");
            case Peer::Role::worker:
                if (const auto* renewal = std::get_if<protocol::RenewCertificate>(&message))
                    return trust_.renew(peer, *renewal);
                if (trust_.is_over(*peer)) return peer->connection->close("its certificate ended and was not renewed");
                return workers_.heard(peer, std::move(message), std::move(body));
            case Peer::Role::api:
                if (const auto* follow = std::get_if<protocol::FollowJob>(&message))
                    return followers_.follow(peer->connection, follow->job);
                if (const auto* changed = std::get_if<protocol::SchedulesChanged>(&message))
                    return on_schedules_changed(peer, changed->request);
                if (const auto* unfollow = std::get_if<protocol::UnfollowJob>(&message))
                    return followers_.unfollow(peer->connection, unfollow->job);
                if (const auto* wish = std::get_if<protocol::EnrolWorker>(&message))
                    return trust_.make_token(peer, *wish);
                if (const auto* wish = std::get_if<protocol::RevokeWorker>(&message))
                    return trust_.revoke(peer, *wish, [this](const std::string& name) {
                        workers_.drop(name, "the certificates of this worker were revoked");
                    });
                // A submit is answered after a commit, or from the tables.
                if (std::holds_alternative<protocol::SubmitJobs>(message))
                    return apis_.heard(peer, std::move(message), body);
                return proofs_.before([this, weak = std::weak_ptr<Peer>(peer), message = std::move(message)] {
                    if (const PeerPtr known = weak.lock()) apis_.heard(known, message, {});
                });
        }
    }

    void answer_renewal(const AnswerRenewal& renewal) {
        const auto say = [this, renewal] { workers_.send(renewal.worker, protocol::Renewed{renewal.kept}); };
        if (renewal.kept.empty() && leadership_.is_proved_within(settings_.proof_for_idle_lasts)) return say();
        proofs_.before(say);
    }

    void greet(const PeerPtr& peer, const protocol::Hello& hello) {
        const bool is_worker = hello.role == "worker";
        const trust::PeerCertificate* shown = peer->connection->certificate();
        std::string refusal = reason_to_refuse(hello, peer->connection->peer_uid(), settings_.door, shown != nullptr);
        if (refusal.empty() && shown != nullptr) refusal = trust_.reason_to_refuse(*shown, hello.name);
        if (refusal.empty() && is_worker) {
            if (workers_.is_late(hello)) return peer->connection->close("a later connection of this worker is known");
            refusal = workers_.reason_name_is_taken(hello);
        }
        if (!refusal.empty()) {
            log::warning("refused {} from {}: {}", is_worker ? "a worker" : "a peer", peer->connection->peer(),
                         refusal);
            peer->connection->send(protocol::Refused{refusal});
            return peer->connection->close(refusal);
        }
        if (shown != nullptr) {
            peer->identity = shown->worker;
            peer->certificate_until = shown->valid_until;
            tls_strangers_.erase(peer);
        }
        peer->name = hello.name;
        peer->instance = hello.instance;
        peer->connection->trust();
        protocol::Welcome answer;
        answer.epoch = epoch_;
        answer.lease_ttl_ms = settings_.queue.lease_ttl.count();
        answer.renew_every_ms = settings_.renew_every.count();
        answer.self_kill_after_ms = settings_.self_kill_after.count();
        peer->connection->send(answer);
        if (is_worker) return workers_.joined(peer, hello);
        peer->role = Peer::Role::api;
        log::info("an api process connected: {}", peer->connection->peer());
        schedules_.reload();  // what it changed while we could not hear it
    }

    void on_schedules_changed(const PeerPtr& peer, RequestId request) {
        schedules_.reload([weak = std::weak_ptr<Peer>(peer), request](const Status& read) {
            const PeerPtr asker = weak.lock();
            if (!asker) return;
            if (read) return asker->connection->send(protocol::OperatorAnswered{request, {}});
            asker->connection->send(protocol::Unavailable{request, read.error().message, 1000});
        });
    }

    void on_closed(const PeerPtr& peer, const std::string& reason) {
        peers_.erase(peer);
        if (tls_strangers_.erase(peer) > 0 && !peer->greeted)
            log::info("{} left before it was let in: {}", peer->connection->peer(), reason);
        if (peer->role == Peer::Role::api) {
            log::info("an api process left: {}", reason);
            followers_.left(peer->connection);
        }
        if (peer->role == Peer::Role::worker) workers_.left(peer, reason);
    }

    bool somebody_waits_for(const Effect& effect) const {
        if (const auto* ended = std::get_if<JobEnded>(&effect)) return apis_.watches(ended->job);
        if (const auto* members = std::get_if<MembersEnded>(&effect)) return apis_.watches(*members);
        if (const auto* event = std::get_if<RecordEvent>(&effect)) return followers_.follows(event->job);
        if (const auto* lease = std::get_if<SendLease>(&effect)) return !workers_.has_plenty(lease->worker);
        return std::holds_alternative<AnswerSubmit>(effect) || std::holds_alternative<RefuseSubmit>(effect) ||
               std::holds_alternative<AnswerCancel>(effect) || std::holds_alternative<AnswerOperator>(effect) ||
               std::holds_alternative<SendCancel>(effect) || std::holds_alternative<SendRevoke>(effect);
    }

    // ---- what is durable now
    // ---------------------------------------------------------------------------------------------

    void carry_out(const Effects& effects, SteadyTime decided) {
        std::vector<SendLease> not_at_hand;
        for (const Effect& effect : effects) {
            if (const auto* lease = std::get_if<SendLease>(&effect)) {
                if (!leases_.send_now(*lease, decided)) not_at_hand.push_back(*lease);
            } else if (const auto* cancel = std::get_if<SendCancel>(&effect)) {
                workers_.send(cancel->worker, protocol::CancelAttempt{cancel->attempt});
            } else if (const auto* revoke = std::get_if<SendRevoke>(&effect)) {
                workers_.send(revoke->worker, protocol::RevokeAttempt{revoke->attempt});
            } else if (const auto* acknowledge = std::get_if<AcknowledgeFinish>(&effect)) {
                workers_.send(acknowledge->worker,
                              protocol::AcknowledgeFinish{acknowledge->attempt, acknowledge->accepted});
            } else {
                if (const auto* answer = std::get_if<AnswerSubmit>(&effect); answer && schedules_.answered(*answer))
                    continue;
                if (const auto* refusal = std::get_if<RefuseSubmit>(&effect); refusal && schedules_.answered(*refusal))
                    continue;
                if (const auto* ended = std::get_if<JobEnded>(&effect)) {
                    leases_.forget(ended->job);
                    housekeeping_.job_ended();
                }
                apis_.tell(effect);
            }
        }
        if (!not_at_hand.empty()) leases_.fetch_and_send(std::move(not_at_hand), decided);
    }

    // ---- the end
    // --------------------------------------------------------------------------------------------------------

    void close_peers() {
        tls_strangers_.clear();
        for (const PeerPtr& peer : std::exchange(peers_, {})) {
            peer->connection->set_handlers({});
            peer->connection->close("the scheduler stops");
        }
    }

    void finish_stopping() {
        if (!on_stopped_) return;
        close_peers();
        std::exchange(on_stopped_, {})();
    }

    uv_loop_t* loop_;
    ServiceSettings settings_;
    std::int64_t epoch_;
    std::function<void(const std::string&)> on_deposed_;
    std::function<void()> on_stopped_;
    LoopTimer hello_timer_;
    std::set<PeerPtr> peers_;
    std::set<PeerPtr> tls_strangers_;  // of peers_
    std::unique_ptr<wire::Listener> listener_;
    std::unique_ptr<wire::Listener> tls_listener_;
    Followers followers_;
    Turns turns_;
    WorkerDesk workers_;
    ApiDesk apis_;
    TrustDesk trust_;
    LeaseSender leases_;
    Leadership leadership_;
    Proofs proofs_;
    Housekeeping housekeeping_;
    ScheduleDesk schedules_;
};

}  // namespace

Result<std::unique_ptr<Service>> Service::open(uv_loop_t* loop, const Clock& clock, ServiceSettings settings,
                                               std::unique_ptr<Store> store, std::int64_t epoch, StoredState state,
                                               std::function<void(const std::string&)> on_deposed) {
    if (settings.door.secret.empty() && settings.listen.unix_path.empty())
        return make_error(ErrorKind::invalid, "listening on " + settings.listen.text() +
                                                  " needs scheduler.secret_file; make one with: openssl rand -hex 32");
    if (settings.tls_listen && !settings.trust.authority)
        return make_error(ErrorKind::internal, "TLS needs the authority of the site");
    auto service =
        std::make_unique<LoopService>(loop, clock, std::move(settings), std::move(store), epoch, std::move(on_deposed));
    WINDLASS_TRY_STATUS(service->start(state));
    return std::unique_ptr<Service>(std::move(service));
}

}  // namespace windlass::scheduler
