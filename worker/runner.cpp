#include "worker/runner.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <utility>

#include "shared/log.h"
#include "worker/sandbox/limit_words.h"

namespace windlass::worker {
namespace {

// While others wait for its place, a pipe is watched only when its job has lived this long: then most short jobs never
// cost an epoll_ctl or a wake-up, as the pipe holds what they print until they end. A job that prints more than the
// pipe holds waits this long at most, once.
constexpr Milliseconds watch_after{20};
// How long live output waits when the scheduler reads slowly.
constexpr Milliseconds pause{100};
// The scheduler reads slowly: live output waits, results first.
constexpr std::size_t max_unsent_bytes = 8 << 20;
constexpr std::size_t read_bytes = 64 * 1024;
// Input files of so many bytes together are read and hashed on the spot: a millisecond or so.
constexpr std::int64_t read_at_once_bytes = 512 << 10;

void earliest(std::optional<SteadyTime>& at, std::optional<SteadyTime> other) {
    if (other && (!at || *other < *at)) at = other;
}

std::uint64_t token(BoxId box, OutputStream stream) {
    return box * 2 + (stream == OutputStream::standard_error ? 1 : 0);
}

}  // namespace

Runner::Runner(RunnerSettings settings, Sandbox& sandbox, BlobCache cache, Background background, const Clock& clock,
               OnFinished on_finished)
    : settings_(std::move(settings)),
      sandbox_(sandbox),
      background_(std::move(background)),
      clock_(clock),
      on_finished_(std::move(on_finished)),
      slots_(settings_.cpu_millis, settings_.memory_bytes, settings_.boxes),
      sampling_(settings_.sampling, sandbox, background_, clock),
      input_files_(std::move(cache)),
      read_buffer_(read_bytes, '\0') {
    withhold({.cpu_millis = 0, .memory_bytes = 0}, 1);
    for (auto& inherited : sandbox_.take_inherited()) adopt(std::move(inherited));
}

std::string Runner::why_less() const {
    if (withheld_ == Withheld{}) return {};
    return fmt::format("{} box(es) do not end: this worker offers {} of {} cores now", sandbox_.stuck_boxes(),
                       static_cast<double>(offer_.cpu_millis) / 1000, static_cast<double>(settings_.cpu_millis) / 1000);
}

void Runner::withhold(const Limits& limits, int sign) {
    withheld_.cpu_millis += sign * limits.cpu_millis;
    withheld_.memory_bytes += sign * limits.memory_bytes;
    offer_.cpu_millis = settings_.cpu_millis - withheld_.cpu_millis;
    offer_.memory_bytes = settings_.memory_bytes - withheld_.memory_bytes;
}

std::map<std::string, std::string> Runner::labels() const {
    if (services_ == nullptr) return {};
    return {{"service", "http"}};
}

std::vector<Engine::Watch> Runner::watches() {
    std::vector<Watch> all = {{sandbox_.fd(), [this](SteadyTime now) { on_sandbox_readable(now); }},
                              {pipes_.fd(), [this](SteadyTime now) { on_pipes_readable(now); }}};
    if (services_ != nullptr) all.push_back({services_->fd(), [this](SteadyTime now) { on_services_readable(now); }});
    return all;
}

// ---- what the scheduler says
// ------------------------------------------------------------------------------------------

Status Runner::lease(protocol::Lease lease, std::string body, SteadyTime now) {
    const AttemptRef ref = lease.attempt;
    if (attempts_.contains(ref)) return {};  // said twice: we have it
    WINDLASS_TRY(auto taken, Attempt::from_lease(std::move(lease), std::move(body), {now, clock_.now().wall}));
    auto& place = attempts_[ref];
    place = std::make_unique<Attempt>(std::move(taken));
    Attempt& attempt = *place;
    if (const auto deadline = attempt.deadline()) deadlines_.emplace(*deadline, ref);
    if (attempt.input_files().empty() || input_files_.want(ref, attempt.input_files())) {
        wait_in_line(attempt);
    } else {
        attempt.fetch();
        fetching_.insert(ref);
    }
    if (draining_) {
        return_all_unstarted();
    } else {
        end_late_unstarted(now);
        request_files();
        start_waiting(now);
    }
    return {};
}

void Runner::cancel(AttemptRef ref, SteadyTime now) {
    const auto place = attempts_.find(ref);
    if (place == attempts_.end()) return;
    Attempt& attempt = *place->second;
    if (!attempt.left_the_line()) {
        end_unstarted(attempt, OutcomeKind::cancelled, "before it was started", now);
        request_files();
        return start_waiting(now);
    }
    // While its files are collected it is too late: it has ended by itself.
    if (attempt.phase() != Attempt::Phase::collecting) stop(attempt, OutcomeKind::cancelled, "", settings_.kill_grace);
}

void Runner::revoke(AttemptRef ref) {
    const auto place = attempts_.find(ref);
    if (place == attempts_.end()) return;
    Attempt& attempt = *place->second;
    attempt.forget(true);
    sampling_.forget(ref);
    if (!attempt.left_the_line()) {
        leave_line(attempt);
        attempts_.erase(place);
        request_files();
    } else if (attempt.phase() != Attempt::Phase::collecting) {
        sandbox_.stop(attempt.box(), Milliseconds{0});
    }
}

void Runner::connected(wire::Connection& connection, SteadyTime now) {
    connection_ = &connection;
    sampling_.connected(connection);
    for (auto& [box, attempt] : by_box_) {
        if (attempt->phase() != Attempt::Phase::running || attempt->forgotten()) continue;
        connection.send(protocol::AttemptStarted{attempt->ref()});
        tell_ready(*attempt);
        send_output(*attempt, now);
    }
    if (draining_) return_all_unstarted();
    request_files();
}

void Runner::disconnected() {
    connection_ = nullptr;
    sampling_.disconnected();
    input_files_.forget_requests();
    for (auto& [ref, attempt] : attempts_) {
        attempt->standard_output.output.connection_lost();
        attempt->standard_error.output.connection_lost();
        attempt->flush_at.reset();
    }
}

// ---- input files
// ------------------------------------------------------------------------------------------------------

void Runner::request_files() {
    if (connection_ == nullptr) return;
    for (auto& sha256 : input_files_.next_requests()) connection_->send(protocol::FetchBlob{std::move(sha256)});
}

void Runner::blob_fetched(const protocol::BlobFetched& blob, std::string body, SteadyTime now) {
    std::string why = "the scheduler does not have it";
    if (blob.found) {
        log::debug("fetched the input file {} ({} bytes)", blob.sha256, body.size());
        const auto complete = input_files_.arrived(blob.sha256, std::move(body));
        if (complete) {
            for (const AttemptRef ref : *complete) {
                Attempt& attempt = *attempts_.at(ref);
                attempt.fetched(now);
                fetching_.erase(ref);
                wait_in_line(attempt);
            }
            request_files();
            return start_waiting(now);
        }
        why = complete.error().message;
    } else {
        input_files_.not_found(blob.sha256);
    }
    for (const AttemptRef ref : input_files_.waiting_for(blob.sha256)) {
        Attempt& attempt = *attempts_.at(ref);
        const auto& files = attempt.input_files();
        const auto file = std::ranges::find(files, blob.sha256, [](const auto& one) { return one.second; });
        end_unstarted(attempt, OutcomeKind::setup_failed,
                      fmt::format("the input file {} (SHA-256 {}) did not come: {}", file->first, blob.sha256, why),
                      now);
    }
    request_files();
    start_waiting(now);
}

void Runner::read_files(Attempt& attempt, SteadyTime now) {
    const std::int64_t size = input_files_.size_bytes(attempt.ref(), Attempt::page_bytes);
    if (auto fault = attempt.does_not_fit(size); !fault.empty()) {
        end_unstarted(attempt, OutcomeKind::out_of_disk, std::move(fault), now);
        return request_files();
    }
    attempt.read();
    reading_.insert(attempt.ref());
    slots_.take(attempt.limits());
    const auto sources = input_files_.sources(attempt.ref());
    if (size <= read_at_once_bytes) return files_read(attempt.ref(), attempt.limits(), InputFiles::read(sources), now);
    const auto content = std::make_shared<InputFiles::Content>();
    background_([content, sources] { *content = InputFiles::read(sources); },
                [this, content, ref = attempt.ref(), limits = attempt.limits()] {
                    const SteadyTime then = clock_.now().steady;
                    files_read(ref, limits, std::move(*content), then);
                    start_waiting(then);
                });
}

void Runner::files_read(AttemptRef ref, const Limits& limits, InputFiles::Content content, SteadyTime now) {
    slots_.give_back(limits);
    if (reading_.erase(ref) == 0) return;  // cancelled, revoked or too late meanwhile
    Attempt& attempt = *attempts_.at(ref);
    const bool complete = content.damaged.empty() || input_files_.wait_again(ref, content.damaged);
    if (content.damaged.empty() && !draining_) {
        launch(attempt, std::move(content.files), now);
    } else if (complete) {
        attempt.fetched(now);
        wait_in_line(attempt);
    } else {
        attempt.fetch();
        fetching_.insert(ref);
    }
    request_files();
}

// ---- the line
// ---------------------------------------------------------------------------------------------------------

void Runner::wait_in_line(Attempt& attempt) {
    waiting_.push_back(&attempt);
}

// Out of whatever it waits in.
void Runner::leave_line(Attempt& attempt) {
    if (attempt.phase() == Attempt::Phase::fetching)
        fetching_.erase(attempt.ref());
    else if (attempt.phase() == Attempt::Phase::reading)
        reading_.erase(attempt.ref());
    else if (const auto place = std::ranges::find(waiting_, &attempt); place != waiting_.end())
        waiting_.erase(place);
    if (const auto deadline = attempt.deadline()) deadlines_.erase({*deadline, attempt.ref()});
    input_files_.drop(attempt.ref());
}

void Runner::end_unstarted(Attempt& attempt, OutcomeKind kind, std::string detail, SteadyTime now) {
    leave_line(attempt);
    AttemptResult result;
    result.outcome = {kind, 0, 0, std::move(detail)};
    finish(attempt, std::move(result), {}, now);
}

void Runner::end_late_unstarted(SteadyTime now) {
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        Attempt& attempt = *attempts_.at(deadlines_.begin()->second);
        end_unstarted(attempt, OutcomeKind::out_of_time, attempt.why_late(), now);
    }
}

