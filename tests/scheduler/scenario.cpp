#include "tests/scheduler/scenario.h"

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

Need need(const std::map<std::string, std::string>& arguments) {
    return {static_cast<std::int32_t>(std::lround(std::stod(argument(arguments, "cpu", "1")) * 1000)),
            static_cast<std::int64_t>(std::stod(argument(arguments, "memory", "1")) * static_cast<double>(gibibyte))};
}

std::string seconds(SteadyTime at) {
    std::ostringstream out;
    out << static_cast<double>(at.time_since_epoch().count()) / 1e6 << "s";
    return out.str();
}

std::string text(const StateRow& row) {
    std::ostringstream out;
    out << name(row.state) << "." << row.attempt << " #" << row.event_seq;
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
        return "-> client: submitted " + std::to_string(e.count) + " from " + e.first.text();
    }
    std::string operator()(const AnswerCancel& e) const {
        constexpr const char* words[] = {"cancelled", "cancel requested", "not active"};
        return "-> client: " + e.job.text() + " " + words[static_cast<int>(e.answer)];
    }
    std::string operator()(const JobEnded& e) const {
        return "-> waiters: " + e.job.text() + " " + std::string(name(e.state));
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

Event Scenario::event(const std::string& verb, const Arguments& arguments) {
    const auto worker = [&] { return WorkerId{number(needed(arguments, "worker"))}; };
    const auto subject = [&] { return attempt(needed(arguments, "")); };
    if (verb == "submit") {
        const NewJob job{UserId{number(needed(arguments, "user"))},
                         static_cast<std::int16_t>(number(argument(arguments, "priority", "0"))),
                         static_cast<std::int32_t>(number(argument(arguments, "attempts", "1"))), need(arguments)};
        submitted_.assign(static_cast<std::size_t>(number(argument(arguments, "count", "1"))), job);
        ++last_request_.value;
        return Submit{last_request_, submitted_};
    }
    if (verb == "cancel") return CancelJob{RequestId{++last_request_.value}, JobId{number(needed(arguments, ""))}};
    if (verb == "join") {
        const Need all = need(arguments);
        return WorkerJoined{
            worker(),
            {all.cpu_millis, all.memory_bytes, static_cast<std::int32_t>(number(argument(arguments, "prefetch", "0")))},
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
        return AttemptFinished{worker(), subject(), *outcome,
                               static_cast<std::int32_t>(number(argument(arguments, "exit", "0"))),
                               duration(argument(arguments, "wall", "1s"))};
    }
    if (verb == "tick") return TimePassed{};
    throw std::invalid_argument("no command is called so: " + verb);
}

void Scenario::remember(const Effect& effect) {
    if (const auto* insert = std::get_if<InsertJob>(&effect))
        stored_[insert->job] = {insert->job, submitted_.at(insert->index), insert->row};
    if (const auto* change = std::get_if<ChangeState>(&effect)) {
        StateRow& row = stored_.at(change->job).row;
        if (row.state != change->from_state || row.attempt != change->from_attempt)
            throw std::logic_error("the fence of job " + change->job.text() + " refused the write");
        row = change->row;
    }
}

std::vector<std::string> Scenario::carry_out(const Effects& effects) {
    std::vector<std::string> lines;
    for (const Effect& effect : effects) {
        remember(effect);
        lines.push_back(std::visit(Describe{}, effect));
    }
    std::string why;
    if (!queue_->check_invariants(&why)) throw std::logic_error(why);
    return lines;
}

std::vector<std::string> Scenario::restart() {
    std::vector<StoredJob> jobs;
    for (const auto& [id, job] : stored_)
        if (!is_final(job.row.state)) jobs.push_back(job);
    queue_ = std::make_unique<Queue>(settings_);
    return carry_out(queue_->restore(jobs, stored_.empty() ? JobId{} : stored_.rbegin()->first, now_));
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
        const auto ms = [&](const char* key, Milliseconds otherwise) {
            return arguments.contains(key) ? std::chrono::duration_cast<Milliseconds>(duration(arguments[key]))
                                           : otherwise;
        };
        settings_.crash_limit = static_cast<std::int16_t>(number(argument(arguments, "crash_limit", "5")));
        settings_.lease_ttl = ms("ttl", settings_.lease_ttl);
        settings_.lease_grace = ms("grace", settings_.lease_grace);
        settings_.fair_share_half_life = ms("half_life", settings_.fair_share_half_life);
        queue_ = std::make_unique<Queue>(settings_);
        return {};
    }
    if (verb == "wait") {
        const Microseconds length = duration(needed(arguments, ""));
        now_.steady += length;
        now_.wall += length;
        return {};
    }
    if (verb == "restart") return restart();
    if (verb == "explain") return {queue_->explain(JobId{number(needed(arguments, ""))})};
    if (verb == "counts") {
        const Queue::Counts counts = queue_->counts();
        return {"blocked=" + std::to_string(counts.blocked) + " queued=" + std::to_string(counts.queued) +
                " starting=" + std::to_string(counts.starting) + " running=" + std::to_string(counts.running) +
                " workers=" + std::to_string(counts.workers_connected)};
    }
    return carry_out(queue_->on(event(verb, arguments), now_));
}

}  // namespace windlass::scheduler
