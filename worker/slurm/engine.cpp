#include "worker/slurm/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "shared/log.h"
#include "worker/engine_figures.h"
#include "worker/sandbox/limit_words.h"
#include "worker/slurm/attempt_directory.h"

namespace windlass::worker::slurm {
namespace {

constexpr int most_submissions = 2;           // at the same time
constexpr Milliseconds cancel_pause{10'000};  // before scancel is said again of a job that is still there
constexpr Milliseconds submit_pause{5'000};   // before a submission that did not arrive is tried again
constexpr Milliseconds late_arrival{120'000};
constexpr int missing_is_gone = 3;
constexpr Milliseconds first_use{5'000};  // after the first start
// Of one stream at once, when the job is over: until no more comes.
constexpr std::size_t last_look_bytes = 4 << 20;

void earliest(std::optional<SteadyTime>& at, SteadyTime other) {
    if (!at || other < *at) at = other;
}

void write(log::Level level, AttemptRef ref, const std::string& text) {
    log::write(level, {log::field::job(ref.job), log::field::attempt(ref)}, "attempt {}: {}", ref.text(), text);
}

}  // namespace

SlurmEngine::Held::Held(Attempt taken, const std::map<OutputStream, std::vector<std::int64_t>>& cuts)
    : attempt(std::move(taken)),
      standard_output(attempt.limits().output_bytes, cuts.contains(OutputStream::standard_output)
                                                         ? cuts.at(OutputStream::standard_output)
                                                         : std::vector<std::int64_t>{}),
      standard_error(attempt.limits().output_bytes, cuts.contains(OutputStream::standard_error)
                                                        ? cuts.at(OutputStream::standard_error)
                                                        : std::vector<std::int64_t>{}) {}

SlurmEngine::SlurmEngine(EngineSettings settings, std::shared_ptr<const Client> client, Ledger ledger, BlobCache cache,
                         Background background, const Clock& clock, OnFinished on_finished)
    : settings_(std::move(settings)),
      offer_{settings_.cpu_millis, settings_.memory_bytes, {}, {}},
      client_(std::move(client)),
      ledger_(std::make_shared<const Ledger>(std::move(ledger))),
      background_(std::move(background)),
      clock_(clock),
      on_finished_(std::move(on_finished)),
      input_files_(std::move(cache)) {
    const Now now = clock_.now();
    for (auto& entry : ledger_->entries()) adopt(std::move(entry), now);
    if (!held_.empty()) {
        log::info("{} attempt(s) of a former life are in Slurm, or were about to be", held_.size());
        adopted_until_ = now.steady + settings_.adoption;
    }
    watch_until_ = now.steady + settings_.site.poll;  // once at least
}

void SlurmEngine::adopt(LedgerEntry entry, Now now) {
    const AttemptRef ref = entry.lease.attempt;
    auto attempt = Attempt::from_lease(std::move(entry.lease), {}, now);
    if (!attempt) return ledger_->remove(ref);
    auto held = std::make_unique<Held>(std::move(attempt).value(), entry.cuts);
    held->job = entry.job;
    held->step = entry.job ? Step::in_slurm : Step::unsure;
    held->unsure_since = now.steady;
    held->is_adopted = true;
    held_.emplace(ref, std::move(held));
}

// ---- what the scheduler says

Status SlurmEngine::lease(protocol::Lease lease, std::string body, SteadyTime now) {
    const AttemptRef ref = lease.attempt;
    if (held_.contains(ref)) return {};
    protocol::Lease kept = lease;
    WINDLASS_TRY(auto attempt, Attempt::from_lease(std::move(lease), std::move(body), {now, clock_.now().wall}));
    Held& held =
        *held_.emplace(ref, std::make_unique<Held>(std::move(attempt), decltype(LedgerEntry::cuts){})).first->second;
    held.lease = std::move(kept);
    const JobSpec& spec = held.attempt.spec();
    if (spec.service || !spec.image.empty() || !spec.datasets.empty()) {
        end_without_slurm(held, OutcomeKind::setup_failed,
                          "a worker with backend = slurm has no images, data sets and services", now);
        return {};
    }
    if (draining_) {
        if (connection_ != nullptr) connection_->send(protocol::AttemptReturned{ref});
        held_.erase(ref);
        return {};
    }
    if (spec.files.empty() || input_files_.want(ref, spec.files)) {
        prepare(held);
    } else {
        held.attempt.fetch();
        request_files();
    }
    return {};
}

void SlurmEngine::cancel(AttemptRef ref, SteadyTime now) {
    if (Held* held = find(ref)) stop(*held, OutcomeKind::cancelled, {}, now);
}

void SlurmEngine::revoke(AttemptRef ref) {
    Held* held = find(ref);
    if (held == nullptr) return;
    held->attempt.forget(true);
    if (held->step == Step::fetching || held->step == Step::told) return forget(ref);
    cancel_in_slurm(clock_.now().steady);
    ask_at_ = {};
}

void SlurmEngine::connected(wire::Connection& connection, SteadyTime) {
    connection_ = &connection;
    adopted_until_.reset();
    for (auto& [ref, held] : held_) {
        if (held->step != Step::in_slurm || !held->runs || held->attempt.forgotten()) continue;
        connection.send(protocol::AttemptStarted{ref});
        send_output(*held);
    }
    if (draining_) drain();
    request_files();
}

void SlurmEngine::disconnected() {
    connection_ = nullptr;
    // Also of those that are collecting: reading the rest of their output does not touch what was sent.
    input_files_.forget_requests();
    for (auto& [ref, held] : held_) {
        held->standard_output.output.connection_lost();
        held->standard_error.output.connection_lost();
    }
}

void SlurmEngine::result_is_safe(AttemptRef ref) {
    if (find(ref) != nullptr) forget(ref);
}

void SlurmEngine::request_files() {
    if (connection_ == nullptr) return;
    for (auto& sha256 : input_files_.next_requests()) connection_->send(protocol::FetchBlob{std::move(sha256)});
}

void SlurmEngine::blob_fetched(const protocol::BlobFetched& blob, std::string body, SteadyTime now) {
    std::string why = "the scheduler does not have it";
    if (blob.found) {
        if (const auto complete = input_files_.arrived(blob.sha256, std::move(body))) {
            for (const AttemptRef ref : *complete) prepare(*held_.at(ref));
            return request_files();
        } else {
            why = complete.error().message;
        }
    } else {
        input_files_.not_found(blob.sha256);
    }
    for (const AttemptRef ref : input_files_.waiting_for(blob.sha256))
        end_without_slurm(*held_.at(ref), OutcomeKind::setup_failed,
                          fmt::format("an input file (SHA-256 {}) did not come: {}", blob.sha256, why), now);
    request_files();
}

// ---- into Slurm

void SlurmEngine::prepare(Held& held) {
    const AttemptRef ref = held.attempt.ref();
    const bool has_files = !held.attempt.input_files().empty();
    held.step = Step::preparing;
    struct Work {
        protocol::Lease lease;
        std::vector<InputFiles::Source> sources;
        BoxSpec box;
        Status made;
        std::set<std::string> damaged;
    };
    auto work = std::make_shared<Work>();
    work->lease = *held.lease;
    if (has_files) work->sources = input_files_.sources(ref);
    work->box = held.box ? std::move(*held.box) : held.attempt.take_box_spec(false, {});
    held.box.reset();
    background_(
        [work, ref, site = settings_.site, ledger = ledger_] {
            auto content = InputFiles::read(work->sources);
            work->damaged = std::move(content.damaged);
            if (!work->damaged.empty()) return;
            work->box.files.merge(content.files);
            work->made = make_attempt_directory(site, ref, work->box);
            if (work->made) work->made = ledger->begin(work->lease);
            work->box = {};
        },
        [this, work, ref] {
            if (!work->damaged.empty()) held_.at(ref)->box = std::move(work->box);
            prepared(ref, std::move(work->made), work->damaged, clock_.now().steady);
        });
}

void SlurmEngine::prepared(AttemptRef ref, Status made, const std::set<std::string>& damaged, SteadyTime now) {
    Held& held = *held_.at(ref);
    if (held.attempt.forgotten()) return forget(ref);
    if (!damaged.empty()) {
        held.step = Step::fetching;
        if (input_files_.wait_again(ref, damaged)) return prepare(held);
        return request_files();
    }
    input_files_.drop(ref);
    held.lease.reset();
    if (!made) return end_without_slurm(held, OutcomeKind::setup_failed, made.error().message, now);
    if (held.attempt.blamed()) return end_without_slurm(held, OutcomeKind::cancelled, {}, now);
    held.step = Step::submitting;
    to_submit_.push_back(ref);
    submit_more();
}

void SlurmEngine::submit_more() {
    while (submitting_ < most_submissions && !to_submit_.empty()) {
        const AttemptRef ref = to_submit_.front();
        to_submit_.pop_front();
        ++submitting_;
        auto answer = std::make_shared<Result<SlurmJobId>>(SlurmJobId{0});
        // Its numbers alone: of its words there is nothing to be said to Slurm.
        JobSpec spec;
        spec.limits = held_.at(ref)->attempt.spec().limits;
        spec.timeout = held_.at(ref)->attempt.spec().timeout;
        spec.resources = held_.at(ref)->attempt.spec().resources;
        background_([answer, client = client_, ref, spec] { *answer = client->submit(ref, spec); },
                    [this, answer, ref] {
                        --submitting_;
                        submitted(ref, *answer, clock_.now().steady);
                        submit_more();
                    });
    }
}

void SlurmEngine::submitted(AttemptRef ref, const Result<SlurmJobId>& answer, SteadyTime now) {
    Held& held = *held_.at(ref);
    if (answer) {
        is_in_slurm(held, *answer);
        if (held.attempt.forgotten() || held.attempt.blamed()) cancel_in_slurm(now);
        return;
    }
    if (answer.error().kind == ErrorKind::unavailable) {
        ++failed_calls_;
        write(log::Level::warning, ref, "sbatch gave no answer (" + answer.error().message + "): Slurm is asked");
        held.step = Step::unsure;
        held.unsure_since = now;
        watch_until_ = std::max(watch_until_, now + late_arrival);
        return;
    }
    if (held.attempt.forgotten()) return forget(ref);
    end_without_slurm(held, OutcomeKind::setup_failed, "sbatch: " + answer.error().message, now);
}

void SlurmEngine::is_in_slurm(Held& held, SlurmJobId job) {
    held.step = Step::in_slurm;
    held.job = job;
    held.missing = 0;
    ledger_->submitted(held.attempt.ref(), job);
    write(log::Level::debug, held.attempt.ref(), fmt::format("is Slurm's job {}", job));
}

// ---- what Slurm does

bool SlurmEngine::is_watching() const {
    if (!strangers_.empty()) return true;
    return std::ranges::any_of(
        held_, [](const auto& one) { return one.second->step == Step::in_slurm || one.second->step == Step::unsure; });
}

void SlurmEngine::ask_slurm(SteadyTime now) {
    asking_ = true;
    ask_at_ = now + settings_.site.poll;
    auto answer = std::make_shared<Result<std::vector<QueuedJob>>>(std::vector<QueuedJob>{});
    background_([answer, client = client_] { *answer = client->queue(); },
                [this, answer, now] { slurm_answered(*answer, now, clock_.now().steady); });
}

void SlurmEngine::slurm_answered(const Result<std::vector<QueuedJob>>& jobs, SteadyTime asked_at, SteadyTime now) {
    asking_ = false;
    if (!jobs) {
        ++failed_calls_;
        if (std::exchange(complaint_, jobs.error().message) != jobs.error().message)
            log::warning("{}; what is in Slurm runs on, and is asked for again", jobs.error().message);
        return;
    }
    if (std::exchange(complaint_, std::nullopt)) log::info("Slurm answers again");
    std::unordered_map<AttemptRef, std::vector<const QueuedJob*>> named;
    for (const QueuedJob& job : *jobs) named[job.ref].push_back(&job);
    std::vector<AttemptRef> refs;
    for (const auto& [ref, held] : held_) refs.push_back(ref);
    for (const AttemptRef ref : refs) {
        Held* held = find(ref);
        if (held == nullptr) continue;
        if (held->step == Step::unsure && held->unsure_since < asked_at) {
            settle_unsure(*held, named[ref], now);
        } else if (held->step == Step::in_slurm && !held->end) {
            const auto& all = named[ref];
            const auto job = std::ranges::find(all, *held->job, &QueuedJob::id);
            if (job != all.end()) {
                follow(*held, **job, now);
            } else if (++held->missing >= missing_is_gone) {
                watch_until_ = now + late_arrival;
                follow(*held, QueuedJob{*held->job, ref, "UNKNOWN", {}, 0, {}, {}}, now);
            }
        }
    }
    strangers_.clear();
    for (const QueuedJob& job : *jobs) {
        if (job.phase() == QueuedJob::Phase::over) continue;
        const Held* held = find(job.ref);
        const bool is_wanted = held != nullptr && (held->job ? *held->job == job.id : held->step < Step::in_slurm);
        if (!is_wanted) strangers_.insert(job.id);
    }
    cancel_in_slurm(now);
}

// sbatch gave no answer, or a former life ended before it came.
void SlurmEngine::settle_unsure(Held& held, const std::vector<const QueuedJob*>& named, SteadyTime now) {
    const AttemptRef ref = held.attempt.ref();
    if (!named.empty()) {
        const auto first = std::ranges::min_element(named, {}, &QueuedJob::id);
        is_in_slurm(held, (*first)->id);
        return follow(held, **first, now);
    }
    if (held.attempt.forgotten()) return forget(ref);
    if (held.attempt.blamed()) return end_without_slurm(held, OutcomeKind::cancelled, {}, now);
    if (now < held.unsure_since + submit_pause) return;
    held.step = Step::submitting;
    to_submit_.push_back(ref);
    submit_more();
}

void SlurmEngine::follow(Held& held, const QueuedJob& job, SteadyTime now) {
    held.missing = 0;
    const auto phase = job.phase();
    if (job.never_starts())
        return stop(held, OutcomeKind::setup_failed, fmt::format("Slurm would never start it: {}", job.reason), now);
    // One that was cancelled in the queue has a start, too: its end.
    const bool never_ran = job.state == "CANCELLED" && job.started == job.ended;
    if (phase != QueuedJob::Phase::waiting && !held.runs && job.started && !never_ran) {
        held.runs = true;
        ++started_;
        auto ago = std::max(clock_.now().wall - *job.started, Microseconds{0});
        // Whatever the controller's clock says: it did not start before we had it.
        if (!held.is_adopted) ago = std::min(ago, now - held.attempt.arrived());
        held.attempt.started(now - ago);
        held.samples.emplace(settings_.sample_interval, now - ago);
        if (!use_at_ && use_failures_ < most_use_failures) use_at_ = now + first_use;
        if (connection_ != nullptr && !held.attempt.forgotten())
            connection_->send(protocol::AttemptStarted{held.attempt.ref()});
    }
    if (phase != QueuedJob::Phase::over) return;
    held.end = job;
    if (!held.looking) begin_end(held);
}

// ---- the end of an attempt

void SlurmEngine::stop(Held& held, OutcomeKind kind, std::string detail, SteadyTime now) {
    if (held.step >= Step::collecting || held.end) return;  // it has ended by itself
    if (held.step == Step::fetching) return end_without_slurm(held, kind, std::move(detail), now);
    held.attempt.blame(kind, std::move(detail));
    if (held.step == Step::in_slurm) cancel_in_slurm(now);
}

// Everything that is not to run, by one call; again after a while, until squeue says that it is over.
void SlurmEngine::cancel_in_slurm(SteadyTime now) {
    if (cancelling_) return;
    std::vector<SlurmJobId> gently, at_once;
    for (auto& [ref, held] : held_) {
        if (held->step != Step::in_slurm || held->end) continue;
        if (!held->attempt.blamed() && !held->attempt.forgotten()) continue;
        if (held->stopped_at && now < *held->stopped_at + cancel_pause) continue;
        held->stopped_at = now;
        (held->attempt.forgotten() ? at_once : gently).push_back(*held->job);
    }
    if (!strangers_.empty() && (!strangers_cancelled_at_ || now >= *strangers_cancelled_at_ + cancel_pause)) {
        strangers_cancelled_at_ = now;
        at_once.insert(at_once.end(), strangers_.begin(), strangers_.end());
    }
    if (gently.empty() && at_once.empty()) return;
    cancelling_ = true;
    auto failed = std::make_shared<Status>();
    background_(
        [failed, client = client_, gently, at_once] {
            if (!at_once.empty()) *failed = client->cancel(at_once, true);
            if (gently.empty()) return;
            if (auto status = client->cancel(gently, false); !status) *failed = std::move(status);
        },
        [this, failed] {
            cancelling_ = false;
            ask_at_ = {};  // most are over now
            const SteadyTime then = clock_.now().steady;
            if (!*failed) {
                ++failed_calls_;
                log::warning("jobs in Slurm could not be cancelled yet: {}", failed->error().message);
            } else {
                cancel_in_slurm(then);  // what came meanwhile
            }
        });
}

void SlurmEngine::begin_end(Held& held) {
    const AttemptRef ref = held.attempt.ref();
    if (held.attempt.forgotten()) return forget(ref);
    held.step = Step::collecting;
    const QueuedJob job = *held.end;
    auto files = std::make_shared<CollectedFiles>();
    struct Rest {
        Printed* printed;
        OutputStream stream;
    };
    // The output first, in pieces, so that no more of a flood is held than is kept. What is added here is nobody
    // else's while the step is collecting.
    std::array<Rest, 2> rests = {Rest{&held.standard_output, OutputStream::standard_output},
                                 Rest{&held.standard_error, OutputStream::standard_error}};
    background_(
        [files, rests, ref, site = settings_.site, limits = settings_.collect, beside = held.attempt.beside()] {
            for (const Rest& rest : rests) {
                while (!rest.printed->output.flooded()) {
                    const auto bytes = read_output(site, ref, rest.stream, rest.printed->offset(), last_look_bytes);
                    if (bytes.empty()) break;
                    rest.printed->add(bytes);
                }
                rest.printed->ended();
            }
            *files = collect_work(site, ref, limits, beside);
        },
        [this, files, ref, job] { ended(ref, job, *files, clock_.now().steady); });
}

void SlurmEngine::ended(AttemptRef ref, const QueuedJob& job, const CollectedFiles& files, SteadyTime now) {
    Held& held = *held_.at(ref);
    if (held.attempt.forgotten()) return forget(ref);
    BoxEnded over;
    over.outcome = job.outcome(held.attempt.limits());
    over.usage = held.usage;
    if (job.started && job.ended) over.usage.wall = std::max<Microseconds>(*job.ended - *job.started, Microseconds{0});
    AttemptResult result = held.attempt.ended(over, now);
    result.files = files.files;
    result.files_truncated = files.truncated;
    result.value_json = files.value_json;
    tell(held, std::move(result), files.bytes, now);
}

void SlurmEngine::end_without_slurm(Held& held, OutcomeKind kind, std::string detail, SteadyTime now) {
    held.attempt.blame(kind, std::move(detail));
    BoxEnded over;
    over.outcome = {kind, 0, 0, {}};
    AttemptResult result = held.attempt.ended(over, now);
    tell(held, std::move(result), {}, now);
}

void SlurmEngine::tell(Held& held, AttemptResult result, std::string_view file_bytes, SteadyTime now) {
    ++finished_[result.outcome.kind];
    input_files_.drop(held.attempt.ref());
    held.step = Step::told;
    record_cuts(held);
    on_finished_(make_finished(held.attempt.ref(), std::move(result), held.standard_output.output,
                               held.standard_error.output, file_bytes),
                 now);
}

// With all it left. A job of it in Slurm that is not over is a stranger from here on.
void SlurmEngine::forget(AttemptRef ref) {
    input_files_.drop(ref);
    held_.erase(ref);
    background_(
        [site = settings_.site, ledger = ledger_, ref] {
            remove_attempt_directory(site, ref);
            ledger->remove(ref);
        },
        [] {});
}

// ---- time

void SlurmEngine::on_time(SteadyTime now) {
    if (adopted_until_ && now >= *adopted_until_) {
        log::warning("no scheduler has welcomed this worker in time: what a former life has in Slurm is cancelled");
        kill_all();
    }
    std::vector<Held*> late;
    for (auto& [ref, held] : held_)
        if (const auto at = held->attempt.stop_at(); at && now >= *at) late.push_back(held.get());
    for (Held* held : late) stop(*held, OutcomeKind::out_of_time, held->attempt.why_late(), now);
    if (!asking_ && now >= ask_at_ && (is_watching() || ask_at_ < watch_until_)) ask_slurm(now);
    if (!looking_ && now >= look_at_) look_at_output(now);
    if (!measuring_ && now >= measure_at_) measure_disks(now);
    if (!asking_for_use_ && use_at_ && now >= *use_at_) ask_for_use(now);
}

std::optional<SteadyTime> SlurmEngine::next() const {
    std::optional<SteadyTime> at = adopted_until_;
    bool runs = false;
    for (const auto& [ref, held] : held_) {
        runs = runs || (held->step == Step::in_slurm && held->runs && !held->end);
        if (held->step >= Step::collecting || held->end) continue;
        if (const auto stop_at = held->attempt.stop_at()) earliest(at, *stop_at);
    }
    if (!asking_ && (is_watching() || ask_at_ < watch_until_)) earliest(at, ask_at_);
    if (runs && !looking_) earliest(at, look_at_);
    if (runs && !measuring_) earliest(at, measure_at_);
    if (use_at_ && !asking_for_use_) earliest(at, *use_at_);
    return at;
}

// ---- ends

void SlurmEngine::drain() {
    draining_ = true;
    std::vector<AttemptRef> back;
    for (const auto& [ref, held] : held_)
        if (held->step == Step::fetching) back.push_back(ref);
    for (const AttemptRef ref : back) {
        if (connection_ == nullptr) return;
        connection_->send(protocol::AttemptReturned{ref});
        input_files_.drop(ref);
        held_.erase(ref);
    }
}

void SlurmEngine::kill_all() {
    adopted_until_.reset();
    std::vector<AttemptRef> unstarted;
    for (auto& [ref, held] : held_) {
        // What has ended and is only being collected, or offered, can run beside no other attempt.
        if (held->step >= Step::collecting || held->end) continue;
        held->attempt.forget(false);
        if (held->step == Step::fetching) unstarted.push_back(ref);
    }
    for (const AttemptRef ref : unstarted) forget(ref);
    cancel_in_slurm(clock_.now().steady);
}

bool SlurmEngine::runs_nothing() const {
    return std::ranges::none_of(held_, [](const auto& one) {
        const Step step = one.second->step;
        return step == Step::preparing || step == Step::submitting || step == Step::collecting;
    });
}

void SlurmEngine::append_held(std::vector<AttemptRef>& refs) const {
    for (const auto& [ref, held] : held_)
        if (held->step != Step::told && held->attempt.is_held()) refs.push_back(ref);
}

void SlurmEngine::add_figures(figures::Families& families) const {
    constexpr std::array<const char*, 7> phases = {"fetching", "preparing",  "submitting", "unsure",
                                                   "in_slurm", "collecting", "told"};
    families.push_back(attempts_by_phase(phases, held_, [](const auto& one) { return one.second->step; }));
    add_run_in_cluster(families, started_, finished_);
    families.push_back(figures::counter("windlass_worker_slurm_calls_failed_total",
                                        "Calls of Slurm's programs that gave no answer",
                                        static_cast<double>(failed_calls_)));
    add_offered_of_cluster(families, offer_);
}

SlurmEngine::Held* SlurmEngine::find(AttemptRef ref) {
    const auto place = held_.find(ref);
    return place == held_.end() ? nullptr : place->second.get();
}

Result<MakeEngine> slurm_engine(EngineSettings settings, Ledger ledger, BlobCache cache, const Clock& clock) {
    settings.site.identity = ledger.identity();
    WINDLASS_TRY_STATUS(make_site_directory(settings.site));
    auto client = std::make_shared<const Programs>(settings.site);
    // Said at the start, not by every job.
    if (const auto answer = client->queue(); !answer)
        log::warning("Slurm does not answer yet: {}", answer.error().message);
    struct Parts {
        Ledger ledger;
        BlobCache cache;
    };
    auto parts = std::make_shared<Parts>(Parts{std::move(ledger), std::move(cache)});
    return MakeEngine([settings, client, parts, &clock](Background background, Engine::OnFinished on_finished) {
        return std::make_unique<SlurmEngine>(settings, client, std::move(parts->ledger), std::move(parts->cache),
                                             std::move(background), clock, std::move(on_finished));
    });
}

}  // namespace windlass::worker::slurm