// ---- boxes
// ------------------------------------------------------------------------------------------------------------

void Runner::start_waiting(SteadyTime now) {
    // Strictly in the order of arrival, even if a smaller one behind would fit: a large one would else never be
    // started.
    while (!draining_ && !waiting_.empty() && slots_.fits(waiting_.front()->limits())) {
        Attempt& attempt = *waiting_.front();
        waiting_.pop_front();
        start(attempt, now);
    }
}

void Runner::start(Attempt& attempt, SteadyTime now) {
    if (attempt.input_files().empty())
        launch(attempt, {}, now);
    else
        read_files(attempt, now);
}

Result<BoxSpec> Runner::box_of(Attempt& attempt, std::map<std::string, std::string> files) const {
    BoxSpec box = attempt.take_box_spec(settings_.without_shell, std::move(files));
    if (sandbox_.outlives()) box.record = attempt.record();
    if (attempt.image().empty() && attempt.datasets().empty()) return box;
    if (settings_.site == nullptr) return make_error(ErrorKind::not_found, "this worker has no images and data sets");
    WINDLASS_TRY(attempt.image_in_use, settings_.site->fit_out(attempt.image(), attempt.datasets(), box));
    return box;
}

void Runner::launch(Attempt& attempt, std::map<std::string, std::string> files, SteadyTime now) {
    leave_line(attempt);
    auto box = box_of(attempt, std::move(files));
    const auto launched = box ? sandbox_.start(*box) : Result<Sandbox::Launched>(box.error());
    if (!launched) {
        AttemptResult result;
        // An image without anything to run is nobody else's fault: no other worker would do better.
        if (!box && box.error().kind == ErrorKind::invalid)
            result.outcome = {OutcomeKind::exited, 127, 0, box.error().message};
        else
            result.outcome = {OutcomeKind::setup_failed, 0, 0, launched.error().message};
        return finish(attempt, std::move(result), {}, now);
    }
    attempt.launched(*launched);
    slots_.take(attempt.limits());
    by_box_.emplace(launched->box, &attempt);
}

