#include "worker/attempt.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "shared/trace_context.h"
#include "worker/sandbox/limit_words.h"
#include "worker/simple_command.h"

namespace windlass::worker {
namespace {

constexpr char record_lease = 'l';

std::int64_t in_pages(std::int64_t bytes) {
    return (bytes + Attempt::page_bytes - 1) / Attempt::page_bytes * Attempt::page_bytes;
}

}  // namespace

Result<Attempt> Attempt::from_lease(protocol::Lease lease, std::string body, Now now) {
    const auto size = static_cast<std::int64_t>(body.size());
    if (lease.code_size < 0 || lease.data_size < 0 || lease.code_size > size ||
        lease.data_size != size - lease.code_size)
        return make_error(ErrorKind::invalid,
                          fmt::format("the lease of {} promises {} + {} bytes and brings {}", lease.attempt.text(),
                                      lease.code_size, lease.data_size, size));
    return Attempt(std::move(lease), std::move(body), now);
}

Attempt::Attempt(protocol::Lease lease, std::string body, Now now)
    : standard_output(lease.spec.limits.output_bytes),
      standard_error(lease.spec.limits.output_bytes),
      ref_(lease.attempt),
      spec_(std::move(lease.spec)),
      body_(std::move(body)),
      code_size_(static_cast<std::size_t>(lease.code_size)),
      arrived_(now.steady),
      cpu_budget_(spec_.limits.cpu_time, static_cast<int>(std::min<long>(sysconf(_SC_NPROCESSORS_ONLN),
                                                                         std::max(spec_.limits.processes, 1)))) {
    if (spec_.deadline) deadline_ = now.steady + (*spec_.deadline - now.wall);
}

// Code and data, commands and environment are in the box by then: take_box_spec() has taken them.
std::string Attempt::record() const {
    return record_entry(record_lease, protocol::encode(protocol::Lease{ref_, spec_, 0, 0}));
}

Result<Attempt> Attempt::from_record(const std::vector<RecordEntry>& record, Now now) {
    std::optional<protocol::Lease> lease;
    std::optional<Outcome> cause;
    for (const RecordEntry& entry : record) {
        if (entry.kind == record_lease) {
            WINDLASS_TRY(auto message, protocol::decode(entry.text));
            if (auto* found = std::get_if<protocol::Lease>(&message)) lease = std::move(*found);
        } else if (entry.kind == record_cause && !cause) {
            const std::size_t space = entry.text.find(' ');
            const auto kind = outcome_named(entry.text.substr(0, space));
            if (kind && space != std::string::npos) cause = Outcome{*kind, 0, 0, entry.text.substr(space + 1)};
        }
    }
    if (!lease) return make_error(ErrorKind::invalid, "the record of a box names no attempt");
    Attempt attempt(std::move(*lease), "", now);
    attempt.phase_ = Phase::starting;
    attempt.cause_ = std::move(cause);
    return attempt;
}

std::string Attempt::cause_in_record() const {
    return cause_ ? fmt::format("{} {}", name(cause_->kind), cause_->detail) : std::string();
}

void Attempt::fetched(SteadyTime now) {
    phase_ = Phase::waiting;
    arrived_ = now;
}

std::string Attempt::does_not_fit(std::int64_t files_bytes) const {
    const std::int64_t code_and_data = in_pages(static_cast<std::int64_t>(code_size_)) +
                                       in_pages(static_cast<std::int64_t>(body_.size() - code_size_));
    const std::int64_t all = files_bytes + code_and_data;
    if (all <= spec_.limits.disk_bytes) return {};
    return fmt::format("code, data and its input files take {} bytes, more than its limit of {} (limits.disk_bytes)",
                       all, size_in_words(spec_.limits.disk_bytes));
}

BoxSpec Attempt::take_box_spec(bool without_shell, std::map<std::string, std::string> files) {
    phase_ = Phase::starting;
    BoxSpec box;
    box.name = ref_.text();
    if (without_shell)
        box.first_choice = simple_command(spec_.running_commands, spec_.env).value_or(std::vector<std::string>{});
    box.argv = {"/bin/sh", "-c", std::move(spec_.running_commands)};
    box.env = std::move(spec_.env);
    box.env["WINDLASS_JOB_ID"] = ref_.job.text();
    box.env["WINDLASS_ATTEMPT"] = std::to_string(ref_.attempt);
    if (!spec_.traceparent.empty()) box.env.emplace(traceparent_variable, spec_.traceparent);
    box.files = std::move(files);
    box.files["data"] = body_.substr(code_size_);
    body_.resize(code_size_);
    box.files["code"] = std::move(body_);
    box.limits = spec_.limits;
    box.network = spec_.service ? Network::service : spec_.network;
    return box;
}

CollectBeside Attempt::beside() const {
    CollectBeside beside;
    if (spec_.outputs.empty()) return beside;
    beside.patterns = spec_.outputs;
    beside.not_its_own = {"code", "data"};
    for (const auto& [path, sha256] : spec_.files) beside.not_its_own.insert(path);
    return beside;
}

void Attempt::launched(const Sandbox::Launched& launched) {
    box_ = launched.box;
    standard_output.fd.reset(launched.stdout_fd);
    standard_error.fd.reset(launched.stderr_fd);
    standard_output.file = launched.stdout_file;
    standard_error.file = launched.stderr_file;
}

void Attempt::started(SteadyTime at) {
    phase_ = Phase::running;
    started_ = at;
    cpu_budget_.started(at);
}

std::optional<SteadyTime> Attempt::stop_at() const {
    if (phase_ == Phase::collecting || blamed() || forgotten_) return std::nullopt;
    if (!started_) return deadline_;
    const SteadyTime timeout = *started_ + spec_.timeout;
    return deadline_ ? std::min(*deadline_, timeout) : timeout;
}

std::string Attempt::why_late() const {
    if (deadline_ && stop_at() == deadline_)
        return fmt::format("its deadline {:%FT%TZ} passed", std::chrono::floor<Seconds>(*spec_.deadline));
    return fmt::format("it reached its timeout of {}", seconds_in_words(spec_.timeout));
}

std::optional<SteadyTime> Attempt::next_cpu_check() const {
    if (phase_ != Phase::running || blamed() || forgotten_) return std::nullopt;
    return cpu_budget_.check_at();
}

bool Attempt::cpu_time_is_spent(std::optional<Microseconds> used, SteadyTime now) {
    if (!used) cpu_budget_.over();
    return used && cpu_budget_.reached(*used, now);
}

bool Attempt::blame(OutcomeKind kind, std::string detail) {
    if (cause_) return false;
    cause_ = Outcome{kind, 0, 0, std::move(detail)};
    return true;
}

void Attempt::forget(bool revoked) {
    forgotten_ = true;
    revoked_ = revoked_ || revoked;
}

AttemptResult Attempt::ended(const BoxEnded& ended, SteadyTime now) {
    phase_ = Phase::collecting;
    flush_at.reset();
    AttemptResult result;
    result.outcome = cause_ ? *cause_ : ended.outcome;
    if (!cause_ && ended.first_choice_signal > 0) {
        auto told = signal_as_a_shell_tells(ended.first_choice_signal);
        standard_error.output.add(told.message);
        if (result.outcome.kind == OutcomeKind::signalled)
            result.outcome = {OutcomeKind::exited, told.exit_code, 0, std::move(result.outcome.detail)};
    }
    if (result.outcome.kind == OutcomeKind::out_of_time && !ended.waited.empty())
        result.outcome.detail += "; " + ended.waited;
    result.usage = ended.usage;
    if (result.usage.wall == Microseconds{} && started_) result.usage.wall = now - *started_;
    return result;
}

}  // namespace windlass::worker
