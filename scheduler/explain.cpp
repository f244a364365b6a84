// Why a job waits, in sentences for the person who submitted it and in fields for programs.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "scheduler/queue.h"
#include "shared/site_names.h"

namespace windlass::scheduler {

namespace {

constexpr std::size_t count_at_most = 1000;
constexpr std::size_t names_at_most = 5;

std::string cpus(std::int64_t millis) {
    std::string text = std::to_string(millis / 1000);
    if (millis % 1000 != 0) {
        std::string rest = std::to_string(1000 + millis % 1000).substr(1);
        while (rest.back() == '0') rest.pop_back();
        text += "." + rest;
    }
    return text + (millis == 1000 ? " cpu" : " cpus");
}

std::string mebibytes(std::int64_t bytes) {
    return std::to_string((bytes + mebibyte - 1) / mebibyte) + " MiB of memory";
}

std::string amount(const Need& need) {
    std::string text = cpus(need.cpu_millis);
    for (const auto& [resource, count] : need.resources) text += ", " + std::to_string(count) + " " + resource;
    return text + " and " + mebibytes(need.memory_bytes);
}

std::string counted(std::size_t count, const std::string& one, const std::string& more) {
    const std::string number = count >= count_at_most ? "at least " + std::to_string(count) : std::to_string(count);
    return number + " " + (count == 1 ? one : more);
}

// "2026-11-22 05:06:21 UTC"
std::string text_of(WallTime at) {
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss time{std::chrono::floor<Seconds>(at - day)};
    char text[64];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d UTC", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()));
    return text;
}

struct Workers {
    std::size_t takes_jobs = 0;
    std::size_t keep_it_out = 0;  // by their label `only`
    std::size_t with_labels = 0;
    std::size_t suitable = 0;
    std::size_t draining = 0;  // that would suit, and start nothing new
    bool has_room = false;
    bool resting_has_room = false;
    Need largest{.cpu_millis = 0, .resources = {}, .labels = {}};
};

Workers survey(const WorkerTable& workers, const Need& need) {
    Workers seen;
    for (const auto& [id, worker] : workers.unordered()) {
        if (!worker.takes_jobs()) {
            seen.draining += worker.connected && worker.suits(need) ? 1 : 0;
            continue;
        }
        ++seen.takes_jobs;
        seen.keep_it_out += worker.keeps_out(need) ? 1 : 0;
        if (!worker.has_labels(need)) continue;
        ++seen.with_labels;
        seen.suitable += worker.suits(need) ? 1 : 0;
        if (worker.has_room(need) && !worker.reserved())
            (worker.resting ? seen.resting_has_room : seen.has_room) = true;
        const std::pair mine(worker.capacity.cpu_millis, worker.capacity.memory_bytes);
        if (mine > std::pair(seen.largest.cpu_millis, seen.largest.memory_bytes)) {
            seen.largest.cpu_millis = worker.capacity.cpu_millis;
            seen.largest.memory_bytes = worker.capacity.memory_bytes;
        }
        for (const auto& [resource, count] : need.resources) {
            const auto found = worker.capacity.resources.find(resource);
            std::int64_t& most = seen.largest.resources[resource];
            if (found != worker.capacity.resources.end()) most = std::max(most, found->second);
        }
    }
    return seen;
}

std::string no_suitable(const Workers& seen, const Need& need) {
    if (seen.draining > 0)
        return std::string(seen.draining == 1 ? "The only connected worker" : "Every connected worker") +
               " that suits the job is draining: it starts nothing new until it is resumed.";
    if (seen.keep_it_out > 0 && seen.takes_jobs == seen.keep_it_out)
        return "Every connected worker takes certain jobs only (its label `only` says which label they require), and "
               "this one is none of them.";
    if (seen.with_labels == 0) {
        // "the label zone=b", "the labels a=1, b=2", "the image \"x\" and the label zone=b"
        std::string labels;
        std::vector<std::string> things;
        std::size_t plain = 0;
        for (const auto& [label, value] : need.labels) {
            if (label.starts_with(image_label_prefix)) {
                things.push_back("the image \"" + label.substr(image_label_prefix.size()) + "\"");
            } else if (label.starts_with(dataset_label_prefix)) {
                things.push_back("the data set \"" + label.substr(dataset_label_prefix.size()) + "\"");
            } else {
                labels += (plain++ == 0 ? "" : ", ") + label + "=" + value;
            }
        }
        if (plain > 0)
            things.push_back(std::string(plain == 1                            ? "the label "
                                         : plain == need.labels.size() ? "all the labels "
                                                                               : "the labels ") +
                             labels);
        std::string all;
        for (std::size_t i = 0; i < things.size(); i++)
            all += (i == 0 ? "" : i + 1 == things.size() ? " and " : ", ") + things[i];
        return "No connected worker has " + all + " that the job needs.";
    }
    return "No connected worker is large enough: the job needs " + amount(need) + ", the largest worker has " +
           amount(seen.largest) + ".";
}

}  // namespace

std::string_view name(WaitReason reason) {
    switch (reason) {
        case WaitReason::not_waiting:
            return "not_waiting";
        case WaitReason::dependencies:
            return "dependencies";
        case WaitReason::not_before:
            return "not_before";
        case WaitReason::backoff:
            return "backoff";
        case WaitReason::queue_held:
            return "queue_held";
        case WaitReason::queue_limit:
            return "queue_limit";
        case WaitReason::user_limit:
            return "user_limit";
        case WaitReason::cpu_quota:
            return "cpu_quota";
        case WaitReason::no_worker:
            return "no_worker";
        case WaitReason::no_suitable_worker:
            return "no_suitable_worker";
        case WaitReason::workers_full:
            return "workers_full";
        case WaitReason::turn:
            return "turn";
    }
    return "unknown";
}

Explanation Queue::explain(JobId id) const {
    Explanation why;
    if (!is_active(id)) {
        why.text = "The job does not wait: it has ended, or there never was one of this number.";
        return why;
    }
    const Job* job = jobs_.find(id);
    const JobId record = job != nullptr ? id : *arrays_.array_of(id);  // a member without a row waits as its array does
    if (job == nullptr) job = jobs_.find(record);
    const Lease* lease = leases_.find(id);
    if (lease != nullptr) {
        const std::string worker = "worker " + lease->worker.text();
        const std::string attempt = "attempt " + std::to_string(job->attempt);
        if (job->cancel_requested)
            why.text = "The job is being cancelled: " + worker + " is ending its processes.";
        else if (job->state == JobState::running)
            why.text = "The job does not wait: " + attempt + " runs on " + worker + ".";
        else
            why.text = "The job is about to start: " + worker + " has " + attempt + ".";
        return why;
    }
    if (job->state == JobState::blocked) {
        why.reason = WaitReason::dependencies;
        std::string jobs;
        const std::vector<DependencyTable::Wait>& waits = dependencies_.waits_of(record);
        for (const DependencyTable::Wait& wait : waits) {
            if (why.waits_for.size() == names_at_most) break;
            why.waits_for.push_back(wait.job);
            jobs += (jobs.empty() ? "" : ", ") + wait.job.text();
        }
        if (waits.size() > names_at_most) jobs += " and " + std::to_string(waits.size() - names_at_most) + " more";
        why.text = (waits.size() == 1 ? "The job waits for job " : "The job waits for the jobs ") + jobs + ".";
        return why;
    }
    if (job->is_array && arrays_.find(record)->unstarted() == 0) {
        why.text = "The array does not wait: all its members have started, and it ends with the last of them.";
        return why;
    }
    if (const auto moment = not_before_.find(record)) {
        why.reason = WaitReason::not_before;
        why.not_before = why.estimated_start = *moment;
        why.text = "The job is not to start before " + text_of(*moment) + ".";
        return why;
    }
    if (const auto moment = backing_off_.find(record)) {
        why.reason = WaitReason::backoff;
        why.not_before = why.estimated_start = WallTime{moment->time_since_epoch() + wall_ahead_};
        why.text = "The job is tried again at " + text_of(*why.not_before) + ": its last attempt (number " +
                   std::to_string(job->attempt) + ") did not succeed.";
        return why;
    }
    const JobId entry = entry_of(record, *job);
    std::size_t members_before = 0;
    if (id > entry) members_before = static_cast<std::size_t>(id.value - entry.value);
    explain_queued(entry, *job, members_before, why);
    return why;
}

// What its queue or owner forbids, whoever has room.
bool Queue::explain_limits(const Job& job, Explanation& why) const {
    const NamedQueue& queue = queues_[queue_index(job)];
    const User& user = users_[user_index(job)];
    const std::string queue_name = "queue \"" + queue.config.name + "\"";
    if (queue.config.held) {
        why.reason = WaitReason::queue_held;
        why.text = "The " + queue_name + " is held: nothing of it starts until an operator releases it.";
    } else if (users_.cpu_used_up(user_index(job), wall_now())) {
        why.reason = WaitReason::cpu_quota;
        why.not_before = midnight_after(wall_now());
        why.text =
            "Its owner used up the processor time of the day; the next one begins at " + text_of(*why.not_before) + ".";
    } else if (user.at_running_limit()) {
        why.reason = WaitReason::user_limit;
        why.text =
            "Its owner runs as many jobs as he may at the same time (" + std::to_string(*user.quota().running) + ").";
    } else if (queue.full()) {
        why.reason = WaitReason::queue_limit;
        why.text = "The " + queue_name + " runs as many jobs as it may at the same time (" +
                   std::to_string(*queue.config.max_running) + ").";
    } else {
        return false;
    }
    return true;
}

void Queue::explain_queued(JobId entry, const Job& job, std::size_t members_before, Explanation& why) const {
    const auto jobs_behind = [this](JobId waiting) {
        if (jobs_.find(waiting) != nullptr) return std::size_t{1};
        return static_cast<std::size_t>(arrays_.find(*arrays_.array_of(waiting))->unstarted());
    };
    why.own_jobs_ahead = std::min(
        count_at_most, members_before + waiting_.ahead_of(job.share, job.priority, entry, count_at_most, jobs_behind));
    why.users_ahead = fair_.ahead_of(job.share, count_at_most);

    const Need& need = needs_[job.kind];
    const Workers seen = survey(workers_, need);
    if (explain_limits(job, why)) {
        if (why.reason == WaitReason::queue_limit || why.reason == WaitReason::user_limit)
            why.estimated_start = estimate(job, why);
        return;
    }
    if (seen.takes_jobs == 0) {
        why.reason = WaitReason::no_worker;
        why.text = workers_.connected() == 0 ? "No worker is connected."
                                             : "Every connected worker is draining and takes no more jobs.";
        return;
    }
    if (seen.suitable == 0) {
        why.reason = WaitReason::no_suitable_worker;
        why.text = no_suitable(seen, need);
        return;
    }
    why.reason = WaitReason::workers_full;
    why.text = (need.labels.empty() ? "Every worker that is large enough (" : "Every suitable worker (") +
               std::to_string(seen.suitable) + ") is full: the job needs " + amount(need) + " at once";
    if (seen.resting_has_room)
        why.text =
            "The worker with room for it could not start its last job and gets the next one when it reports again, in "
            "a few seconds";
    if (const auto reservation = reservations_.of_job(entry))
        why.text = "Worker " + reservation->worker.text() + " is being kept free for it: the job needs " +
                   amount(need) + " at once, and starts there as soon as what runs on it has made room";
    if (seen.has_room) {
        why.reason = WaitReason::turn;
        why.text = "A worker has room for it and it is about to be its turn";
    }
    if (why.own_jobs_ahead > 0)
        why.text +=
            "; " + counted(why.own_jobs_ahead, "job of the same owner comes", "jobs of the same owner come") + " first";
    if (why.users_ahead > 0)
        why.text += "; " + counted(why.users_ahead, "other user has", "other users have") +
                    " used less recently and is served first";
    why.text += ".";
    why.estimated_start = estimate(job, why);
}

// From how long attempts of its queue took lately and how many of them run at a time: each place becomes free once in
// that time. Nothing when nothing has ended or nothing runs.
std::optional<WallTime> Queue::estimate(const Job& job, const Explanation& so_far) const {
    const NamedQueue& queue = queues_[queue_index(job)];
    const bool alone = so_far.reason == WaitReason::user_limit;  // only his own jobs end in his favour
    const std::int64_t places = alone ? users_[user_index(job)].leased : queue.leased;
    if (!queue.wall_known || places == 0) return std::nullopt;
    // Users take turns: for each of his own jobs before this one, everybody in line gets one too.
    const auto own = static_cast<double>(so_far.own_jobs_ahead);
    double before = own;
    if (!alone) {
        const double others = static_cast<double>(fair_.shares_in_line(queue_index(job)));
        before = std::min(own * std::max(1.0, others) + static_cast<double>(so_far.users_ahead),
                          static_cast<double>(queue.queued - 1));
    }
    const double us = (std::max(0.0, before) + 1) * queue.mean_wall_us / static_cast<double>(places);
    constexpr double longest_us = 365.0 * 86'400 * 1e6;
    return wall_now() + Microseconds{static_cast<std::int64_t>(std::min(us, longest_us))};
}

}  // namespace windlass::scheduler