void Runner::on_sandbox_readable(SteadyTime now) {
    for (const BoxEvent& event : sandbox_.take_events()) {
        if (const auto* started = std::get_if<BoxStarted>(&event))
            box_started(*started);
        else if (const auto* stuck = std::get_if<BoxStuck>(&event))
            box_stuck(*stuck, now);
        else
            box_ended(std::get<BoxEnded>(event), now);
    }
    start_waiting(now);
}

void Runner::box_started(const BoxStarted& event) {
    Attempt* attempt = in_box(event.box);
    if (attempt == nullptr) return;
    attempt->started(event.at);
    publish_service(*attempt, event.at);
    ++started_;
    tell_traced(*attempt, "started");
    if (!attempt->forgotten()) sampling_.started(attempt->ref(), event.box, event.at);
    if (waiting_.empty())
        watch_pipes(*attempt);
    else if (!watch_at_)
        watch_at_ = event.at + watch_after;
    if (connection_ != nullptr && !attempt->forgotten()) connection_->send(protocol::AttemptStarted{attempt->ref()});
}

void Runner::box_ended(const BoxEnded& event, SteadyTime now) {
    Attempt* attempt = in_box(event.box);
    if (attempt == nullptr) {  // not ours; but the descriptor is
        const FileDescriptor orphan(event.work_directory_fd);
        sandbox_.forget(event.box);
        if (const auto late = stuck_.find(event.box); late != stuck_.end()) {
            slots_.give_back(late->second);
            withhold(late->second, -1);
            stuck_.erase(late);
            log::info("a box that was stuck has ended after all; its slot is in use again");
        }
        return;
    }
    by_box_.erase(event.box);
    withdraw_service(*attempt);
    read_to_the_end(*attempt);
    sampling_.ended(attempt->ref(), event.usage, event.work_directory_fd);
    collect(*attempt, attempt->ended(event, now), event.work_directory_fd, now);
}

