#include "worker/sampling.h"

#include <map>

#include "shared/log.h"

namespace windlass::worker {
namespace {

// Samples wait while the scheduler reads slowly: results and output first.
constexpr std::size_t max_unsent_bytes = 1 << 20;
constexpr int most_gpu_failures = 3;

}  // namespace

Sampling::Sampling(SamplingSettings settings, Sandbox& sandbox, Background background, const Clock& clock)
    : settings_(std::move(settings)),
      sandbox_(sandbox),
      background_(std::move(background)),
      clock_(clock),
      allowance_(settings_.starts_per_s, settings_.starts_at_once) {}

void Sampling::started(AttemptRef attempt, BoxId box, SteadyTime at) {
    if (settings_.interval.count() == 0) return;
    const Now now = clock_.now();
    Running running{
        box, AttemptSamples(settings_.interval, at), now.wall - std::max(now.steady - at, Microseconds{0}), {}};
    const auto [place, is_new] = running_.try_emplace(attempt, std::move(running));
    if (!is_new) return;
    if (allowance_.take(now.steady)) {
        look(attempt, place->second, now.steady);
    } else {
        place->second.samples.put_off();
        due_.emplace(place->second.samples.next(), attempt);
    }
    if (!settings_.gpu_tool.empty() && !gpus_at_ && gpu_failures_ < most_gpu_failures)
        gpus_at_ = now.steady + std::min<Milliseconds>(settings_.interval, Seconds{1});
}

void Sampling::ended(AttemptRef attempt, const Usage& usage, int work_directory) {
    const auto place = running_.find(attempt);
    if (place == running_.end()) return;
    Running& running = place->second;
    const Now now = clock_.now();
    running.samples.ended(usage, now);
    if (work_directory >= 0) read_file(running, work_directory, now.wall, true);
    lines_passed_over_ += running.file.lines_passed_over();
    send(attempt, running);
    forget(attempt);
}

void Sampling::forget(AttemptRef attempt) {
    const auto place = running_.find(attempt);
    if (place == running_.end()) return;
    due_.erase({place->second.samples.next(), attempt});
    running_.erase(place);
    if (running_.empty()) gpus_at_.reset();
}

void Sampling::on_time(SteadyTime now) {
    while (!due_.empty() && due_.begin()->first <= now) {
        const AttemptRef attempt = due_.begin()->second;
        due_.erase(due_.begin());
        Running& running = running_.at(attempt);
        look(attempt, running, now);
        send(attempt, running);
    }
    if (gpus_at_ && *gpus_at_ <= now) ask_gpus(now);
}

std::optional<SteadyTime> Sampling::next() const {
    std::optional<SteadyTime> at = gpus_at_;
    if (!due_.empty() && (!at || due_.begin()->first < *at)) at = due_.begin()->first;
    return at;
}

void Sampling::look(AttemptRef attempt, Running& running, SteadyTime now) {
    const SteadyTime began = clock_.now().steady;
    ++looks_;
    const BoxUse use = sandbox_.use(running.box);
    // Of the moment it was read: the turn may have begun long ago on a busy machine, and a mean over less than the time
    // it is of would be too high.
    const Now read_at = clock_.now();
    running.samples.take(use, {std::max({now, read_at.steady, running.samples.started()}), read_at.wall});
    read_file(running, sandbox_.work_directory(running.box), read_at.wall, false);
    due_.emplace(running.samples.next(), attempt);
    spent_ += clock_.now().steady - began;
}

void Sampling::read_file(Running& running, int directory, WallTime now, bool last) {
    if (directory < 0) return;
    running.file.look(directory, running.started, now, last,
                      [&](protocol::AttemptSample sample) { running.samples.add(std::move(sample)); });
}

void Sampling::send(AttemptRef attempt, Running& running) {
    if (connection_ == nullptr || connection_->unsent_bytes() > max_unsent_bytes) return;
    protocol::AttemptSampled message{attempt, running.samples.flush()};
    if (message.samples.empty()) return;
    samples_sent_ += static_cast<std::int64_t>(message.samples.size());
    connection_->send(message);
}

// ---- GPUs

void Sampling::ask_gpus(SteadyTime now) {
    gpus_at_ = now + settings_.interval;
    if (std::exchange(asking_gpus_, true)) return;
    const auto answer = std::make_shared<std::optional<Result<GpuReading>>>();
    background_([answer, tool = settings_.gpu_tool] { *answer = ask_gpu_tool(tool); },
                [this, answer] { gpus_answered(**answer); });
}

void Sampling::gpus_answered(const Result<GpuReading>& reading) {
    asking_gpus_ = false;
    if (!reading) {
        if (++gpu_failures_ < most_gpu_failures) return;
        gpus_at_.reset();
        log::warning(
            "what jobs use of GPUs is not measured any more: {}. Mend it and start the worker again, or set "
            "worker.gpu_tool = \"\"",
            reading.error().message);
        return;
    }
    gpu_failures_ = 0;
    if (reading->processes.empty()) return;
    const WallTime now = clock_.now().wall;
    for (auto& [attempt, running] : running_) {
        std::map<std::string, std::int64_t> memory;  // by GPU
        const auto own = sandbox_.processes(running.box);
        const std::set<pid_t> processes(own.begin(), own.end());
        for (const GpuProcess& process : reading->processes)
            if (processes.contains(process.pid)) memory[process.gpu] += process.memory_bytes;
        for (const auto& [gpu, bytes] : memory)
            running.samples.add({now, "acc_mem_used", "accelerator", gpu, static_cast<double>(bytes)});
        for (const auto& [gpu, percent] : reading->utilization)
            if (memory.contains(gpu)) running.samples.add({now, "acc_utilization", "accelerator", gpu, percent});
        if (!memory.empty()) send(attempt, running);
    }
}

void Sampling::add_figures(figures::Families& families) const {
    families.push_back(figures::counter("windlass_worker_looks_total", "Looks at what a running attempt uses",
                                        static_cast<double>(looks_)));
    families.push_back(figures::counter("windlass_worker_look_seconds_total", "Time that those looks took",
                                        static_cast<double>(spent_.count()) / 1e6));
    families.push_back(figures::counter("windlass_worker_samples_sent_total",
                                        "Numbers about attempts that were sent to the scheduler",
                                        static_cast<double>(samples_sent_)));
    families.push_back(figures::counter("windlass_worker_metric_lines_refused_total",
                                        "Lines and fields of jobs' files `metrics` that were passed over",
                                        static_cast<double>(lines_passed_over_)));
}

}  // namespace windlass::worker
