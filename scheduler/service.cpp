#include "scheduler/service.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "scheduler/batch_builder.h"
#include "scheduler/payload_cache.h"
#include "scheduler/queue.h"
#include "scheduler/store_thread.h"
#include "shared/log.h"

namespace windlass::scheduler {
namespace {

using wire::Connection;

// What nobody waits for (a job runs, a job of a full queue has ended) is committed at most once in this time, so that
// under load several such changes share a transaction, and the start and the end of a short job one row.
constexpr std::chrono::milliseconds pace{2};
// A worker that holds so many leases in reserve does not wait for the next.
constexpr std::int64_t plenty_of_prefetch = 16;

// One connection, from its first byte to its last.
struct Peer {
    enum class Role { stranger, worker, api };
    std::shared_ptr<Connection> connection;
    Role role = Role::stranger;
    std::string name;
    std::string instance;
    WorkerId worker;
    std::int64_t prefetch = 0;  // of a worker
    SteadyTime last_heard{};
};
using PeerPtr = std::shared_ptr<Peer>;

std::int64_t resident_bytes() {
    long size = 0, resident = 0;
    if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
        if (std::fscanf(file, "%ld %ld", &size, &resident) != 2) resident = 0;
        std::fclose(file);
    }
    return resident * sysconf(_SC_PAGESIZE);
}

class LoopService final : public Service {
  public:
    LoopService(uv_loop_t* loop, const Clock& clock, ServiceSettings settings, std::unique_ptr<Store> store,
                std::int64_t epoch, std::function<void(const std::string&)> on_deposed)
        : loop_(loop),
          clock_(clock),
          settings_(std::move(settings)),
          epoch_(epoch),
          on_deposed_(std::move(on_deposed)),
          queue_(settings_.queue),
          cache_(settings_.payload_cache_bytes),
          handles_(new Handles),
          store_(std::make_unique<StoreThread>(loop, std::move(store))) {
        handles_->owner = this;
        uv_timer_init(loop_, &handles_->lease_timer);
        uv_timer_init(loop_, &handles_->hello_timer);
        uv_timer_init(loop_, &handles_->pace_timer);
        uv_check_init(loop_, &handles_->turn_end);
        handles_->lease_timer.data = handles_->hello_timer.data = handles_;
        handles_->pace_timer.data = handles_->turn_end.data = handles_;
    }

    ~LoopService() override {
        for (const PeerPtr& peer : std::exchange(peers_, {})) {
            peer->connection->set_handlers({});
            peer->connection->close("the scheduler stops");
        }
        handles_->owner = nullptr;
        for (auto* handle : {reinterpret_cast<uv_handle_t*>(&handles_->lease_timer),
                             reinterpret_cast<uv_handle_t*>(&handles_->hello_timer),
                             reinterpret_cast<uv_handle_t*>(&handles_->pace_timer),
                             reinterpret_cast<uv_handle_t*>(&handles_->turn_end)})
            uv_close(handle, [](uv_handle_t* closed) {
                auto* handles = static_cast<Handles*>(closed->data);
                if (--handles->open == 0) delete handles;
            });
    }

    Status start(StoredState state) {
        for (WorkerRecord& worker : state.workers) {
            highest_worker_ = std::max(highest_worker_, worker.worker.value);
            worker_ids_.emplace(std::move(worker.name), worker.worker);
        }
        const Now now = clock_.now();
        gather(queue_.restore(state.jobs, state.highest_job, now), {}, now);
        WINDLASS_TRY(listener_,
                     wire::Listener::open(loop_, settings_.listen, [this](std::shared_ptr<Connection> connection) {
                         welcome(std::move(connection));
                     }));
        // Runs after I/O was handled: everything that arrived in one turn is in one batch.
        uv_check_start(&handles_->turn_end, [](uv_check_t* handle) {
            if (auto* owner = static_cast<Handles*>(handle->data)->owner) owner->end_turn();
        });
        uv_unref(reinterpret_cast<uv_handle_t*>(&handles_->turn_end));
        end_turn();
        return {};
    }