// Nobody writes any more, so this ends. End-of-file would prove nothing and is not waited for.
void Runner::read_to_the_end(Attempt& attempt) {
    for (auto* pipe : {&attempt.standard_output, &attempt.standard_error}) {
        while (pipe->fd && read_once(*pipe)) {
        }
        close_pipe(*pipe);
    }
}

// The attempt is over for everybody but the kernel: nothing of it will run again. What it holds stays taken.
void Runner::box_stuck(const BoxStuck& event, SteadyTime now) {
    Attempt* attempt = in_box(event.box);
    if (attempt == nullptr) return;
    log::write(log::Level::error, {log::field::job(attempt->ref().job), log::field::attempt(attempt->ref())},
               "attempt {}: {}; its slot is lost until it does", attempt->ref().text(), event.why);
    stuck_.emplace(event.box, attempt->limits());
    withhold(attempt->limits(), 1);
    by_box_.erase(event.box);
    withdraw_service(*attempt);
    sampling_.forget(attempt->ref());
    read_to_the_end(*attempt);
    BoxEnded over;
    over.box = event.box;
    over.outcome = {OutcomeKind::worker_lost, 0, 0, event.why};
    AttemptResult result = attempt->ended(over, now);
    if (attempt->forgotten()) {
        attempts_.erase(attempt->ref());
        return;
    }
    finish(*attempt, std::move(result), {}, now);
}

void Runner::collect(Attempt& attempt, AttemptResult result, int work_directory_fd, SteadyTime now) {
    if (work_directory_fd < 0 || leaves_nothing(work_directory_fd, attempt.beside())) {
        const FileDescriptor work_directory(work_directory_fd);
        return retire(attempt, std::move(result), {}, now);
    }
    // Reading and hashing megabytes, and freeing them, takes long: elsewhere. The slot stays taken meanwhile, because
    // the files still use the memory that was promised to this attempt.
    const auto files = std::make_shared<CollectedFiles>();
    const bool wanted = !attempt.forgotten();
    background_(
        [files, wanted, work_directory_fd, limits = settings_.collect, beside = attempt.beside()] {
            const FileDescriptor work_directory(work_directory_fd);
            if (wanted) *files = collect_files(work_directory_fd, limits, beside);
        },
        [this, &attempt, files, moved = std::make_shared<AttemptResult>(std::move(result))] {
            const SteadyTime then = clock_.now().steady;
            retire(attempt, std::move(*moved), *files, then);
            start_waiting(then);
        });
}

