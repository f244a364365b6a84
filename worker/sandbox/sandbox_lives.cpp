// Boxes that outlive the worker that started them: what is written down about them, and how they are taken over.
#include <fmt/format.h>
#include <sys/epoll.h>

#include <cerrno>
#include <sstream>

#include "shared/log.h"
#include "worker/sandbox/linux_sandbox.h"
#include "worker/sandbox/process_use.h"

namespace windlass::worker {

// Before the box is started: a box that nobody can tell anything about is never taken over.
Status LinuxSandbox::write_record(int slot, const Box& box, const std::string& entries) {
    std::string record = record_entry(record_box, std::to_string(box.id));
    record += record_entry(record_groups, cgroups_ ? cgroups_->words(slot) : "");
    record += entries;
    return files_[static_cast<std::size_t>(slot)].begin(record);
}

void LinuxSandbox::add_to_record(BoxId id, char kind, std::string_view text) {
    for (std::size_t slot = 0; legacy_ && slot < boxes_.size(); slot++) {
        if (id == 0 || boxes_[slot].id != id) continue;
        if (const Status added = files_[slot].add(record_entry(kind, text)); !added)
            log::warning("the next worker will not know all of box {}: {}", boxes_[slot].name, added.error().message);
    }
}

void LinuxSandbox::forget(BoxId id) {
    for (std::size_t slot = 0; legacy_ && slot < kept_.size(); slot++) {
        if (id == 0 || kept_[slot] != id) continue;
        kept_[slot] = 0;
        Command command;
        command.kind = Command::forget;
        command.slot = static_cast<std::uint32_t>(slot);
        command.box = id;
        const Status ignored = spawner_.send(command, "", {});  // a dead spawner shows in take_events()
    }
}

std::vector<Sandbox::Inherited> LinuxSandbox::take_inherited() {
    std::vector<Inherited> all;
    if (!legacy_) return all;
    for (InheritedBox& box : std::exchange(legacy_->boxes, {})) all.push_back(take_over(box));
    return all;
}

Sandbox::Inherited LinuxSandbox::take_over(InheritedBox& inherited) {
    const KeptBox& about = inherited.about;
    const auto slot = static_cast<std::size_t>(about.slot);
    Inherited result;
    result.record = record_of(inherited);
    Box& box = boxes_[slot];
    box.id = kept_[slot] = about.box;
    box.sent = true;
    box.pid_one = pid_of(about.pid);
    box.work_directory = std::move(inherited.descriptors[Kept::work_directory]);
    files_[slot] = {std::move(inherited.descriptors[Kept::record]), std::move(inherited.descriptors[Kept::stdout_file]),
                    std::move(inherited.descriptors[Kept::stderr_file])};
    if (inherited.descriptors[Kept::network]) {
        box.network.emplace(JobNetwork::take_over(std::move(inherited.descriptors[Kept::network])));
        epoll_event event{};
        event.events = EPOLLIN;
        epoll_ctl(poll_.get(), EPOLL_CTL_ADD, box.network->fd(), &event);
    }
    if (about.started != 0) told_before_.push_back(about.start);
    Report stuck;
    stuck.kind = Report::stuck;
    stuck.slot = about.slot;
    stuck.box = about.box;
    if (about.stuck != 0) told_before_.push_back(stuck);
    if (about.ended != 0) told_before_.push_back(about.end);
    result.launched.box = about.box;
    result.launched.stdout_fd = inherited.descriptors[Kept::stdout_read].release();
    result.launched.stderr_fd = inherited.descriptors[Kept::stderr_read].release();
    result.launched.stdout_file = files_[slot].out.get();
    result.launched.stderr_file = files_[slot].err.get();
    return result;
}

void LinuxSandbox::adopt(BoxId id, const std::string& name, const Limits& limits) {
    for (Box& box : boxes_) {
        if (id == 0 || box.id != id) continue;
        box.name = name;
        box.limits = limits;
    }
}

// A child of the spawner, which knows it by another number. 0: it is not there any more.
pid_t LinuxSandbox::pid_of(std::int32_t in_spawners_namespace) const {
    if (in_spawners_namespace <= 0) return 0;
    for (const pid_t pid : process_tree("/proc", spawner_.pid())) {
        const std::string status = read_small(fmt::format("/proc/{}/status", pid));
        const std::size_t at = status.find("\nNSpid:");
        if (at == std::string::npos) continue;
        // From the namespace this is read in inwards; the last is the box's own, where it is 1.
        std::istringstream numbers(status.substr(at + 7, status.find('\n', at + 1) - at - 7));
        std::vector<std::int32_t> all;
        for (std::int32_t number = 0; numbers >> number;) all.push_back(number);
        if (all.size() >= 2 && all.back() == 1 && all[all.size() - 2] == in_spawners_namespace) return pid;
    }
    return 0;
}

}  // namespace windlass::worker
