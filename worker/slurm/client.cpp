#include "worker/slurm/client.h"

#include <fmt/format.h>
#include <unistd.h>

#include "worker/bounded_command.h"
#include "worker/gpu_tool.h"

namespace windlass::worker::slurm {
namespace {

// A line of squeue is less than 256 bytes.
constexpr std::size_t most_bytes = std::size_t{64} << 20;

Result<CommandSaid> call(const Site& site, std::vector<std::string> words) {
    const std::string program = words.front();
    words.front() = find_tool(program);
    if (words.front().empty())
        return make_error(ErrorKind::invalid, program + " is not in PATH (Debian's package slurm-client)");
    BoundedCommand command;
    if (geteuid() != site.uid) command.argv = as_user(site.uid, site.gid, true);
    command.argv.insert(command.argv.end(), std::make_move_iterator(words.begin()),
                        std::make_move_iterator(words.end()));
    command.environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "SLURM_TIME_FORMAT=%s"};
    if (!site.conf.empty()) command.environment.push_back("SLURM_CONF=" + site.conf);
    command.deadline = site.patience;
    command.most_bytes = most_bytes;
    auto said = run_bounded(command);
    if (!said) return std::move(said).error().in(program);
    return said;
}

// Its first words for people; the rest is for the log of a site.
std::string sentence(const CommandSaid& said) {
    std::string text;
    for (const char c : said.err.substr(0, 1000)) text += c == '\n' ? ';' : c;
    while (!text.empty() && (text.back() == ';' || text.back() == ' ')) text.pop_back();
    return text.empty() ? fmt::format("exit code {}", said.status) : text;
}

}  // namespace

Result<SlurmJobId> Programs::submit(AttemptRef ref, const JobSpec& spec) const {
    auto words = sbatch_words(site_, ref, spec);
    const auto said = call(site_, std::move(words));
    if (!said) return said.error();
    if (said->status != 0)
        return make_error(may_have_been_submitted(said->err) ? ErrorKind::unavailable : ErrorKind::invalid,
                          sentence(*said));
    auto id = parse_submitted(said->out);
    // It was taken, whatever it said of it.
    if (!id) return make_error(ErrorKind::unavailable, id.error().message);
    return id;
}

Result<std::vector<QueuedJob>> Programs::queue() const {
    WINDLASS_TRY(const auto said, call(site_, squeue_words(site_)));
    if (said.status != 0) return make_error(ErrorKind::unavailable, "squeue: " + sentence(said));
    return parse_queue(site_, said.out);
}

Status Programs::cancel(const std::vector<SlurmJobId>& jobs, bool at_once) const {
    if (at_once) {  // best effort: the second call tells Slurm itself
        if (const auto killed = call(site_, scancel_words(jobs, true)); !killed) return killed.error();
    }
    WINDLASS_TRY(const auto said, call(site_, scancel_words(jobs, false)));
    // Of many some may be over: then it complains, and has done the rest.
    if (said.status != 0 && may_have_been_submitted(said.err))
        return make_error(ErrorKind::unavailable, "scancel: " + sentence(said));
    return {};
}

}  // namespace windlass::worker::slurm