void Runner::retire(Attempt& attempt, AttemptResult result, const CollectedFiles& files, SteadyTime now) {
    slots_.give_back(attempt.limits());
    if (attempt.forgotten()) {
        sandbox_.forget(attempt.box());
        attempts_.erase(attempt.ref());
        return;
    }
    result.files = files.files;
    result.files_truncated = files.truncated;
    result.value_json = files.value_json;
    finish(attempt, std::move(result), files.bytes, now);
}

void Runner::finish(Attempt& attempt, AttemptResult result, std::string_view file_bytes, SteadyTime now) {
    ++finished_[result.outcome.kind];
    if (attempt.phase() == Attempt::Phase::collecting) ran_.observe(result.usage.wall);
    tell_traced(attempt, name(result.outcome.kind));
    auto finished = make_finished(attempt.ref(), std::move(result), attempt.standard_output.output,
                                  attempt.standard_error.output, file_bytes);
    // A box that is stuck is forgotten when it ends after all: until then a next life has to know that it is there.
    const BoxId done_with =
        attempt.phase() == Attempt::Phase::collecting && !stuck_.contains(attempt.box()) ? attempt.box() : BoxId{0};
    attempts_.erase(attempt.ref());
    on_finished_(std::move(finished), now);
    sandbox_.forget(done_with);
}

void Runner::stop(Attempt& attempt, OutcomeKind cause, std::string detail, Milliseconds grace) {
    if (attempt.blame(cause, std::move(detail)))
        sandbox_.add_to_record(attempt.box(), Attempt::record_cause, attempt.cause_in_record());
    sandbox_.stop(attempt.box(), grace);
}

// ---- output
// -----------------------------------------------------------------------------------------------------------

void Runner::watch_pipes(Attempt& attempt) {
    const auto watch = [&](Attempt::Pipe& pipe, OutputStream stream) {
        if (!pipe.fd || pipe.watched || pipe.output.flooded()) return;
        const auto added = pipes_.add(pipe.fd.get(), token(attempt.box(), stream));
        if (!added)
            log::write(log::Level::warning, {log::field::job(attempt.ref().job), log::field::attempt(attempt.ref())},
                       "attempt {}: {}", attempt.ref().text(), added.error().message);
        pipe.watched = added.ok();
    };
    watch(attempt.standard_output, OutputStream::standard_output);
    watch(attempt.standard_error, OutputStream::standard_error);
}

void Runner::on_pipes_readable(SteadyTime now) {
    for (const std::uint64_t ready : pipes_.ready()) {
        Attempt* attempt = in_box(ready / 2);
        if (attempt != nullptr)
            read_some(*attempt, ready % 2 == 0 ? attempt->standard_output : attempt->standard_error, now);
    }
}

// One read per pipe and turn: a job that floods gets no more of our time than one that whispers.
void Runner::read_some(Attempt& attempt, Attempt::Pipe& pipe, SteadyTime now) {
    if (!pipe.fd) return;
    if (!read_once(pipe) && !pipe.fd) return;
    if (pipe.output.flooded()) {
        // Not read any more: it blocks on the full pipe until it is killed.
        if (pipe.watched) pipes_.remove(pipe.fd.get());
        pipe.watched = false;
        return stop(attempt, OutcomeKind::output_limit,
                    fmt::format("it printed 16 times its limit of {} (limits.output_bytes)",
                                size_in_words(attempt.limits().output_bytes)),
                    Milliseconds{0});
    }
    if (attempt.forgotten() || connection_ == nullptr) return;
    if (pipe.output.has_whole_chunk()) return send_output(attempt, now);
    if (pipe.output.uncut_bytes() == 0) return;
    const SteadyTime due = attempt.pace.due(now);
    if (due <= now) return send_output(attempt, now);
    if (!attempt.flush_at) attempt.flush_at = due;
}

