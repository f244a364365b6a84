#include "api/schedule_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "api/field_reader.h"
#include "api/names.h"

namespace windlass::api {
namespace {

constexpr std::array<std::string_view, 3> overlap_words = {"skip", "queue", "replace"};
constexpr std::array<std::string_view, 3> missed_words = {"skip", "once", "all"};
constexpr std::array<std::string_view, 7> macros = {"@yearly", "@annually", "@monthly", "@weekly",
                                                    "@daily",  "@midnight", "@hourly"};

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
void read_text(FieldReader& fields, std::string_view key, std::string_view (*fault_of)(std::string_view), bool required,
               std::string& value) {
    const auto text = required ? fields.required_text(key) : fields.text(key);
    if (!text) return;
    if (const auto fault = fault_of(*text); !fault.empty())
        fields.bad(key, std::string(fault));
    else
        value = *text;
}

std::string_view fault_of_schedule_name(std::string_view text) {
    if (text.empty()) return "must not be empty";
    if (count_characters(text) > 200) return "must not be longer than 200 characters";
    return {};
}

bool is_cron_field(std::string_view field) {
    return std::all_of(field.begin(), field.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '*' || c == ',' ||
               c == '/' || c == '-' || c == '?' || c == '#';
    });
}

}  // namespace

std::string_view word(Overlap overlap) {
    return overlap_words[static_cast<std::size_t>(overlap)];
}

std::string_view word(Missed missed) {
    return missed_words[static_cast<std::size_t>(missed)];
}

std::string_view fault_of_cron(std::string_view line) {
    constexpr std::string_view sentence =
        "must be five fields (minute hour day month weekday), or one of @yearly @monthly @weekly @daily @hourly";
    if (line.size() > 200) return "must not be longer than 200 characters";
    if (line.starts_with('@'))
        return std::find(macros.begin(), macros.end(), line) != macros.end() ? std::string_view() : sentence;
    std::size_t fields = 0;
    while (true) {
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        if (line.empty()) break;
        const auto end = std::min(line.find_first_of(" \t"), line.size());
        if (!is_cron_field(line.substr(0, end))) return sentence;
        line.remove_prefix(end);
        ++fields;
    }
    return fields == 5 ? std::string_view() : sentence;
}

std::string_view fault_of_time_zone(std::string_view name) {
    constexpr std::string_view sentence = "must be a time zone of the tz database, such as Europe/Berlin";
    const bool clean = !name.empty() && name.size() <= 64 && name.front() != '/' && name.back() != '/' &&
                       name.find("..") == std::string_view::npos && std::all_of(name.begin(), name.end(), [](char c) {
                           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                                  c == '/' || c == '_' || c == '-' || c == '+';
                       });
    if (!clean) return sentence;
    if (name == "UTC") return {};
    std::error_code failed;
    return std::filesystem::is_regular_file(std::filesystem::path("/usr/share/zoneinfo") / name, failed)
               ? std::string_view()
               : sentence;
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
