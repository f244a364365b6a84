#include "worker/kubernetes/engine.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <thread>

#include "shared/log.h"
#include "worker/engine_figures.h"
#include "worker/sandbox/limit_words.h"

namespace windlass::worker::kubernetes {
namespace {

constexpr Milliseconds again_after{2'000};  // a call that failed
constexpr Milliseconds quick_look{100};     // between one watch and the next
constexpr Milliseconds gone_look{500};      // between one list and the next, while the end of a pod is awaited
constexpr Seconds launch_patience{60};
constexpr Seconds first_patience{5};  // with an API server that is away when this worker starts

// The digest of a reference is what stands behind its @.
Offer offer_of(const EngineSettings& settings) {
    Offer offer{settings.cpu_millis, settings.memory_bytes, {}, {}};
    for (const auto& [name, reference] : settings.site.images)
        offer.images.emplace(name, reference.substr(reference.rfind('@') + 1));
    for (const auto& [name, claim] : settings.site.datasets) offer.datasets.emplace(name, "");
    return offer;
}

// unavailable: something of it is still going, or no answer.
Status remove_all(const std::vector<Left>& orphans, const Client& client) {
    bool all_gone = true;
    for (const Left& one : orphans) {
        WINDLASS_TRY_STATUS(client.stop(one.ref, one.space, true));
        WINDLASS_TRY(const bool gone, client.clear(one.ref, one.space));
        all_gone = all_gone && gone;
    }
    return all_gone ? Status() : make_error(ErrorKind::unavailable, "some of it is still going");
}

void earliest(std::optional<SteadyTime>& at, std::optional<SteadyTime> other) {
    if (other && (!at || *other < *at)) at = other;
}

}  // namespace

KubernetesEngine::KubernetesEngine(EngineSettings settings, std::vector<Left> left,
                                   std::shared_ptr<const Client> client, std::shared_ptr<std::atomic<bool>> stop,
                                   std::unique_ptr<Services> services, Background background, const Clock& clock,
                                   OnFinished on_finished)
    : settings_(std::move(settings)),
      offer_(offer_of(settings_)),
      client_(std::move(client)),
      stop_(std::move(stop)),
      services_(std::move(services)),
      background_(std::move(background)),
      clock_(clock),
      on_finished_(std::move(on_finished)) {
    services_->set_make_socket([](std::uint64_t) -> Result<int> {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) return errno_error("a socket", errno);
        return fd;
    });
    const Now now = clock_.now();
    for (auto& one : left)
        if (one.is_whole()) adopt(std::move(one), now);
    if (held_.empty()) return;
    log::info("{} launch(es) of a former life are in Kubernetes", held_.size());
    adopted_until_ = now.steady + settings_.adoption;
}

void KubernetesEngine::adopt(Left left, Now now) {
    const AttemptRef ref = left.ref;
    auto attempt = Attempt::from_lease(*std::move(left.lease), {}, now);
    if (!attempt || held_.contains(ref)) return;
    Held& held = *held_.emplace(ref, std::make_unique<Held>(std::move(attempt).value(), left.space)).first->second;
    held.step = Step::up;
    held.address = std::move(left.address);
    held.is_adopted = true;
}

KubernetesEngine::~KubernetesEngine() {
    *stop_ = true;
}

std::map<std::string, std::string> KubernetesEngine::labels() const {
    return {{"service", "http"}, {"backend", "kubernetes"}, {"only", "service"}};
}

KubernetesEngine::Held* KubernetesEngine::find(AttemptRef ref) {
    const auto place = held_.find(ref);
    return place == held_.end() ? nullptr : place->second.get();
}

// ---- what the scheduler says

Status KubernetesEngine::lease(protocol::Lease lease, std::string body, SteadyTime now) {
    const AttemptRef ref = lease.attempt;
    if (held_.contains(ref)) return {};
    if (draining_) {
        if (connection_ != nullptr) connection_->send(protocol::AttemptReturned{ref});
        return {};
    }
    Launch wanted{ref, lease.owner, lease.spec};
    std::string fault =
        body.empty() ? fault_of(settings_.site, wanted) : "a launch in Kubernetes has no code and no data";
    std::string space = namespace_of(settings_.site, lease.owner);
    WINDLASS_TRY(auto attempt, Attempt::from_lease(std::move(lease), std::move(body), {now, clock_.now().wall}));
    Held& held = *held_.emplace(ref, std::make_unique<Held>(std::move(attempt), std::move(space))).first->second;
    if (fault.empty()) {
        held.wanted = std::move(wanted);
        held.launch_until = now + launch_patience;
        launch(held);
    } else {
        held.attempt.blame(OutcomeKind::setup_failed, std::move(fault));
        tell(held, now);
    }
    return {};
}

void KubernetesEngine::cancel(AttemptRef ref, SteadyTime) {
    if (Held* held = find(ref)) stop(*held, OutcomeKind::cancelled, {});
}

void KubernetesEngine::revoke(AttemptRef ref) {
    Held* held = find(ref);
    if (held == nullptr) return;
    held->attempt.forget(true);
    stop(*held, OutcomeKind::worker_lost, {});
}

void KubernetesEngine::connected(wire::Connection& connection, SteadyTime) {
    connection_ = &connection;
    adopted_until_.reset();
    for (const auto& [ref, held] : held_) {
        const bool runs = held->step == Step::up && held->attempt.phase() == Attempt::Phase::running;
        if (!runs || held->attempt.forgotten()) continue;
        connection.send(protocol::AttemptStarted{ref});
        tell_ready(*held);
    }
}

void KubernetesEngine::disconnected() {
    connection_ = nullptr;
}

// ---- a launch

void KubernetesEngine::launch(Held& held) {
    held.busy = true;
    held.again_at.reset();
    auto address = std::make_shared<Result<std::string>>(std::string());
    const AttemptRef ref = held.attempt.ref();
    background_([address, client = client_, wanted = *held.wanted] { *address = client->launch(wanted); },
                [this, address, ref] { launched(ref, *address, clock_.now().steady); });
}

void KubernetesEngine::launched(AttemptRef ref, const Result<std::string>& address, SteadyTime now) {
    Held& held = *held_.at(ref);
    held.busy = false;
    const bool no_answer = !address && address.error().kind == ErrorKind::unavailable;
    failed_calls_ += no_answer ? 1 : 0;
    if (held.step != Step::launching) return go_on_stopping(held);  // something of it may be there
    if (address) {
        held.address = *address;
        held.wanted.reset();
        held.step = Step::up;
        if (held.pod) on_pod(Pod(*held.pod), now);
        return;
    }
    if (no_answer && now < held.launch_until) {
        log::write(log::Level::warning, {log::field::job(ref.job), log::field::attempt(ref)},
                   "attempt {} is not launched yet: {}; it is tried again", ref.text(), address.error().message);
        held.again_at = now + again_after;
        return;
    }
    stop(held, OutcomeKind::setup_failed, address.error().message);
}

void KubernetesEngine::on_pod(const Pod& pod, SteadyTime now) {
    Held* held = find(pod.ref);
    if (held == nullptr) return;
    if (pod.removed) {
        if (!held->pod || held->pod->name != pod.name) return;
        held->pod.reset();
        if (held->step == Step::up && held->attempt.phase() == Attempt::Phase::running)
            stop(*held, OutcomeKind::worker_lost, "its pod was removed by somebody else");
        return;
    }
    held->pod = pod;
    if (held->step != Step::up) return;
    if (pod.runs && held->attempt.phase() != Attempt::Phase::running) {
        // What was here before it ran has seen it start; what a former life launched runs since when its node says.
        const auto ago = held->is_adopted && pod.since ? clock_.now().wall - *pod.since : Microseconds{0};
        held->attempt.started(now - std::max(ago, Microseconds{0}));
        ++started_;
        if (connection_ != nullptr) connection_->send(protocol::AttemptStarted{pod.ref});
        services_->add(pod.ref, 0, *held->attempt.spec().service, now, held->address);
    }
    if (!pod.ended) return;
    held->end = *pod.ended;
    stop(*held, pod.ended->kind, pod.ended->detail);
}

void KubernetesEngine::on_services(const std::vector<Services::Event>& events) {
    for (const auto& event : events) {
        Held* held = find(event.attempt);
        if (held == nullptr || held->step != Step::up) continue;
        if (event.kind == Services::Event::Kind::idle) {
            stop(*held, OutcomeKind::cancelled,
                 fmt::format("nobody used its service for {}", seconds_in_words(held->attempt.spec().service->idle)));
            continue;
        }
        held->ready = true;
        tell_ready(*held);
    }
}

void KubernetesEngine::tell_ready(const Held& held) {
    if (connection_ != nullptr && held.ready && !held.attempt.forgotten())
        connection_->send(protocol::AttemptReady{held.attempt.ref(), services_->address()});
}

// ---- its end

// The first cause wins; an outcome that it brought itself (exited, …) is in held.end.
void KubernetesEngine::stop(Held& held, OutcomeKind kind, std::string detail) {
    if (kind != OutcomeKind::exited && kind != OutcomeKind::signalled) held.attempt.blame(kind, std::move(detail));
    services_->remove(held.attempt.ref());
    if (held.step == Step::stopping) return;
    held.step = Step::stopping;
    held.wanted.reset();
    go_on_stopping(held);  // while the launch is under way: when it has been answered
}

// One call after the other: what it printed, the deployment, (its pods go), the rest.
void KubernetesEngine::go_on_stopping(Held& held) {
    if (held.busy || held.step != Step::stopping) return;
    const AttemptRef ref = held.attempt.ref();
    if (!held.stopped) {
        auto log = std::make_shared<std::string>();
        const bool at_once = held.attempt.forgotten();
        return call(
            held,
            [log, ref, at_once, space = held.space, pod = held.pod,
             most = held.attempt.limits().output_bytes](const Client& client) {
                if (pod && !at_once)
                    if (auto said = client.log(*pod, most)) *log = std::move(said).value();
                return client.stop(ref, space, at_once);
            },
            [this, log, at_once](Held& of) {
                of.log = std::move(*log);
                // Its lease was lost meanwhile: once more, and at once.
                if (of.attempt.forgotten() && !at_once) return go_on_stopping(of);
                of.stopped = true;
                of.gone_from_list = lists_begun_ + 1;  // not one that is under way
                version_.clear();
            });
    }
    if (!held.gone) return;
    auto cleared = std::make_shared<bool>(false);
    call(
        held,
        [cleared, ref, space = held.space](const Client& client) -> Status {
            WINDLASS_TRY(*cleared, client.clear(ref, space));
            return {};
        },
        [this, cleared](Held& of) {
            if (*cleared) return tell(of, clock_.now().steady);
            if (!of.stopped) return go_on_stopping(of);  // its lease was lost meanwhile
            of.gone = false;                             // a list later
            of.gone_from_list = lists_begun_ + 1;
            version_.clear();
        });
}

void KubernetesEngine::call(Held& held, std::function<Status(const Client&)> work, std::function<void(Held&)> done) {
    held.busy = true;
    held.again_at.reset();
    auto status = std::make_shared<Status>();
    background_([status, client = client_, work = std::move(work)] { *status = work(*client); },
                [this, status, ref = held.attempt.ref(), done = std::move(done)] {
                    Held& of = *held_.at(ref);
                    of.busy = false;
                    if (*status) return done(of);
                    ++failed_calls_;
                    log::write(log::Level::warning, {log::field::job(ref.job), log::field::attempt(ref)},
                               "attempt {}: {}; it is tried again", ref.text(), status->error().message);
                    of.again_at = clock_.now().steady + again_after;
                });
}

void KubernetesEngine::tell(Held& held, SteadyTime now) {
    const AttemptRef ref = held.attempt.ref();
    if (held.attempt.forgotten()) {
        held_.erase(ref);
        return;
    }
    BoxEnded over;
    over.outcome = held.end;
    AttemptResult result = held.attempt.ended(over, now);
    ++finished_[result.outcome.kind];
    held.attempt.standard_output.output.add(held.log);
    auto finished = make_finished(ref, std::move(result), held.attempt.standard_output.output,
                                  held.attempt.standard_error.output, {});
    held_.erase(ref);
    on_finished_(std::move(finished), now);
}

// ---- what pods do

void KubernetesEngine::follow() {
    following_ = true;
    const bool whole = version_.empty();
    lists_begun_ += whole ? 1 : 0;
    auto watched = std::make_shared<Result<Watched>>(Watched{});
    background_([watched, whole, client = client_,
                 version = version_] { *watched = whole ? client->list() : client->watch(version); },
                [this, watched, whole] { seen(*watched, whole, clock_.now().steady); });
}

void KubernetesEngine::seen(const Result<Watched>& watched, bool whole, SteadyTime now) {
    following_ = false;
    if (!watched) {
        ++failed_calls_;
        version_.clear();
        follow_at_ = now + again_after;
        if (std::exchange(complaint_, watched.error().message) != watched.error().message)
            log::warning("{}; what runs in Kubernetes runs on, and is asked for again", watched.error().message);
        return;
    }
    if (std::exchange(complaint_, std::nullopt)) log::info("the API server answers again");
    version_ = watched->version;
    follow_at_ = now + quick_look;
    for (const Pod& pod : watched->pods) on_pod(pod, now);
    if (whole) compare_with(watched->pods, now);
    const auto is_awaited = [](const auto& one) { return one.second->stopped && !one.second->gone; };
    if (std::ranges::any_of(held_, is_awaited)) {
        version_.clear();
        follow_at_ = now + gone_look;
    }
}

// All pods there are.
void KubernetesEngine::compare_with(const std::vector<Pod>& pods, SteadyTime now) {
    std::vector<AttemptRef> without;
    for (const auto& [ref, held] : held_)
        if (std::ranges::find(pods, ref, &Pod::ref) == pods.end()) without.push_back(ref);
    for (const AttemptRef ref : without) {
        Held& held = *held_.at(ref);
        if (held.stopped && lists_begun_ >= held.gone_from_list) {
            held.gone = true;
            go_on_stopping(held);
        } else if (held.pod) {
            Pod removed = *held.pod;
            removed.removed = true;
            on_pod(removed, now);
        }
    }
}

void KubernetesEngine::clear_former_life() {
    clearing_ = true;
    auto left = std::make_shared<Result<std::vector<Left>>>(std::vector<Left>{});
    background_([left, client = client_] { *left = client->left(); },
                [this, left] {
                    if (!*left) return former_life_is(left->error());
                    auto orphans = std::move(**left);
                    std::erase_if(orphans, [this](const Left& one) {
                        const Held* held = find(one.ref);
                        return held != nullptr && held->space == one.space;
                    });
                    auto status = std::make_shared<Status>();
                    background_([status, orphans = std::move(orphans),
                                 client = client_] { *status = remove_all(orphans, *client); },
                                [this, status] { former_life_is(std::move(*status)); });
                });
}

void KubernetesEngine::former_life_is(const Status& cleared) {
    clearing_ = false;
    cleared_ = cleared.ok();
    clear_at_ = clock_.now().steady + again_after;
    if (!cleared_)
        log::warning("what a former life left in Kubernetes is not removed yet: {}", cleared.error().message);
}

// ---- time

std::optional<SteadyTime> KubernetesEngine::stop_at(const Held& held) {
    return held.step == Step::stopping ? std::nullopt : held.attempt.stop_at();
}

std::vector<Engine::Watch> KubernetesEngine::watches() {
    return {{services_->fd(), [this](SteadyTime now) { on_services(services_->on_readable(now)); }}};
}

void KubernetesEngine::on_time(SteadyTime now) {
    if (adopted_until_ && now >= *adopted_until_) {
        log::warning("no scheduler has welcomed this worker in time: what a former life has in Kubernetes is removed");
        kill_all();
    }
    on_services(services_->on_time(now));
    if (!cleared_ && !clearing_ && now >= clear_at_) clear_former_life();
    std::vector<AttemptRef> refs;
    for (const auto& [ref, held] : held_) refs.push_back(ref);
    for (const AttemptRef ref : refs) {
        Held* held = find(ref);
        if (held == nullptr) continue;
        if (held->step == Step::launching && held->again_at && now >= *held->again_at) launch(*held);
        if (const auto at = stop_at(*held); at && now >= *at)
            stop(*held, OutcomeKind::out_of_time, held->attempt.why_late());
        held = find(ref);
        if (held != nullptr && held->again_at && now >= *held->again_at) go_on_stopping(*held);
    }
    if (!following_ && !held_.empty() && now >= follow_at_) follow();
}

std::optional<SteadyTime> KubernetesEngine::next() const {
    std::optional<SteadyTime> at = services_->next();
    earliest(at, adopted_until_);
    if (!cleared_ && !clearing_) earliest(at, clear_at_);
    for (const auto& [ref, held] : held_) {
        earliest(at, stop_at(*held));
        earliest(at, held->again_at);
    }
    if (!following_ && !held_.empty()) earliest(at, follow_at_);
    return at;
}

// ---- ends

bool KubernetesEngine::runs_nothing() const {
    return left_alone_ || std::ranges::all_of(held_, [](const auto& one) { return one.second->step == Step::up; });
}

void KubernetesEngine::kill_all() {
    adopted_until_.reset();
    std::vector<AttemptRef> refs;
    append_held(refs);
    for (const AttemptRef ref : refs) {
        Held* held = find(ref);
        if (held == nullptr) continue;
        held->attempt.forget(false);
        held->stopped = held->gone = false;  // once more, and at once
        stop(*held, OutcomeKind::worker_lost, {});
        go_on_stopping(*held);
    }
}

void KubernetesEngine::append_held(std::vector<AttemptRef>& refs) const {
    for (const auto& [ref, held] : held_)
        if (held->attempt.is_held()) refs.push_back(ref);
}

void KubernetesEngine::add_figures(figures::Families& families) const {
    constexpr std::array<const char*, 3> phases = {"launching", "up", "stopping"};
    families.push_back(attempts_by_phase(phases, held_, [](const auto& one) { return one.second->step; }));
    add_run_in_cluster(families, started_, finished_);
    families.push_back(figures::counter("windlass_worker_kubernetes_calls_failed_total",
                                        "Calls of the API server that gave no answer, or a refusal",
                                        static_cast<double>(failed_calls_)));
    add_offered_of_cluster(families, offer_);
}

namespace {

std::vector<Left> left_of_former_life(const Client& client, const Clock& clock) {
    const SteadyTime until = clock.now().steady + first_patience;
    while (true) {
        auto left = client.left();
        if (left) return std::move(left).value();
        log::warning("the API server does not say yet what a former life left: {}", left.error().message);
        if (clock.now().steady >= until) return {};  // all of it is removed when it answers
        std::this_thread::sleep_for(Milliseconds{500});
    }
}

}  // namespace

MakeEngine kubernetes_engine(EngineSettings settings, std::unique_ptr<Services> services, const Clock& clock) {
    auto shared_services = std::make_shared<std::unique_ptr<Services>>(std::move(services));
    return [settings, shared_services, &clock](Background background,
                                               Engine::OnFinished on_finished) -> std::unique_ptr<Engine> {
        auto stop = std::make_shared<std::atomic<bool>>(false);
        auto client = std::make_shared<const ApiServer>(settings.site, stop);
        auto left = left_of_former_life(*client, clock);
        return std::make_unique<KubernetesEngine>(settings, std::move(left), std::move(client), stop,
                                                  std::move(*shared_services), std::move(background), clock,
                                                  std::move(on_finished));
    };
}

}  // namespace windlass::worker::kubernetes