// True: there may be more. False: empty for now, or at its end, and then it is closed.
bool Runner::read_once(Attempt::Pipe& pipe) {
    const ssize_t got = take_from(pipe);
    if (got > 0) {
        pipe.output.add({read_buffer_.data(), static_cast<std::size_t>(got)});
        return true;
    }
    if (got < 0 && errno == EINTR) return true;
    if (got == 0 || errno != EAGAIN) close_pipe(pipe);
    return false;
}

void Runner::close_pipe(Attempt::Pipe& pipe) {
    if (pipe.watched) pipes_.remove(pipe.fd.get());
    pipe.watched = false;
    pipe.fd.reset();
}

void Runner::send_output(Attempt& attempt, SteadyTime now) {
    attempt.flush_at.reset();
    if (connection_ == nullptr) return;
    attempt.pace.sent(now);
    bool all_sent = true;
    const auto send = [&](OutputCollector& output, OutputStream stream) {
        if (output.uncut_bytes() > 0) {  // written down first: a chunk once sent never changes
            sandbox_.add_to_record(
                attempt.box(),
                stream == OutputStream::standard_output ? Attempt::record_cut : Attempt::record_cut_error,
                std::to_string(output.kept_bytes()));
            output.cut();
        }
        while (output.has_whole_chunk()) {
            if (connection_->unsent_bytes() > max_unsent_bytes) {
                all_sent = false;
                return;
            }
            const auto chunk = output.next_unsent();
            connection_->send(protocol::AttemptOutput{attempt.ref(), stream, chunk->offset}, chunk->bytes);
        }
    };
    send(attempt.standard_output.output, OutputStream::standard_output);
    send(attempt.standard_error.output, OutputStream::standard_error);
    if (!all_sent) attempt.flush_at = now + pause;
}

// ---- services
// ---------------------------------------------------------------------------------------------------------

void Runner::publish_service(const Attempt& attempt, SteadyTime now) {
    if (attempt.service() && services_ != nullptr)
        services_->add(attempt.ref(), attempt.box(), *attempt.service(), now);
}

void Runner::withdraw_service(const Attempt& attempt) {
    if (attempt.service() && services_ != nullptr) services_->remove(attempt.ref());
}

void Runner::on_services_readable(SteadyTime now) {
    on_services(services_->on_readable(now), now);
}

void Runner::on_services(const std::vector<Services::Event>& events, SteadyTime now) {
    for (const Services::Event& event : events) {
        const auto place = attempts_.find(event.attempt);
        if (place == attempts_.end() || place->second->phase() != Attempt::Phase::running) continue;
        Attempt& attempt = *place->second;
        if (event.kind == Services::Event::Kind::idle) {
            stop(attempt, OutcomeKind::cancelled,
                 fmt::format("nobody used its service for {}", seconds_in_words(attempt.service()->idle)),
                 settings_.kill_grace);
            continue;
        }
        attempt.service_ready = now;
        tell_ready(attempt);
    }
}

void Runner::tell_ready(const Attempt& attempt) {
    if (connection_ != nullptr && attempt.service_ready && !attempt.forgotten())
        connection_->send(protocol::AttemptReady{attempt.ref(), services_->address()});
}

// ---- time
// -------------------------------------------------------------------------------------------------------------

void Runner::on_time(SteadyTime now) {
    if (std::exchange(adopted_, false)) on_sandbox_readable(now);
    if (watch_at_ && now >= *watch_at_) {
        watch_at_.reset();
        for (auto& [box, attempt] : by_box_)
            if (attempt->phase() == Attempt::Phase::running) watch_pipes(*attempt);
    }
    for (auto& [box, attempt] : by_box_) {
        if (const auto stop_at = attempt->stop_at(); stop_at && now >= *stop_at)
            stop(*attempt, OutcomeKind::out_of_time, attempt->why_late(), settings_.kill_grace);
        if (const auto check_at = attempt->next_cpu_check(); check_at && now >= *check_at)
            check_cpu_time(*attempt, now);
        if (attempt->flush_at && now >= *attempt->flush_at) send_output(*attempt, now);
    }
    if (services_ != nullptr) on_services(services_->on_time(now), now);
    if (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        end_late_unstarted(now);
        request_files();
        start_waiting(now);
    }
    return_waiting(now - settings_.longest_wait);
    sampling_.on_time(now);
}

