#include "scheduler/trust_desk.h"

#include <fmt/format.h>

#include <utility>

#include "shared/digest.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/trust/enrolment_token.h"

namespace windlass::scheduler {

bool can_name_a_worker(const std::string& name) {
    return !name.empty() && name.size() <= 200 && is_valid_utf8(name) && name.find('\0') == std::string::npos;
}

TrustDesk::TrustDesk(Turns& turns, TrustSettings settings) : turns_(turns), settings_(std::move(settings)) {}

void TrustDesk::restore(std::vector<WorkerTrust> trust) {
    for (WorkerTrust& one : trust) trust_[one.worker] = std::move(one);
}

std::shared_ptr<const trust::TlsServer> TrustDesk::server() {
    if (!server_ || server_->is_old())
        server_ = trust::TlsServer::make(*settings_.authority, settings_.names, settings_.certificate_lifetime,
                                         [this] { return turns_.now().wall; });
    return server_;
}

bool TrustDesk::counts(const trust::WorkerIdentity& worker) const {
    const auto known = trust_.find(worker.name);
    return known != trust_.end() && !known->second.revoked && known->second.generation == worker.generation;
}

std::string TrustDesk::reason_to_refuse(const trust::PeerCertificate& shown, const std::string& name) const {
    if (!shown.shown)
        return "workers of other machines need a certificate; make a token with `windlass worker enrol NAME` and run "
               "windlass-worker --enrol TOKEN";
    if (!shown.fault.empty()) return shown.fault;
    const trust::WorkerIdentity& worker = shown.worker;
    if (worker.name != name)
        return fmt::format(
            "this certificate is for the worker \"{}\" and not for \"{}\": set worker.name, or enrol it "
            "under this name",
            worker.name, to_valid_utf8(name.substr(0, 200)));
    const auto known = trust_.find(worker.name);
    if (known == trust_.end())
        return "this scheduler's database does not know the enrolment of this worker: enrol it again";
    if (known->second.revoked) return "the certificates of this worker were revoked; only a new enrolment lets it in";
    if (known->second.generation != worker.generation)
        return "this worker was enrolled anew since, perhaps on another machine: this certificate counts no more";
    return {};
}

protocol::Certified TrustDesk::certify(const trust::RequestedKey& key, const trust::WorkerIdentity& worker) const {
    return {settings_.authority->certify_worker(key, worker, turns_.now().wall, settings_.certificate_lifetime).pem(),
            settings_.authority->certificate().pem()};
}

void TrustDesk::refuse(const PeerPtr& peer, const std::string& reason) {
    log::warning("refused an enrolment from {}: {}", peer->connection->peer(), reason);
    peer->connection->send(protocol::Refused{reason});
    peer->connection->close(reason);
}

void TrustDesk::enrol(const PeerPtr& peer, const protocol::Enrol& enrol) {
    if (!can_name_a_worker(enrol.name)) return refuse(peer, "a worker needs a name of 1 to 200 bytes of UTF-8");
    auto key = trust::read_signing_request(enrol.signing_request);
    if (!key) return refuse(peer, key.error().message);
    Redemption redemption{token_hash_hex(enrol.token), enrol.name, key->sha256, turns_.now().wall};
    turns_.store().ask<std::int64_t>(
        [redemption](Store& store) { return store.redeem_token(redemption); },
        [this, weak = std::weak_ptr<Peer>(peer), name = enrol.name, key = *key](Result<std::int64_t> generation) {
            if (!generation && generation.error().kind == ErrorKind::stale)
                return turns_.depose(generation.error().message);
            // Also when nobody waits for the answer any more: the store has it.
            if (generation) trust_[name] = {name, *generation, false};
            const PeerPtr asker = weak.lock();
            if (!asker) return;
            if (!generation) {
                const bool denied = generation.error().kind == ErrorKind::denied;
                if (!denied) log::warning("an enrolment could not be kept: {}", generation.error().message);
                return refuse(asker, denied ? generation.error().message
                                            : "the scheduler cannot enrol anybody now; the token is as good as before, "
                                              "try again");
            }
            log::info("worker {} is enrolled, from {}", name, asker->connection->peer());
            asker->connection->send(certify(key, {name, *generation}));
            asker->connection->close("enrolled");
        });
}

void TrustDesk::renew(const PeerPtr& peer, const protocol::RenewCertificate& renewal) {
    if (!peer->identity) return peer->connection->close("a worker without a certificate has none to renew");
    const auto key = trust::read_signing_request(renewal.signing_request);
    if (!key) return peer->connection->close("a renewal that cannot be: " + key.error().message);
    if (!counts(*peer->identity)) return peer->connection->close("its certificate counts no more");
    peer->certificate_until = turns_.now().wall + settings_.certificate_lifetime;
    peer->connection->send(certify(*key, *peer->identity));
}

bool TrustDesk::is_over(const Peer& peer) const {
    return peer.identity && turns_.now().wall >= peer.certificate_until;
}

void TrustDesk::answer_failure(const PeerPtr& peer, RequestId request, const Error& error) {
    if (error.kind == ErrorKind::stale) return turns_.depose(error.message);
    if (error.kind == ErrorKind::not_found)
        return peer->connection->send(protocol::OperatorAnswered{request, error.message});
    log::warning("the trust in a worker could not be changed: {}", error.message);
    peer->connection->send(protocol::Unavailable{request, "the database is away; nothing was changed", 2000});
}

void TrustDesk::make_token(const PeerPtr& peer, const protocol::EnrolWorker& wish) {
    const auto refused = [&](const char* why) {
        peer->connection->send(protocol::OperatorAnswered{wish.request, why});
    };
    if (!settings_.authority) return refused("No worker of another machine can come: scheduler.tls_listen is not set.");
    if (!can_name_a_worker(wish.worker)) return refused("A worker needs a name of 1 to 200 bytes of UTF-8.");
    const auto token = trust::make_enrolment_token(settings_.authority->certificate().fingerprint());
    const WallTime now = turns_.now().wall;
    StoredToken stored{token_hash_hex(token.secret),          wish.worker,  now,
                       now + trust::enrolment_token_lifetime, std::nullopt, 0};
    turns_.store().ask<void>([stored](Store& store) { return store.keep_token(stored); },
                             [this, weak = std::weak_ptr<Peer>(peer), request = wish.request, text = token.text(),
                              expires = stored.expires](const Status& kept) {
                                 const PeerPtr asker = weak.lock();
                                 if (!asker) return;
                                 if (!kept) return answer_failure(asker, request, kept.error());
                                 asker->connection->send(protocol::WorkerEnrolled{request, text, expires});
                             });
}

void TrustDesk::revoke(const PeerPtr& peer, const protocol::RevokeWorker& wish,
                       std::function<void(const std::string&)> drop) {
    turns_.store().ask<void>(
        [worker = wish.worker, now = turns_.now().wall](Store& store) { return store.revoke_worker(worker, now); },
        [this, weak = std::weak_ptr<Peer>(peer), wish, drop = std::move(drop)](const Status& revoked) {
            if (revoked) {
                if (const auto known = trust_.find(wish.worker); known != trust_.end()) known->second.revoked = true;
                log::info("the certificates of worker {} are revoked", wish.worker);
                drop(wish.worker);
            }
            const PeerPtr asker = weak.lock();
            if (!asker) return;
            if (!revoked) return answer_failure(asker, wish.request, revoked.error());
            asker->connection->send(protocol::OperatorAnswered{wish.request, {}});
        });
}

}  // namespace windlass::scheduler