    wire::Endpoint endpoint() const override { return listener_->endpoint(); }

    void stop(std::function<void()> done) override {
        on_stopped_ = std::move(done);
        listener_->close();
        end_turn();
    }

  private:
    struct Handles {  // outlive us until libuv has closed them
        LoopService* owner = nullptr;
        uv_timer_t lease_timer{};
        uv_timer_t hello_timer{};
        uv_timer_t pace_timer{};
        uv_check_t turn_end{};
        int open = 4;
    };
    struct Dial {
        std::string instance;
        std::int64_t number = 0;
    };
    struct Question {  // of an api process, waiting for a commit
        std::weak_ptr<Peer> peer;
        RequestId theirs;
    };

    // ---- peers
    // ----------------------------------------------------------------------------------------------------------

    void welcome(std::shared_ptr<Connection> connection) {
        auto peer = std::make_shared<Peer>();
        peer->connection = std::move(connection);
        peer->last_heard = clock_.now().steady;
        peers_.insert(peer);
        std::weak_ptr<Peer> weak = peer;
        peer->connection->set_handlers({[this, weak](protocol::Message message, std::string body) {
                                            if (const auto known = weak.lock())
                                                on_message(known, std::move(message), std::move(body));
                                        },
                                        [this, weak](const std::string& reason) {
                                            if (const auto known = weak.lock()) on_closed(known, reason);
                                        }});
        arm_hello_timer();
    }

    void arm_hello_timer() {
        uv_timer_start(
            &handles_->hello_timer,
            [](uv_timer_t* timer) {
                if (auto* owner = static_cast<Handles*>(timer->data)->owner) owner->cut_silent_strangers();
            },
            static_cast<std::uint64_t>(settings_.hello_deadline.count()), 0);
    }

    void cut_silent_strangers() {
        const SteadyTime now = clock_.now().steady;
        bool any_left = false;
        for (const PeerPtr& peer : std::set<PeerPtr>(peers_)) {
            if (peer->role != Peer::Role::stranger) continue;
            if (now - peer->last_heard >= settings_.hello_deadline)
                peer->connection->close("no Hello in time");
            else
                any_left = true;
        }
        if (any_left) arm_hello_timer();
    }

    void on_message(const PeerPtr& peer, protocol::Message message, std::string body) {
        peer->last_heard = clock_.now().steady;
        switch (peer->role) {
            case Peer::Role::stranger:
                if (auto* hello = std::get_if<protocol::Hello>(&message)) return greet(peer, *hello);
                return peer->connection->close("the first message must be Hello");
            case Peer::Role::worker:
                return on_worker_message(peer, std::move(message), std::move(body));
            case Peer::Role::api:
                return on_api_message(peer, std::move(message), std::move(body));
        }
    }