void Runner::check_cpu_time(Attempt& attempt, SteadyTime now) {
    const auto used = sandbox_.cpu_used(attempt.box());
    if (attempt.cpu_time_is_spent(used, now))
        stop(attempt, OutcomeKind::out_of_time, cpu_time_reached(attempt.limits(), *used), settings_.kill_grace);
}

std::optional<SteadyTime> Runner::next() const {
    std::optional<SteadyTime> at = watch_at_;
    if (adopted_) earliest(at, SteadyTime{});
    earliest(at, sampling_.next());
    for (const auto& [box, attempt] : by_box_) {
        earliest(at, attempt->stop_at());
        earliest(at, attempt->next_cpu_check());
        earliest(at, attempt->flush_at);
    }
    if (connection_ != nullptr && !waiting_.empty()) earliest(at, waiting_.front()->arrived() + settings_.longest_wait);
    if (!deadlines_.empty()) earliest(at, deadlines_.begin()->first);
    if (services_ != nullptr) earliest(at, services_->next());
    return at;
}

// ---- ends
// -------------------------------------------------------------------------------------------------------------

// Only with a connection: an attempt that is not named as held any more counts as lost, one that is handed back does
// not.
void Runner::give_back(Attempt& attempt) {
    const AttemptRef ref = attempt.ref();
    leave_line(attempt);
    attempts_.erase(ref);
    connection_->send(protocol::AttemptReturned{ref});
}

void Runner::return_waiting(SteadyTime arrived_until) {
    bool returned = false;
    while (connection_ != nullptr && !waiting_.empty() && waiting_.front()->arrived() <= arrived_until) {
        give_back(*waiting_.front());
        returned = true;
    }
    if (returned) request_files();
}

void Runner::return_all_unstarted() {
    if (connection_ == nullptr) return;
    while (!waiting_.empty()) give_back(*waiting_.front());
    while (!fetching_.empty()) give_back(*attempts_.at(*fetching_.begin()));
    while (!reading_.empty()) give_back(*attempts_.at(*reading_.begin()));
}

void Runner::drain() {
    draining_ = true;
    return_all_unstarted();
}

void Runner::stop_all(const std::string& why) {
    for (auto& [box, attempt] : by_box_) stop(*attempt, OutcomeKind::worker_lost, why, settings_.kill_grace);
}

void Runner::kill_all() {
    for (const auto& [box, attempt] : by_box_) withdraw_service(*attempt);
    const auto drop = [this](Attempt& attempt) {
        const AttemptRef ref = attempt.ref();
        leave_line(attempt);
        attempts_.erase(ref);
    };
    while (!waiting_.empty()) drop(*waiting_.front());
    while (!fetching_.empty()) drop(*attempts_.at(*fetching_.begin()));
    while (!reading_.empty()) drop(*attempts_.at(*reading_.begin()));
    for (auto& [box, attempt] : by_box_) {
        attempt->forget(false);
        sampling_.forget(attempt->ref());
        sandbox_.stop(box, Milliseconds{0});
    }
}

void Runner::append_held(std::vector<AttemptRef>& refs) const {
    for (const auto& [ref, attempt] : attempts_)
        if (attempt->is_held()) refs.push_back(ref);
}

// Somebody follows this trace through all daemons; of the others a line each would be thousands a second.
void Runner::tell_traced(const Attempt& attempt, std::string_view what) {
    const auto level = attempt.traceparent().empty() ? log::Level::debug : log::Level::info;
    log::write(level,
               {log::field::job(attempt.ref().job), log::field::attempt(attempt.ref()),
                log::field::traceparent(attempt.traceparent())},
               "attempt {}: {}", attempt.ref().text(), what);
}

Attempt* Runner::in_box(BoxId box) {
    const auto place = by_box_.find(box);
    return place == by_box_.end() ? nullptr : place->second;
}

}  // namespace windlass::worker
