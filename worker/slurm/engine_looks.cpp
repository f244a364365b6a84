// How a SlurmEngine follows its running jobs: what they print, and what they use.
#include <fmt/format.h>

#include <algorithm>

#include "shared/log.h"
#include "worker/sandbox/limit_words.h"
#include "worker/slurm/attempt_directory.h"
#include "worker/slurm/engine.h"

namespace windlass::worker::slurm {
namespace {

constexpr Milliseconds look_pause{250};
constexpr std::size_t look_bytes = 256 * 1024;  // of one stream in one look
constexpr std::size_t max_unsent_bytes = 8 << 20;

}  // namespace

// ---- what it prints

void SlurmEngine::look_at_output(SteadyTime now) {
    struct Look {
        AttemptRef ref;
        std::int64_t out_from = 0, err_from = 0;
        std::string out, err;
    };
    auto looks = std::make_shared<std::vector<Look>>();
    for (auto& [ref, held] : held_) {
        if (held->step != Step::in_slurm || !held->runs || held->end || held->attempt.forgotten()) continue;
        if (held->standard_output.output.flooded() || held->standard_error.output.flooded()) continue;
        held->looking = true;
        looks->push_back({ref, held->standard_output.offset(), held->standard_error.offset(), {}, {}});
    }
    look_at_ = now + std::max(look_pause, Milliseconds{static_cast<std::int64_t>(looks->size())});
    if (looks->empty()) return;
    looking_ = true;
    background_(
        [looks, site = settings_.site] {
            for (Look& look : *looks) {
                look.out = read_output(site, look.ref, OutputStream::standard_output, look.out_from, look_bytes);
                look.err = read_output(site, look.ref, OutputStream::standard_error, look.err_from, look_bytes);
            }
        },
        [this, looks] {
            looking_ = false;
            const SteadyTime then = clock_.now().steady;
            for (const Look& look : *looks) {
                Held& held = *held_.at(look.ref);
                held.looking = false;
                printed(held, look.out, look.err, then);
                if (held.end) begin_end(held);
            }
        });
}

void SlurmEngine::printed(Held& held, std::string_view out, std::string_view err, SteadyTime now) {
    held.standard_output.add(out);
    held.standard_error.add(err);
    if (held.standard_output.output.flooded() || held.standard_error.output.flooded())
        return stop(held, OutcomeKind::output_limit,
                    fmt::format("it printed 16 times its limit of {} (limits.output_bytes)",
                                size_in_words(held.attempt.limits().output_bytes)),
                    now);
    send_output(held);
}

void SlurmEngine::send_output(Held& held) {
    if (connection_ == nullptr || held.attempt.forgotten()) return;
    const auto send = [&](Printed& printed, OutputStream stream) {
        if (!printed.is_whole()) return;
        printed.output.cut();
        record_cuts(held);
        while (connection_->unsent_bytes() <= max_unsent_bytes) {
            const auto chunk = printed.output.next_unsent();
            if (!chunk) return;
            connection_->send(protocol::AttemptOutput{held.attempt.ref(), stream, chunk->offset}, chunk->bytes);
        }
    };
    send(held.standard_output, OutputStream::standard_output);
    send(held.standard_error, OutputStream::standard_error);
}

void SlurmEngine::record_cuts(Held& held) {
    for (const auto end : held.standard_output.unrecorded())
        ledger_->cut(held.attempt.ref(), OutputStream::standard_output, end);
    for (const auto end : held.standard_error.unrecorded())
        ledger_->cut(held.attempt.ref(), OutputStream::standard_error, end);
}

// ---- what it uses

// Nothing in Slurm keeps what a job writes into the shared directory within bounds; quotas of one user would be those
// of all jobs together.
void SlurmEngine::measure_disks(SteadyTime now) {
    struct Disk {
        AttemptRef ref;
        TreeLimits most;
        TreeSize size;
    };
    auto disks = std::make_shared<std::vector<Disk>>();
    for (const auto& [ref, held] : held_) {
        if (held->step != Step::in_slurm || !held->runs || held->end || held->attempt.blamed()) continue;
        const Limits& limits = held->attempt.limits();
        disks->push_back({ref, {limits.disk_bytes, inodes_of(limits)}, {}});
    }
    measure_at_ = now + settings_.sample_interval;
    if (disks->empty()) return;
    measuring_ = true;
    background_(
        [disks, site = settings_.site] {
            for (Disk& disk : *disks) disk.size = measure_work(site, disk.ref, disk.most);
        },
        [this, disks] {
            measuring_ = false;
            const SteadyTime then = clock_.now().steady;
            for (const Disk& disk : *disks) {
                Held* held = find(disk.ref);
                if (held == nullptr) continue;
                if (disk.size.bytes > disk.most.bytes)
                    stop(
                        *held, OutcomeKind::out_of_disk,
                        fmt::format("it wrote more than its limit of {} into its working directory (limits.disk_bytes)",
                                    size_in_words(disk.most.bytes)),
                        then);
                else if (disk.size.files > disk.most.files)
                    stop(*held, OutcomeKind::out_of_disk,
                         fmt::format("it made more than its limit of {} files in its working directory (limits.inodes)",
                                     disk.most.files),
                         then);
            }
        });
}

void SlurmEngine::ask_for_use(SteadyTime now) {
    std::vector<SlurmJobId> jobs;
    for (const auto& [ref, held] : held_)
        if (held->step == Step::in_slurm && held->runs && !held->end) jobs.push_back(*held->job);
    use_at_.reset();
    if (jobs.empty()) return;
    use_at_ = now + settings_.sample_interval;
    asking_for_use_ = true;
    auto answer = std::make_shared<Result<std::vector<JobUse>>>(std::vector<JobUse>{});
    background_([answer, client = client_, jobs] { *answer = client->use(jobs); },
                [this, answer] {
                    asking_for_use_ = false;
                    use_answered(*answer);
                });
}

void SlurmEngine::use_answered(const Result<std::vector<JobUse>>& uses) {
    if (!uses) {
        if (++use_failures_ < most_use_failures) return;
        use_at_.reset();
        log::info("what jobs use is not measured: {}", uses.error().message);
        return;
    }
    use_failures_ = 0;
    const Now now = clock_.now();
    for (const JobUse& use : *uses) {
        const auto place = std::ranges::find_if(held_, [&](const auto& one) { return one.second->job == use.id; });
        if (place == held_.end() || !place->second->samples || place->second->step != Step::in_slurm) continue;
        Held& held = *place->second;
        held.usage.cpu_user = use.cpu.value_or(held.usage.cpu_user);  // Slurm tells one number for both
        held.usage.peak_memory_bytes = std::max(held.usage.peak_memory_bytes, use.memory_bytes.value_or(0));
        held.usage.peak_memory_is_largest_process = true;
        held.usage.read_bytes = use.read_bytes.value_or(held.usage.read_bytes);
        held.usage.written_bytes = use.written_bytes.value_or(held.usage.written_bytes);
        held.samples->take({use.cpu, use.memory_bytes, std::nullopt, use.read_bytes, use.written_bytes}, now);
        // Where Slurm is not set up to keep it. Where it is, it was faster.
        if (use.memory_bytes.value_or(0) > held.attempt.limits().memory_bytes)
            stop(held, OutcomeKind::out_of_memory,
                 fmt::format("it used {}, more than its limit of {} (limits.memory_bytes)",
                             size_in_words(*use.memory_bytes), size_in_words(held.attempt.limits().memory_bytes)),
                 now.steady);
        if (connection_ != nullptr && !held.attempt.forgotten())
            connection_->send(protocol::AttemptSampled{held.attempt.ref(), held.samples->flush()});
    }
}

}  // namespace windlass::worker::slurm
