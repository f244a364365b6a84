#include "api/schedule_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "api/field_reader.h"
#include "api/names.h"
#include "shared/cron.h"

namespace windlass::api {
namespace {

constexpr std::array<std::string_view, 3> overlap_words = {"skip", "queue", "replace"};
constexpr std::array<std::string_view, 3> missed_words = {"skip", "once", "all"};

template <class Word>
void read_word(FieldReader& fields, std::string_view key, const std::array<std::string_view, 3>& words, Word& value) {
    const auto text = fields.text(key);
    if (!text) return;
    const auto found = std::find(words.begin(), words.end(), *text);
    if (found == words.end())
        fields.bad(key, fmt::format("must be {}, {} or {}", words[0], words[1], words[2]));
    else
        value = static_cast<Word>(found - words.begin());
}

// Text with a rule of its own.
void read_text(FieldReader& fields, std::string_view key, std::string (*fault_of)(std::string_view), bool required,
               std::string& value) {
    const auto text = required ? fields.required_text(key) : fields.text(key);
    if (!text) return;
    if (auto fault = fault_of(*text); !fault.empty())
        fields.bad(key, std::move(fault));
    else
        value = *text;
}

std::string fault_of_schedule_name(std::string_view text) {
    if (text.empty()) return "must not be empty";
    if (count_characters(text) > 200) return "must not be longer than 200 characters";
    return {};
}

}  // namespace

std::string_view word(OverlapPolicy overlap) {
    return overlap_words[static_cast<std::size_t>(overlap)];
}

std::string_view word(MissedPolicy missed) {
    return missed_words[static_cast<std::size_t>(missed)];
}

std::string fault_of_cron(std::string_view line) {
    if (line.size() > 200) return "must not be longer than 200 characters";
    const auto cron = Cron::parse(line, "UTC");
    if (!cron) return cron.error().message;
    // From any moment: what comes at all comes within the time that next() looks ahead.
    return cron->next(WallTime{}) ? std::string() : "names a day that never comes";
}

std::string fault_of_time_zone(std::string_view name) {
    if (name.size() > 64) return "must not be longer than 64 characters";
    const auto cron = Cron::parse("@daily", name);
    return cron ? std::string() : cron.error().message;
}

std::vector<WallTime> next_runs(const ScheduleView& schedule, WallTime now) {
    constexpr std::size_t shown = 3;
    std::vector<WallTime> times;
    if (schedule.paused) return times;
    const auto cron = Cron::parse(schedule.cron, schedule.time_zone);
    for (auto at = cron ? cron->next(now) : std::nullopt; at && times.size() < shown; at = cron->next(*at))
        times.push_back(*at);
    return times;
}

Problem below(Problem problem, std::string_view prefix) {
    for (auto& error : problem.errors) error.pointer = std::string(prefix) + error.pointer;
    if (!problem.errors.empty())
        problem.detail = fmt::format("{}: {}", problem.errors.front().pointer, problem.errors.front().detail);
    return problem;
}

OrProblem<ScheduleChange> parse_schedule(const rapidjson::Value& document, ScheduleView base, bool whole) {
    ScheduleChange change{std::move(base), nullptr};
    ScheduleView& schedule = change.schedule;
    Faults faults;
    FieldReader fields(document, "", faults);
    read_text(fields, "name", fault_of_schedule_name, whole, schedule.name);
    read_text(fields, "cron", fault_of_cron, whole, schedule.cron);
    read_text(fields, "time_zone", fault_of_time_zone, false, schedule.time_zone);
    read_word(fields, "overlap", overlap_words, schedule.overlap);
    read_word(fields, "missed", missed_words, schedule.missed);
    if (const auto* paused = fields.any("paused")) {
        if (paused->IsBool())
            schedule.paused = paused->GetBool();
        else
            fields.bad("paused", fmt::format("must be true or false, not {}", type_name(*paused)));
    }
    change.job = fields.any("job");
    if (whole && change.job == nullptr) fields.bad("job", "is required");
    fields.refuse_others();
    if (faults.any()) return std::move(faults).problem();
    return change;
}

OrProblem<SubmittedJob> parse_scheduled_job(const rapidjson::Value& job, const Config::Api& settings) {
    auto parsed = parse_submit(job, settings);
    if (!parsed) return below(std::move(parsed).error(), "/job");
    Faults faults;
    if (!parsed->after.empty()) faults.bad("/job/after", "cannot be part of a job that comes again and again");
    if (parsed->spec.not_before)
        faults.bad("/job/not_before", "cannot be part of a job that comes again and again; the plan says when");
    if (parsed->spec.deadline)
        faults.bad("/job/deadline", "is one moment, and the job comes again and again; use timeout_s");
    if (faults.any()) return std::move(faults).problem();
    return std::move(parsed).value();
}

}  // namespace windlass::api
