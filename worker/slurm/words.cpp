#include "worker/slurm/words.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>

#include "worker/output_collector.h"
#include "worker/sandbox/limit_words.h"

namespace windlass::worker::slurm {
namespace {

constexpr std::int64_t flood_factor = 16;  // output_collector.h: beyond this the attempt is ended

std::int64_t rounded_up(std::int64_t amount, std::int64_t unit) {
    return (std::max<std::int64_t>(amount, 1) + unit - 1) / unit;
}

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    while (true) {
        const auto end = text.find(at);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::string_view trimmed(std::string_view text) {
    const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

template <class N>
std::optional<N> number(std::string_view text) {
    N value{};
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || failed != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

// "60665856", "50319K", "1.00M": sstat scales some numbers whatever it is told.
std::optional<std::int64_t> bytes(std::string_view text) {
    double value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || value < 0 || value > 1e18) return std::nullopt;
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    constexpr std::string_view units = "KMGTP";
    if (unit.empty()) return static_cast<std::int64_t>(value);
    const auto power = units.find(unit.front());
    if (unit.size() > 1 || power == units.npos) return std::nullopt;
    for (std::size_t i = 0; i <= power; ++i) value *= 1024;
    return value > 1e18 ? std::nullopt : std::optional(static_cast<std::int64_t>(value));
}

// "[DD-[HH:]]MM:SS[.mmm]"
std::optional<Microseconds> duration(std::string_view text) {
    std::int64_t days = 0;
    if (const auto dash = text.find('-'); dash != text.npos) {
        const auto count = number<std::int64_t>(text.substr(0, dash));
        if (!count || *count > 100'000) return std::nullopt;
        days = *count;
        text.remove_prefix(dash + 1);
    }
    const auto parts = split(text.substr(0, text.find('.')), ':');
    if (parts.size() < 2 || parts.size() > 3) return std::nullopt;
    std::int64_t seconds = 0;
    for (const auto part : parts) {
        const auto count = number<std::int64_t>(part);
        if (!count || *count > 1'000'000) return std::nullopt;
        seconds = seconds * 60 + *count;
    }
    return Seconds{days * 24 * 3600 + seconds};
}

// SLURM_TIME_FORMAT=%s; "N/A", "NONE" and "Unknown" are no moments.
std::optional<WallTime> moment(std::string_view text) {
    const auto seconds = number<std::int64_t>(text);
    if (!seconds || *seconds == 0) return std::nullopt;
    return WallTime{Seconds{*seconds}};
}

}  // namespace

Places places(const Site& site, AttemptRef ref) {
    Places places;
    places.all = site.directory + "/" + site.identity + "/" + ref.text();
    places.work = places.all + "/work";
    places.start = places.all + "/start";
    places.script = places.all + "/script";
    places.standard_output = places.all + "/stdout";
    places.standard_error = places.all + "/stderr";
    return places;
}

std::string job_name(const Site& site, AttemptRef ref) {
    return fmt::format("wl-{}-{}", site.identity, ref.text());
}

std::optional<AttemptRef> ref_named(const Site& site, std::string_view name) {
    const std::string prefix = "wl-" + site.identity + "-";
    if (!name.starts_with(prefix)) return std::nullopt;
    name.remove_prefix(prefix.size());
    const auto dot = name.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const auto job = number<std::int64_t>(name.substr(0, dot));
    const auto attempt = number<AttemptNumber>(name.substr(dot + 1));
    if (!job || !attempt || *job == 0) return std::nullopt;
    return AttemptRef{JobId{*job}, *attempt};
}

std::vector<std::string> sbatch_words(const Site& site, AttemptRef ref, const JobSpec& spec) {
    const Places at = places(site, ref);
    std::vector<std::string> words = {
        "sbatch",       "--parsable",
        "--no-requeue",  // an attempt is tried once; the scheduler decides about the next
        "--export=ALL",  // of sbatch's own environment, which is ours and small; otherwise Slurm asks a login shell
        "--nodes=1",    "--ntasks=1", "--input=/dev/null", "--open-mode=append",
    };
    // Before what must hold: the last of two equal options counts.
    words.insert(words.end(), site.options.begin(), site.options.end());
    words.push_back("--job-name=" + job_name(site, ref));
    words.push_back("--chdir=" + at.work);
    words.push_back("--output=" + at.standard_output);
    words.push_back("--error=" + at.standard_error);
    words.push_back(fmt::format("--cpus-per-task={}", rounded_up(spec.limits.cpu_millis, 1000)));
    words.push_back(fmt::format("--mem={}M", rounded_up(spec.limits.memory_bytes, mebibyte)));
    words.push_back(fmt::format("--time={}", rounded_up(spec.timeout.count(), 60'000) + 1));
    std::string gres;
    for (const auto& [name, count] : spec.resources)
        gres += fmt::format("{}{}:{}", gres.empty() ? "" : ",", name, count);
    if (!gres.empty()) words.push_back("--gres=" + gres);
    words.push_back(at.script);
    return words;
}

std::vector<std::string> squeue_words(const Site& site) {
    return {"squeue",
            "--noheader",
            "--all",
            "--states=all",
            fmt::format("--user={}", site.uid),
            "--Format=JobID:|,Name:|,State:|,exit_code:|,StartTime:|,EndTime:|,Reason:|"};
}

std::vector<std::string> sstat_words(const std::vector<SlurmJobId>& jobs) {
    std::string steps;
    for (const SlurmJobId job : jobs) steps += fmt::format("{}{}.batch", steps.empty() ? "" : ",", job);
    return {"sstat",
            "--noheader",
            "--parsable2",
            "--noconvert",
            "--format=JobID,AveCPU,MaxRSS,MaxDiskRead,MaxDiskWrite",
            "--jobs=" + steps};
}

std::vector<std::string> scancel_words(const std::vector<SlurmJobId>& jobs, bool at_once) {
    std::vector<std::string> words = {"scancel"};
    if (at_once) words.insert(words.end(), {"--full", "--signal=KILL"});
    for (const SlurmJobId job : jobs) words.push_back(std::to_string(job));
    return words;
}

std::string quoted(std::string_view word) {
    std::string text = "'";
    for (const char c : word) {
        if (c == '\'')
            text += "'\\''";
        else
            text += c;
    }
    return text + "'";
}

std::string script_text(const Places& places) {
    return "#!/bin/sh\nexec /bin/sh " + quoted(places.start) + "\n";
}

std::string start_text(const Places& places, const BoxSpec& box) {
    // The files of stdout and stderr are files like any other: what a job may print must fit them.
    const std::int64_t file_bytes =
        std::max(file_bytes_of(box.limits), 2 * flood_factor * std::max<std::int64_t>(box.limits.output_bytes, 4096));
    // Where the node allows less, less it is.
    std::string text = "ulimit -c 0 2>/dev/null\n";
    text += fmt::format("ulimit -n {} 2>/dev/null\n", box.limits.open_files);
    text += fmt::format("ulimit -f {} 2>/dev/null\n", rounded_up(file_bytes, 512));
    if (box.limits.cpu_time.count() > 0)
        text += fmt::format("ulimit -t {} 2>/dev/null\n", rounded_up(box.limits.cpu_time.count(), 1000));
    // RLIMIT_NPROC counts the processes of a user, who is the same for all jobs here, but in each user namespace apart
    // (user_namespaces(7)); in one of its own a job is alone with its limit. Not every node allows that.
    text += fmt::format(
        "if unshare --user --map-current-user true 2>/dev/null; then\n"
        "    set -- unshare --user --map-current-user prlimit --nproc={0}:{0} --\n"
        "fi\n",
        box.limits.processes);
    std::map<std::string, std::string> environment = {
        {"PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"},
        {"HOME", places.work},
        {"TMPDIR", "/tmp"},
        {"LANG", "C.UTF-8"}};
    for (const auto& [name, value] : box.env) environment[name] = value;
    text += "exec \"$@\" /usr/bin/env --";
    for (const auto& [name, value] : environment) text += " " + quoted(name + "=" + value);
    for (const auto& word : box.argv) text += " " + quoted(word);
    return text + "\n";
}

Result<SlurmJobId> parse_submitted(std::string_view said) {
    // "17" or "17;cluster", in the last line: plugins of a site may greet before it.
    said = trimmed(said);
    if (const auto line = said.rfind('\n'); line != std::string_view::npos) said.remove_prefix(line + 1);
    const auto id = number<SlurmJobId>(said.substr(0, said.find(';')));
    if (!id || *id == 0) return make_error(ErrorKind::invalid, "sbatch did not say the number of the job");
    return *id;
}

bool may_have_been_submitted(std::string_view said) {
    // What slurm_strerror() says of an answer that did not come (slurm_errno.c); everything else is an answer.
    constexpr std::array<std::string_view, 6> no_answer = {"timed out",     "Unable to contact", "Connection",
                                                           "communication", "Zero Bytes",        "temporarily"};
    return std::ranges::any_of(no_answer, [&](std::string_view words) { return said.find(words) != said.npos; });
}

QueuedJob::Phase QueuedJob::phase() const {
    if (state == "PENDING" || state == "CONFIGURING" || state == "REQUEUED" || state == "REQUEUE_HOLD" ||
        state == "SPECIAL_EXIT" || state == "RESV_DEL_HOLD" || state == "REQUEUE_FED")
        return Phase::waiting;
    if (state == "RUNNING" || state == "COMPLETING" || state == "SUSPENDED" || state == "STOPPED" ||
        state == "SIGNALING" || state == "STAGE_OUT" || state == "RESIZING")
        return Phase::running;
    return Phase::over;
}

bool QueuedJob::never_starts() const {
    // squeue(1), JOB REASON CODES: those that no other job's end changes.
    constexpr std::array<std::string_view, 8> for_ever = {"PartitionTimeLimit", "PartitionNodeLimit", "BadConstraints",
                                                          "InvalidAccount",     "InvalidQOS",         "TimeLimit",
                                                          "AccountNotAllowed",  "QOSNotAllowed"};
    return phase() == Phase::waiting && std::ranges::find(for_ever, reason) != for_ever.end();
}

Outcome QueuedJob::outcome(const Limits& limits) const {
    if (state == "COMPLETED" || state == "FAILED") {
        if (WIFSIGNALED(wait_status)) return {OutcomeKind::signalled, 0, WTERMSIG(wait_status), {}};
        if (state == "FAILED" && !started)
            return {OutcomeKind::setup_failed, 0, 0, fmt::format("Slurm could not start its job {}: {}", id, reason)};
        return {OutcomeKind::exited, WEXITSTATUS(wait_status), 0, {}};
    }
    if (state == "OUT_OF_MEMORY")
        return {
            OutcomeKind::out_of_memory, 0, 0,
            fmt::format("Slurm ended it at its limit of {} (limits.memory_bytes)", size_in_words(limits.memory_bytes))};
    if (state == "TIMEOUT" || state == "DEADLINE")
        return {OutcomeKind::out_of_time, 0, 0, fmt::format("Slurm ended its job {}: {}", id, state)};
    if (state == "CANCELLED")
        return {OutcomeKind::cancelled, 0, 0, fmt::format("its job {} was cancelled in Slurm", id)};
    return {OutcomeKind::worker_lost, 0, 0, fmt::format("Slurm ended its job {}: {}", id, state)};
}

Result<std::vector<QueuedJob>> parse_queue(const Site& site, std::string_view said) {
    std::vector<QueuedJob> jobs;
    for (std::string_view line : split(said, '\n')) {
        if (trimmed(line).empty()) continue;
        const auto cells = split(line, '|');
        // Of another name it is somebody else's, and may have bars in it.
        const auto ref = cells.size() < 2 ? std::nullopt : ref_named(site, cells[1]);
        if (!ref) continue;
        const auto id = number<SlurmJobId>(cells[0]);
        const auto status = cells.size() < 7 ? std::nullopt : number<int>(cells[3]);
        if (!id || !status)
            return make_error(ErrorKind::invalid, fmt::format("squeue said a line that is none of its own: {}", line));
        QueuedJob job;
        job.id = *id;
        job.ref = *ref;
        job.state = cells[2];
        job.wait_status = *status;
        job.started = moment(cells[4]);
        job.ended = moment(cells[5]);
        job.reason = cells[6];
        jobs.push_back(std::move(job));
    }
    return jobs;
}

std::vector<JobUse> parse_use(std::string_view said) {
    std::vector<JobUse> uses;
    for (const std::string_view line : split(said, '\n')) {
        const auto cells = split(line, '|');
        const auto id = number<SlurmJobId>(cells[0].substr(0, cells[0].find('.')));
        if (cells.size() < 5 || !id) continue;
        uses.push_back({*id, duration(cells[1]), bytes(cells[2]), bytes(cells[3]), bytes(cells[4])});
    }
    return uses;
}

}  // namespace windlass::worker::slurm