    void greet(const PeerPtr& peer, const protocol::Hello& hello) {
        std::string refusal = reason_to_refuse(hello, peer->connection->peer_uid(), settings_.door);
        if (refusal.empty() && hello.role == "worker") {
            if (is_late(hello)) return peer->connection->close("a later connection of this worker is known");
            refusal = reason_name_is_taken(hello);
        }
        if (!refusal.empty()) {
            log::warning("refused {} from {}: {}", hello.role == "worker" ? "a worker" : "a peer",
                         peer->connection->peer(), refusal);
            peer->connection->send(protocol::Refused{refusal});
            return peer->connection->close(refusal);
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
        if (hello.role == "api") {
            peer->role = Peer::Role::api;
            log::info("an api process connected: {}", peer->connection->peer());
            return;
        }
        peer->role = Peer::Role::worker;
        last_dials_[hello.name] = {hello.instance, hello.dial};
        peer->worker = worker_id(hello.name);
        peer->prefetch = hello.prefetch;
        if (const auto old = workers_.find(peer->worker); old != workers_.end()) {
            const PeerPtr former = old->second;
            former->worker = {};  // its close is not the worker's leaving
            former->connection->close("the worker connected again");
        }
        workers_[peer->worker] = peer;
        log::info("worker {} connected ({} cores, {} MiB, {} attempts in hand)", hello.name,
                  static_cast<double>(hello.cpu_millis) / 1000, hello.memory_bytes >> 20, hello.held.size());
        feed(WorkerJoined{peer->worker,
                          {static_cast<std::int32_t>(hello.cpu_millis), hello.memory_bytes,
                           static_cast<std::int32_t>(std::min<std::int64_t>(hello.prefetch, 100'000))},
                          hello.held});
    }

    // A worker gave this connection up and came back over another before we read this Hello. What it says it holds is
    // history: believed, it would cost the worker the leases it got since. No Refused: the worker lives, and would end.
    bool is_late(const protocol::Hello& hello) const {
        const auto last = last_dials_.find(hello.name);
        return last != last_dials_.end() && last->second.instance == hello.instance && hello.dial < last->second.number;
    }

    // Two workers of one name would take each other's leases. A former connection of the same process, or of one that
    // has been silent for two renewals, gives way.
    std::string reason_name_is_taken(const protocol::Hello& hello) const {
        const auto id = worker_ids_.find(hello.name);
        const auto peer = id == worker_ids_.end() ? workers_.end() : workers_.find(id->second);
        if (peer == workers_.end() || peer->second->instance == hello.instance) return {};
        if (peer->second->connection->peer_has_gone()) return {};
        if (clock_.now().steady - peer->second->last_heard > 2 * settings_.renew_every) return {};
        return fmt::format("another worker named \"{}\" is connected; give each worker its own worker.name",
                           hello.name);
    }

    WorkerId worker_id(const std::string& name) {
        const auto [place, is_new] = worker_ids_.try_emplace(name);
        if (is_new) {
            place->second = WorkerId{++highest_worker_};
            builder_.add_worker({place->second, name, clock_.now().wall});
        }
        return place->second;
    }

    void on_closed(const PeerPtr& peer, const std::string& reason) {
        peers_.erase(peer);
        if (peer->role == Peer::Role::api) log::info("an api process left: {}", reason);
        if (!peer->worker) return;
        log::info("worker {} is gone: {}. Its leases live on until they expire", peer->name, reason);
        workers_.erase(peer->worker);
        feed(WorkerLeft{peer->worker});
    }

    // ---- workers
    // --------------------------------------------------------------------------------------------------------

    void on_worker_message(const PeerPtr& peer, protocol::Message message, std::string body) {
        const WorkerId worker = peer->worker;
        if (!worker) return;  // replaced by a newer connection a moment ago
        if (auto* renew = std::get_if<protocol::Renew>(&message))
            return feed(LeasesRenewed{worker, std::move(renew->held)});
        if (const auto* started = std::get_if<protocol::AttemptStarted>(&message))
            return feed(AttemptStarted{worker, started->attempt});
        if (const auto* output = std::get_if<protocol::AttemptOutput>(&message))
            return on_output(worker, *output, std::move(body));
        if (const auto* finished = std::get_if<protocol::AttemptFinished>(&message))
            return on_finished(peer, *finished, body);
        if (const auto* returned = std::get_if<protocol::AttemptReturned>(&message))
            return feed(AttemptReturned{worker, returned->attempt});
        if (std::holds_alternative<protocol::WorkerDraining>(message)) return feed(WorkerDraining{worker});
        peer->connection->close("a worker does not say that");
    }

    bool holds(WorkerId worker, AttemptRef attempt) const {
        const auto row = queue_.row(attempt.job);
        return row && is_leased(row->state) && row->attempt == attempt.attempt && row->worker == worker;
    }

    void on_output(WorkerId worker, const protocol::AttemptOutput& output, std::string body) {
        if (!holds(worker, output.attempt)) {
            ++statistics_.stale_refused;
            return;
        }
        urgent_ = urgent_ || output.offset == 0;  // the first that a follower sees
        builder_.add_output({output.attempt, output.stream, output.offset, std::move(body)});
    }

    void on_finished(const PeerPtr& peer, const protocol::AttemptFinished& finished, const std::string& body) {
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
        if (!whole || at != body.size())
            return peer->connection->close("a result does not match its own sizes and hashes");
        feed(AttemptFinished{peer->worker, finished.attempt, finished.result.outcome.kind,
                             finished.result.outcome.exit_code, finished.result.usage.wall},
             std::move(attachment));
    }

    // ---- api
    // ------------------------------------------------------------------------------------------------------------

    void on_api_message(const PeerPtr& peer, protocol::Message message, std::string body) {
        if (auto* submit = std::get_if<protocol::SubmitJobs>(&message)) return on_submit(peer, *submit, body);
        if (const auto* cancel = std::get_if<protocol::CancelJob>(&message)) {
            if (refuse_while_failing(peer, cancel->request)) return;
            return feed(CancelJob{remember(peer, cancel->request), cancel->job});
        }
        if (const auto* watch = std::get_if<protocol::WatchJob>(&message)) return on_watch(peer, watch->job);
        if (const auto* explain = std::get_if<protocol::ExplainJob>(&message))
            return peer->connection->send(protocol::JobExplained{explain->request, queue_.explain(explain->job)});
        if (const auto* ask = std::get_if<protocol::AskStatistics>(&message))
            return send_statistics(peer, ask->request);
        peer->connection->close("an api process does not say that");
    }

    bool refuse_while_failing(const PeerPtr& peer, RequestId request) {
        if (!store_->failing()) return false;
        peer->connection->send(protocol::Unavailable{request, "the database is away; nothing was changed", 2000});
        return true;
    }

    void on_submit(const PeerPtr& peer, protocol::SubmitJobs& submit, const std::string& body) {
        if (refuse_while_failing(peer, submit.request)) return;
        std::vector<SharedPayload> payloads;
        std::vector<NewJob> seeds;
        payloads.reserve(submit.jobs.size());
        seeds.reserve(submit.jobs.size());
        std::size_t at = 0;
        const ContentPtr none = make_content({});
        ContentPtr code = none, data = none;
        const auto read = [&](std::int64_t size, ContentPtr& content) {
            if (size == -1) return true;  // the same as the item before
            if (size < 0 || static_cast<std::uint64_t>(size) > body.size() - at) return false;
            content = make_content(body.substr(at, static_cast<std::size_t>(size)));
            at += static_cast<std::size_t>(size);
            return true;
        };
        for (protocol::SubmitItem& item : submit.jobs) {
            if (!read(item.code_size, code) || !read(item.data_size, data))
                return peer->connection->close("a submit does not match its own sizes");
            const JobSpec& spec = item.spec;
            seeds.push_back(
                {submit.owner, spec.priority, spec.max_attempts, {spec.limits.cpu_millis, spec.limits.memory_bytes}});
            payloads.push_back({std::move(item.spec), code, data});
        }
        if (seeds.empty() || at != body.size()) return peer->connection->close("a submit does not match its own sizes");
        statistics_.submitted += static_cast<std::int64_t>(seeds.size());
        Attachment attachment;
        attachment.owner = submit.owner;
        attachment.payloads = &payloads;
        feed(Submit{remember(peer, submit.request), std::move(seeds)}, std::move(attachment));
    }

    void on_watch(const PeerPtr& peer, JobId job) {
        // A job whose end is not durable yet is not over for anybody who reads the tables.
        if (!queue_.row(job) && !ending_.contains(job)) return peer->connection->send(protocol::JobEnded{job, false});
        watchers_[job].push_back(peer);
    }

    void send_statistics(const PeerPtr& peer, RequestId request) {
        protocol::Statistics answer = statistics_;
        const Queue::Counts counts = queue_.counts();
        answer.request = request;
        answer.blocked = static_cast<std::int64_t>(counts.blocked);
        answer.queued = static_cast<std::int64_t>(counts.queued);
        answer.starting = static_cast<std::int64_t>(counts.starting);
        answer.running = static_cast<std::int64_t>(counts.running);
        answer.workers_connected = static_cast<std::int64_t>(counts.workers_connected);
        answer.commit_failures = static_cast<std::int64_t>(store_->failures());
        answer.resident_bytes = resident_bytes();
        peer->connection->send(answer);
    }

    RequestId remember(const PeerPtr& peer, RequestId theirs) {
        const RequestId ours{++last_request_};
        questions_.emplace(ours, Question{peer, theirs});
        return ours;
    }

    // The peer that asked and its own number for the question; null if it has gone.
    std::pair<PeerPtr, RequestId> recall(RequestId ours) {
        const auto found = questions_.find(ours);
        if (found == questions_.end()) return {};
        const Question question = found->second;
        questions_.erase(found);
        return {question.peer.lock(), question.theirs};
    }

    // ---- turns
    // ----------------------------------------------------------------------------------------------------------

    void feed(const Event& event, Attachment attachment = {}) {
        const Now now = clock_.now();
        Effects effects = queue_.on(event, now);
        if (attachment.payloads != nullptr) keep_payloads(effects, *attachment.payloads);
        gather(std::move(effects), std::move(attachment), now);
    }

    void keep_payloads(const Effects& effects, const std::vector<SharedPayload>& payloads) {
        for (const Effect& effect : effects)
            if (const auto* born = std::get_if<InsertJob>(&effect)) cache_.put(born->job, payloads[born->index]);
    }

    void gather(Effects effects, Attachment attachment, Now now) {
        Effects waiting;
        waiting.reserve(effects.size());
        for (Effect& effect : effects) {
            if (const auto* renewal = std::get_if<AnswerRenewal>(&effect))
                answer_renewal(*renewal);
            else if (const auto* timer = std::get_if<ArmTimer>(&effect))
                arm_lease_timer(timer->at, now.steady);
            else {
                if (const auto* ended = std::get_if<JobEnded>(&effect)) ending_.insert(ended->job);
                urgent_ = urgent_ || somebody_waits_for(effect);
                waiting.push_back(std::move(effect));
            }
        }
        builder_.add(std::move(waiting), std::move(attachment), now);
    }

    void arm_lease_timer(SteadyTime at, SteadyTime now) {
        // Rounded up: a timer that rings early would ring again and again.
        const auto wait = std::chrono::ceil<Milliseconds>(std::max(at - now, SteadyTime::duration{0}));
        uv_update_time(loop_);
        uv_timer_start(
            &handles_->lease_timer,
            [](uv_timer_t* timer) {
                auto* owner = static_cast<Handles*>(timer->data)->owner;
                if (owner == nullptr) return;
                owner->feed(TimePassed{});
                owner->end_turn();  // the check phase comes only after the next I/O
            },
            static_cast<std::uint64_t>(wait.count()), 0);
    }

    bool somebody_waits_for(const Effect& effect) const {
        if (const auto* ended = std::get_if<JobEnded>(&effect)) return watchers_.contains(ended->job);
        if (const auto* lease = std::get_if<SendLease>(&effect)) {
            const auto peer = workers_.find(lease->worker);
            return peer == workers_.end() || peer->second->prefetch < plenty_of_prefetch;
        }
        return std::holds_alternative<AnswerSubmit>(effect) || std::holds_alternative<AnswerCancel>(effect) ||
               std::holds_alternative<SendCancel>(effect) || std::holds_alternative<SendRevoke>(effect);
    }

    void end_turn() {
        if (committing_) return;
        if (builder_.empty() || deposed_) return finish_stopping();
        if (urgent_ || on_stopped_ || uv_hrtime() >= next_commit_ns_) return commit();
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

    void commit() {
        uv_timer_stop(&handles_->pace_timer);
        next_commit_ns_ = uv_hrtime() + static_cast<std::uint64_t>(std::chrono::nanoseconds(pace).count());
        BatchBuilder::Turn turn = builder_.take();
        urgent_ = urgent_ && !builder_.empty();
        if (turn.batch.empty())
            return carry_out(
                turn.outgoing,
                turn.begun.value_or(clock_.now().steady));  // nothing to make durable, and nothing before it waits
        committing_ = true;
        ++statistics_.commits;
        statistics_.committed_changes += static_cast<std::int64_t>(turn.batch.jobs.size() + turn.batch.changes.size());
        auto outgoing = std::make_shared<Effects>(std::move(turn.outgoing));
        store_->commit(std::move(turn.batch),
                       [this, outgoing, decided = turn.begun.value_or(clock_.now().steady)](const Status& status) {
                           committing_ = false;
                           if (!status) return step_down(status.error().message);
                           carry_out(*outgoing, decided);
                           end_turn();
                       });
    }

    void step_down(const std::string& why) {
        deposed_ = true;
        on_deposed_(why);
    }

    void finish_stopping() {
        if (!on_stopped_) return;
        for (const PeerPtr& peer : std::exchange(peers_, {})) {
            peer->connection->set_handlers({});
            peer->connection->close("the scheduler stops");
        }
        workers_.clear();
        std::exchange(on_stopped_, {})();
    }

    // ---- effects that leave the process
    // ---------------------------------------------------------------------------------

    void carry_out(const Effects& effects, SteadyTime decided) {
        std::vector<SendLease> not_at_hand;
        for (const Effect& effect : effects) {
            if (const auto* lease = std::get_if<SendLease>(&effect)) {
                if (!send_lease_from_cache(*lease, decided)) not_at_hand.push_back(*lease);
            } else if (const auto* cancel = std::get_if<SendCancel>(&effect)) {
                send_to(cancel->worker, protocol::CancelAttempt{cancel->attempt});
            } else if (const auto* revoke = std::get_if<SendRevoke>(&effect)) {
                ++statistics_.stale_refused;
                send_to(revoke->worker, protocol::RevokeAttempt{revoke->attempt});
            } else if (const auto* acknowledge = std::get_if<AcknowledgeFinish>(&effect)) {
                if (!acknowledge->accepted) ++statistics_.stale_refused;
                send_to(acknowledge->worker, protocol::AcknowledgeFinish{acknowledge->attempt, acknowledge->accepted});
            } else if (const auto* submitted = std::get_if<AnswerSubmit>(&effect)) {
                const auto [peer, theirs] = recall(submitted->request);
                if (peer)
                    peer->connection->send(
                        protocol::JobsSubmitted{theirs, submitted->first, static_cast<std::int64_t>(submitted->count)});
            } else if (const auto* cancelled = std::get_if<AnswerCancel>(&effect)) {
                const auto [peer, theirs] = recall(cancelled->request);
                if (peer)
                    peer->connection->send(
                        protocol::CancelAnswered{theirs, static_cast<std::int64_t>(cancelled->answer)});
            } else if (const auto* ended = std::get_if<JobEnded>(&effect)) {
                tell_watchers(ended->job);
            }
        }
        if (!not_at_hand.empty()) fetch_and_send(std::move(not_at_hand), decided);
    }

    void answer_renewal(const AnswerRenewal& renewal) { send_to(renewal.worker, protocol::Renewed{renewal.kept}); }

    void send_to(WorkerId worker, const protocol::Message& message) {
        if (const auto peer = workers_.find(worker); peer != workers_.end()) peer->second->connection->send(message);
    }

    void tell_watchers(JobId job) {
        ++statistics_.ended;
        ending_.erase(job);
        cache_.forget(job);
        const auto waiting = watchers_.find(job);
        if (waiting == watchers_.end()) return;
        for (const auto& weak : waiting->second)
            if (const auto peer = weak.lock()) peer->connection->send(protocol::JobEnded{job, true});
        watchers_.erase(waiting);
    }

    // A lease may have been lost again between the decision and its commit (the worker said hello anew, without it):
    // the queue's word of now counts, not that of then. And a lease that waited long for its commit may run out here
    // before the worker, whose clock begins when it hears of it, would stop the job: it is taken back instead.
    bool may_still_be_sent(const SendLease& lease, SteadyTime decided) {
        if (!holds(lease.worker, lease.attempt)) return false;
        if (clock_.now().steady - decided <= settings_.longest_wait_of_a_lease()) return true;
        feed(AttemptReturned{lease.worker, lease.attempt});
        return false;
    }

    // True when the lease is dealt with.
    bool send_lease_from_cache(const SendLease& lease, SteadyTime decided) {
        if (!may_still_be_sent(lease, decided)) return true;
        auto payload = cache_.take(lease.attempt.job);
        if (!payload) return false;
        send_lease(lease, payload->spec, payload->code->bytes, payload->data->bytes);
        return true;
    }

    void send_lease(const SendLease& lease, const JobSpec& spec, const std::string& code, const std::string& data) {
        protocol::Lease message{lease.attempt, spec, static_cast<std::int64_t>(code.size()),
                                static_cast<std::int64_t>(data.size())};
        const auto peer = workers_.find(lease.worker);
        if (peer == workers_.end()) return;
        if (data.empty())
            peer->second->connection->send(message, code);
        else
            peer->second->connection->send(message, code + data);
    }

    void fetch_and_send(std::vector<SendLease> leases, SteadyTime decided) {
        std::vector<JobId> jobs;
        jobs.reserve(leases.size());
        for (const SendLease& lease : leases) jobs.push_back(lease.attempt.job);
        store_->payloads(std::move(jobs), [this, leases = std::move(leases),
                                           decided](Result<std::vector<JobPayload>> payloads) {
            if (!payloads) {
                // Not an absent database (that is waited for): the leases run out, and the jobs are queued again.
                log::error("could not read {} jobs that were to start: {}", leases.size(), payloads.error().message);
                return;
            }
            for (std::size_t i = 0; i < leases.size(); ++i)
                if (may_still_be_sent(leases[i], decided))
                    send_lease(leases[i], (*payloads)[i].spec, (*payloads)[i].code, (*payloads)[i].data);
            end_turn();
        });
    }

    uv_loop_t* loop_;
    const Clock& clock_;
    ServiceSettings settings_;
    std::int64_t epoch_;
    std::function<void(const std::string&)> on_deposed_;
    std::function<void()> on_stopped_;
    Queue queue_;
    BatchBuilder builder_;
    PayloadCache cache_;
    Handles* handles_;
    std::unique_ptr<StoreThread> store_;
    std::unique_ptr<wire::Listener> listener_;
    std::set<PeerPtr> peers_;
    std::unordered_map<WorkerId, PeerPtr> workers_;
    std::unordered_map<std::string, WorkerId> worker_ids_;
    std::unordered_map<std::string, Dial> last_dials_;  // by worker name
    std::int64_t highest_worker_ = 0;
    std::unordered_map<RequestId, Question> questions_;
    std::int64_t last_request_ = 0;
    std::unordered_map<JobId, std::vector<std::weak_ptr<Peer>>> watchers_;
    std::unordered_set<JobId> ending_;  // decided, but not durable yet
    protocol::Statistics statistics_;
    bool committing_ = false;
    bool urgent_ = false;               // somebody waits for what the builder holds
    std::uint64_t next_commit_ns_ = 0;  // of what is not urgent; uv_hrtime()
    bool deposed_ = false;
};

}  // namespace

Result<std::unique_ptr<Service>> Service::open(uv_loop_t* loop, const Clock& clock, ServiceSettings settings,
                                               std::unique_ptr<Store> store, std::int64_t epoch, StoredState state,
                                               std::function<void(const std::string&)> on_deposed) {
    if (settings.door.secret.empty() && settings.listen.unix_path.empty())
        return make_error(ErrorKind::invalid, "listening on " + settings.listen.text() +
                                                  " needs scheduler.secret_file; make one with: openssl rand -hex 32");
    auto service =
        std::make_unique<LoopService>(loop, clock, std::move(settings), std::move(store), epoch, std::move(on_deposed));
    WINDLASS_TRY_STATUS(service->start(std::move(state)));
    return std::unique_ptr<Service>(std::move(service));
}

}  // namespace windlass::scheduler
