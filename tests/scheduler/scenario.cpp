#include "tests/scheduler/scenario.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>

namespace windlass::scheduler {

namespace {

std::string argument(const std::map<std::string, std::string>& arguments, const std::string& key,
                     const std::string& otherwise) {
    const auto found = arguments.find(key);
    return found == arguments.end() ? otherwise : found->second;
}

std::string needed(const std::map<std::string, std::string>& arguments, const std::string& key) {
    const auto found = arguments.find(key);
    if (found == arguments.end()) throw std::invalid_argument("\"" + key + "\" is missing");
    return found->second;
}

std::int64_t number(const std::string& text) {
    return std::stoll(text);
}

Microseconds duration(const std::string& text) {
    std::size_t used = 0;
    const double value = std::stod(text, &used);
    const std::string unit = text.substr(used);
    const double scale = unit == "us" ? 1 : unit == "ms" ? 1e3 : unit == "s" ? 1e6 : unit == "h" ? 3600e6 : 0;
    if (scale == 0) throw std::invalid_argument("a time needs us, ms, s or h: " + text);
    return Microseconds{std::llround(value * scale)};
}

AttemptRef attempt(const std::string& text) {
    const std::size_t dot = text.find('.');
    if (dot == std::string::npos) throw std::invalid_argument("an attempt is written job.attempt: " + text);
    return {JobId{number(text.substr(0, dot))}, static_cast<AttemptNumber>(number(text.substr(dot + 1)))};
}

std::vector<AttemptRef> attempts(const std::string& text) {
    std::vector<AttemptRef> refs;
    std::istringstream words(text);
    for (std::string word; std::getline(words, word, ',');) refs.push_back(attempt(word));
    return refs;
}

// "a:b,c:d"
std::vector<std::pair<std::string, std::string>> pairs(const std::string& text) {
    std::vector<std::pair<std::string, std::string>> found;
    std::istringstream words(text);
    for (std::string word; std::getline(words, word, ',');) {
        const std::size_t colon = word.rfind(':');  // "image:tiny:present" is the label image:tiny
        if (colon == std::string::npos) throw std::invalid_argument("a pair is written a:b: " + word);
        found.emplace_back(word.substr(0, colon), word.substr(colon + 1));
    }
    return found;
}

std::vector<std::int64_t> numbers(const std::string& text) {
    std::vector<std::int64_t> found;
    std::istringstream words(text);
    for (std::string word; std::getline(words, word, ',');) found.push_back(number(word));
    return found;
}

Need need(const std::map<std::string, std::string>& arguments) {
    Need need;
    need.cpu_millis = static_cast<std::int32_t>(std::lround(std::stod(argument(arguments, "cpu", "1")) * 1000));
    need.memory_bytes =
        static_cast<std::int64_t>(std::stod(argument(arguments, "memory", "1")) * static_cast<double>(gibibyte));
    for (const auto& [resource, count] : pairs(argument(arguments, "resources", "")))
        need.resources[resource] = number(count);
    for (const auto& [label, value] : pairs(argument(arguments, "labels", ""))) need.labels[label] = value;
    return need;
}

DependencyCondition condition(const std::string& text) {
    if (text == "ok") return DependencyCondition::ok;
    if (text == "any") return DependencyCondition::any;
    if (text == "failed") return DependencyCondition::failed;
    throw std::invalid_argument("a condition is ok, any or failed: " + text);
}

std::string text_of_seconds(Microseconds time) {
    std::ostringstream out;
    out << static_cast<double>(time.count()) / 1e6 << "s";
    return out.str();
}

std::string seconds(SteadyTime at) {
    return text_of_seconds(at.time_since_epoch());
}

std::string text(const StateRow& row) {
    std::ostringstream out;
    out << name(row.state) << "." << row.attempt << " #" << row.event_seq;
    if (row.array) out << " array=" << row.array.value;
    if (row.failures > 0) out << " failures=" << row.failures;
    if (row.losses > 0) out << " losses=" << row.losses;
    if (row.worker) out << " worker=" << row.worker.value;
    if (row.cancel_requested) out << " cancel_requested";
    if (row.started) out << " started=" << static_cast<double>(to_unix_us(*row.started)) / 1e6 << "s";
    if (row.finished) out << " finished=" << static_cast<double>(to_unix_us(*row.finished)) / 1e6 << "s";
    return out.str();
}

std::string at_worker(WorkerId worker) {
    return worker ? " worker=" + worker.text() : "";
}
std::string quoted(const std::string& detail) {
    return detail.empty() ? "" : " \"" + detail + "\"";
}

struct Describe {
    std::string operator()(const InsertJob& e) const { return "insert " + e.job.text() + ": " + text(e.row); }
    std::string operator()(const InsertMember& e) const { return "member " + e.job.text() + ": " + text(e.row); }
    std::string operator()(const ChangeArray& e) const {
        std::string line = "array " + e.job.text() + ": next " + std::to_string(e.row.next_member) + " of " +
                           std::to_string(e.row.count);
        const std::string members = count_members(e.row);
        return members.empty() ? line : line + ", " + members;
    }
    std::string operator()(const StoreQueue& e) const {
        std::ostringstream out;
        out << "queue " << e.config.name << ": weight=" << e.config.weight;
        if (e.config.max_running) out << " max_running=" << *e.config.max_running;
        if (e.config.held) out << " held";
        return out.str();
    }
    std::string operator()(const DropQueue& e) const { return "drop queue " + e.name; }
    std::string operator()(const StoreDraining& e) const {
        return "worker " + e.worker.text() + (e.draining ? ": draining" : ": not draining");
    }
    std::string operator()(const AddUsage& e) const {
        return "usage user=" + e.user.text() + " day=" + std::to_string(e.day) + " cpu=" + text_of_seconds(e.cpu);
    }
    std::string operator()(const ChangeState& e) const {
        return "change " + e.job.text() + ": " + std::string(name(e.from_state)) + "." +
               std::to_string(e.from_attempt) + " -> " + text(e.row);
    }
    std::string operator()(const RecordEvent& e) const {
        return "event " + e.job.text() + "#" + std::to_string(e.seq) + " " + std::string(name(e.move)) + ": " +
               std::string(name(e.state)) + "." + std::to_string(e.attempt) + at_worker(e.worker) + quoted(e.detail);
    }
    std::string operator()(const AcceptResult& e) const { return "accept " + e.attempt.text() + at_worker(e.worker); }
    std::string operator()(const RecordLoss& e) const {
        return "loss " + e.attempt.text() + at_worker(e.worker) + quoted(e.detail);
    }
    std::string operator()(const SendLease& e) const { return to(e.worker) + "lease " + e.attempt.text(); }
    std::string operator()(const SendCancel& e) const { return to(e.worker) + "cancel " + e.attempt.text(); }
    std::string operator()(const SendRevoke& e) const { return to(e.worker) + "revoke " + e.attempt.text(); }
    std::string operator()(const AcknowledgeFinish& e) const {
        return to(e.worker) + (e.accepted ? "accepted " : "not accepted ") + e.attempt.text();
    }
    std::string operator()(const AnswerRenewal& e) const {
        std::string kept;
        for (const AttemptRef& ref : e.kept) kept += " " + ref.text();
        return to(e.worker) + "renewed" + (kept.empty() ? " nothing" : kept);
    }
    std::string operator()(const AnswerSubmit& e) const {
        std::string ids;
        for (const JobId id : e.jobs) ids += " " + id.text();
        return "-> client: submitted" + (ids.empty() ? " nothing" : ids);
    }
    std::string operator()(const RefuseSubmit& e) const {
        constexpr const char* words[] = {"queued quota", "cpu quota", "no such queue"};
        std::string line = std::string("-> client: refused, ") + words[static_cast<int>(e.why)] + quoted(e.detail);
        return e.retry_after > Milliseconds{0} ? line + " again after " + text_of_seconds(e.retry_after) : line;
    }
    std::string operator()(const AnswerCancel& e) const {
        constexpr const char* words[] = {"cancelled", "cancel requested", "not active"};
        std::string line = "-> client:";
        for (const CancelAnswer answer : e.answers)
            line += (line.back() == ':' ? " " : ", ") + std::string(words[static_cast<int>(answer)]);
        return line;
    }
    std::string operator()(const AnswerOperator& e) const {
        return "-> operator: " + (e.refused.empty() ? "done" : e.refused);
    }
    std::string operator()(const JobEnded& e) const {
        return "-> waiters: " + e.job.text() + " " + std::string(name(e.state));
    }
    std::string operator()(const MembersEnded& e) const {
        return "-> waiters: what of " + e.array.text() + " had not started " + std::string(name(e.state));
    }
    std::string operator()(const ArmTimer& e) const { return "timer at " + seconds(e.at); }

    static std::string to(WorkerId worker) { return "-> worker " + worker.text() + ": "; }
};

}  // namespace

std::vector<ScenarioStep> parse_scenario(const std::string& text) {
    std::vector<ScenarioStep> steps;
    std::istringstream lines(text);
    ScenarioStep step;
    bool in_expected = false;
    int count = 0;
    const auto close = [&] {
        if (!step.command.empty()) steps.push_back(std::exchange(step, {}));
        in_expected = false;
    };
    for (std::string line; std::getline(lines, line);) {
        ++count;
        if (in_expected && !line.empty())
            step.expected.push_back(line);
        else if (line.empty())
            close();
        else if (line[0] == '#')
            step.comments.push_back(line);
        else if (line == "----")
            in_expected = true;
        else {
            step.command = line;
            step.line = count;
        }
    }
    close();
    return steps;
}

std::string render_scenario(const std::vector<ScenarioStep>& steps) {
    std::string text;
    for (const ScenarioStep& step : steps) {
        if (!text.empty()) text += "\n";
        for (const std::string& comment : step.comments) text += comment + "\n";
        text += step.command + "\n----\n";
        for (const std::string& line : step.expected) text += line + "\n";
    }
    return text;
}

Scenario::Scenario() {
    settings_.first_job_id = JobId{1};
    queue_ = std::make_unique<Queue>(settings_);
}

Submit Scenario::submit(const Arguments& arguments) {
    NewJob job;
    job.owner = UserId{number(needed(arguments, "user"))};
    job.priority = static_cast<std::int16_t>(number(argument(arguments, "priority", "0")));
    job.max_attempts = static_cast<std::int32_t>(number(argument(arguments, "attempts", "1")));
    job.need = need(arguments);
    job.queue = argument(arguments, "queue", "default");
    job.array.count = number(argument(arguments, "array", "0"));
    if (arguments.contains("max_fails")) job.array.max_fails = number(arguments.at("max_fails"));
    for (const auto& [how, other] : pairs(argument(arguments, "after", ""))) {
        Dependency after{.job = JobId{number(other)}, .condition = condition(how)};
        const auto row = store_.rows().find(after.job);
        if (row != store_.rows().end() && is_final(row->second.state)) after.ended = row->second.state;
        job.after.push_back(after);
    }
    const auto moment = [&](const char* key) -> std::optional<WallTime> {
        if (!arguments.contains(key)) return std::nullopt;
        return WallTime{duration(arguments.at(key))};
    };
    job.rules.not_before = moment("not_before");
    job.rules.deadline = moment("deadline");
    job.rules.retry_delay =
        std::chrono::duration_cast<Milliseconds>(duration(argument(arguments, "retry_delay", "0s")));
    if (arguments.contains("retry_exit") || arguments.contains("retry_signal") || arguments.contains("retry_timeout")) {
        RetryOn rule;
        for (const std::int64_t code : numbers(argument(arguments, "retry_exit", "")))
            rule.exit_codes.push_back(static_cast<std::int32_t>(code));
        for (const std::int64_t signal : numbers(argument(arguments, "retry_signal", "")))
            rule.signals.push_back(static_cast<std::int32_t>(signal));
        rule.timeout = arguments.contains("retry_timeout");
        job.rules.retry_on = rule;
    }
    Submit submit{RequestId{++last_request_.value}, {}, quotas_[job.owner]};
    submit.jobs.assign(static_cast<std::size_t>(number(argument(arguments, "count", "1"))), job);
    if (arguments.contains("chain"))
        for (std::size_t index = 1; index < submit.jobs.size(); ++index)
            submit.jobs[index].after.push_back(
                {.index = index - 1, .condition = condition(arguments.at("chain")), .ended = std::nullopt});
    return submit;
}

Event Scenario::event(const std::string& verb, const Arguments& arguments) {
    const auto worker = [&] { return WorkerId{number(needed(arguments, "worker"))}; };
    const auto subject = [&] { return attempt(needed(arguments, "")); };
    const auto request = [&] { return RequestId{++last_request_.value}; };
    const auto optional = [&](const char* key) -> std::optional<std::int64_t> {
        if (!arguments.contains(key)) return std::nullopt;
        return number(arguments.at(key));
    };
    if (verb == "submit") {
        Submit all = submit(arguments);
        store_.submitted(all);
        return all;
    }
    if (verb == "cancel") {
        CancelJobs cancel{request(), {}, argument(arguments, "reason", "")};
        for (const std::int64_t id : numbers(needed(arguments, ""))) cancel.jobs.emplace_back(JobId{id});
        return cancel;
    }
    if (verb == "quota") {
        const UserId user{number(needed(arguments, "user"))};
        Quota quota{.queued = optional("queued"), .running = optional("running")};
        if (arguments.contains("cpu")) quota.cpu_per_day = duration(arguments.at("cpu"));
        quotas_[user] = quota;
        store_.quota(user, quota);
        return SetQuota{user, quota};
    }
    if (verb == "configure") {
        QueueConfig config;
        config.name = needed(arguments, "queue");
        config.weight = std::stod(argument(arguments, "weight", "1"));
        config.max_running = optional("max_running");
        config.held = argument(arguments, "held", "0") == "1";
        return ConfigureQueue{request(), config};
    }
    if (verb == "remove") return RemoveQueue{request(), needed(arguments, "queue")};
    if (verb == "take") return DrainWorker{request(), worker(), true};
    if (verb == "resume") return DrainWorker{request(), worker(), false};
    if (verb == "forget") return ForgetWorker{request(), worker()};
    if (verb == "join") {
        const Need all = need(arguments);
        return WorkerJoined{worker(),
                            {.cpu_millis = all.cpu_millis,
                             .memory_bytes = all.memory_bytes,
                             .prefetch = static_cast<std::int32_t>(number(argument(arguments, "prefetch", "0"))),
                             .resources = all.resources,
                             .labels = all.labels},
                            attempts(argument(arguments, "held", ""))};
    }
    if (verb == "leave") return WorkerLeft{worker()};
    if (verb == "drain") return WorkerDraining{worker()};
    if (verb == "renew") return LeasesRenewed{worker(), attempts(argument(arguments, "held", ""))};
    if (verb == "start") return AttemptStarted{worker(), subject()};
    if (verb == "return") return AttemptReturned{worker(), subject()};
    if (verb == "finish") {
        const auto outcome = outcome_named(argument(arguments, "outcome", "exited"));
        if (!outcome) throw std::invalid_argument("no outcome is called so");
        return AttemptFinished{worker(),
                               subject(),
                               *outcome,
                               static_cast<std::int32_t>(number(argument(arguments, "exit", "0"))),
                               static_cast<std::int32_t>(number(argument(arguments, "signal", "0"))),
                               duration(argument(arguments, "wall", "1s"))};
    }
    if (verb == "tick") return TimePassed{};
    throw std::invalid_argument("no command is called so: " + verb);
}

std::vector<std::string> Scenario::carry_out(const Effects& effects) {
    std::vector<std::string> lines;
    for (const Effect& effect : effects) {
        store_.apply(effect);
        lines.push_back(std::visit(Describe{}, effect));
    }
    std::string why;
    if (!queue_->check_invariants(&why)) throw std::logic_error(why);
    return lines;
}

std::vector<std::string> Scenario::restart() {
    queue_ = std::make_unique<Queue>(settings_);
    return carry_out(queue_->restore(store_.load(), now_));
}

std::vector<std::string> Scenario::pass(Microseconds length) {
    std::vector<std::string> lines;
    const SteadyTime end = now_.steady + length;
    for (auto next = queue_->next_timer(); next && *next <= end; next = queue_->next_timer()) {
        const Microseconds step = std::max(*next - now_.steady, Microseconds{0});
        now_.steady += step;
        now_.wall += step;
        lines.push_back("at " + seconds(now_.steady) + ":");
        for (std::string& line : carry_out(queue_->on(TimePassed{}, now_))) lines.push_back(std::move(line));
    }
    now_.wall += end - now_.steady;
    now_.steady = end;
    return lines;
}

std::vector<std::string> Scenario::explain(JobId job) const {
    const Explanation why = queue_->explain(job);
    std::string facts = std::string(name(why.reason));
    if (why.own_jobs_ahead > 0) facts += " own=" + std::to_string(why.own_jobs_ahead);
    if (why.users_ahead > 0) facts += " users=" + std::to_string(why.users_ahead);
    for (const JobId other : why.waits_for) facts += " waits_for=" + other.text();
    if (why.not_before) facts += " not_before=" + text_of_seconds(why.not_before->time_since_epoch());
    if (why.estimated_start) facts += " estimate=" + text_of_seconds(why.estimated_start->time_since_epoch());
    return {why.text, facts};
}

std::vector<std::string> Scenario::list_workers() const {
    std::vector<std::string> lines;
    for (const WorkerView& view : queue_->list_workers()) {
        std::string line = "worker " + view.worker.text() + ": cpu " + std::to_string(view.cpu_millis_used) + " of " +
                           std::to_string(view.capacity.cpu_millis);
        if (!view.connected) line += " away";
        if (view.draining) line += " draining";
        for (const AttemptRef& ref : view.attempts) line += " " + ref.text();
        lines.push_back(line);
    }
    return lines;
}

std::vector<std::string> Scenario::list_queues() const {
    std::vector<std::string> lines;
    for (const QueueView& view : queue_->list_queues())
        lines.push_back(Describe{}(StoreQueue{view.config}) + " queued=" + std::to_string(view.queued) +
                        " running=" + std::to_string(view.running));
    return lines;
}

void Scenario::change_settings(const Arguments& arguments) {
    const auto change = [&](const char* key, Milliseconds& setting) {
        if (arguments.contains(key)) setting = std::chrono::duration_cast<Milliseconds>(duration(arguments.at(key)));
    };
    settings_.crash_limit = static_cast<std::int16_t>(number(argument(arguments, "crash_limit", "5")));
    change("ttl", settings_.lease_ttl);
    change("grace", settings_.lease_grace);
    change("half_life", settings_.fair_share_half_life);
    change("retry_delay", settings_.retry_delay);
    change("longest_retry_delay", settings_.longest_retry_delay);
    change("reserve_after", settings_.reserve_after);
    queue_ = std::make_unique<Queue>(settings_);
}

std::vector<std::string> Scenario::run(const std::string& command) {
    std::istringstream words(command);
    std::string verb;
    words >> verb;
    Arguments arguments;
    for (std::string word; words >> word;) {
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos)
            arguments[""] = word;
        else
            arguments[word.substr(0, equals)] = word.substr(equals + 1);
    }
    if (verb == "settings") {
        change_settings(arguments);
        return {};
    }
    if (verb == "wait") {
        const Microseconds length = duration(needed(arguments, ""));
        now_.steady += length;
        now_.wall += length;
        return {};
    }
    if (verb == "pass") return pass(duration(needed(arguments, "")));
    if (verb == "restart") return restart();
    if (verb == "explain") return explain(JobId{number(needed(arguments, ""))});
    if (verb == "workers") return list_workers();
    if (verb == "queues") return list_queues();
    if (verb == "counts") {
        const Queue::Counts counts = queue_->counts();
        return {"blocked=" + std::to_string(counts.blocked) + " queued=" + std::to_string(counts.queued) +
                " starting=" + std::to_string(counts.starting) + " running=" + std::to_string(counts.running) +
                " workers=" + std::to_string(counts.workers_connected)};
    }
    return carry_out(queue_->on(event(verb, arguments), now_));
}

}  // namespace windlass::scheduler
