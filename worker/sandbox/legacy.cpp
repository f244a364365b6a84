#include "worker/sandbox/legacy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "shared/log.h"
#include "worker/sandbox/spawner_process.h"

namespace windlass::worker {

Status SlotFiles::begin(const std::string& bytes) {
    for (FileDescriptor* file : {&record, &out, &err}) {
        if (!*file) {
            WINDLASS_TRY(*file, memory_file("windlass-box"));
        }
        if (ftruncate(file->get(), 0) != 0) return errno_error("emptying a file in memory", errno);
    }
    return add(bytes);
}

// At its end, wherever that is: there is but one writer at a time, and the file was another process's before.
Status SlotFiles::add(const std::string& entries) const {
    const off_t end = lseek(record.get(), 0, SEEK_END);
    if (end < 0 || pwrite(record.get(), entries.data(), entries.size(), end) != static_cast<ssize_t>(entries.size()))
        return errno_error("writing into memory", errno);
    return {};
}

std::string text_of(const std::vector<RecordEntry>& record, char kind) {
    const auto entry = std::ranges::find(record, kind, &RecordEntry::kind);
    return entry == record.end() ? std::string() : entry->text;
}

// Empty: what stands there is about another box, the record of this one was never written, or not to its end.
std::vector<RecordEntry> record_of(const InheritedBox& box) {
    if (!box.descriptors[Kept::record]) return {};
    const auto bytes = read_whole(box.descriptors[Kept::record].get());
    if (!bytes) return {};
    auto record = entries_of(*bytes);
    if (text_of(record, record_box) != std::to_string(box.about.box)) record.clear();
    return record;
}

// What must be as it was for a spawner and its boxes to be used again.
std::string describe_shape(const SandboxSettings& settings, const Machine& machine) {
    return fmt::format("{} slots, first uid {}, network {} {}, other roots {}, rootless {}, cgroup v{} {}",
                       settings.slots, settings.first_uid, settings.network.full, settings.network.service,
                       settings.other_roots, machine.rootless, machine.cgroups.version, settings.cgroup);
}

// One that cannot be used is told to end, with all its boxes.
std::optional<Inheritance> inherit_what_fits(const SandboxSettings& settings, const Machine& machine) {
    auto found = inherit(settings.state_directory);
    if (!found) log::warning("the jobs of the former worker are ended: {}", found.error().message);
    if (!found || !*found) return std::nullopt;
    std::optional<Inheritance> inherited = std::move(*found);
    const auto about = read_whole(inherited->for_all[KeptForAll::about].get());
    const std::string shape = describe_shape(settings, machine);
    const bool known = std::ranges::all_of(inherited->boxes, [&](const InheritedBox& box) {
        return box.about.slot < static_cast<std::uint32_t>(settings.slots) && !record_of(box).empty();
    });
    if (settings.outlive && known && about && about->starts_with(shape + "\n")) return inherited;
    if (!inherited->boxes.empty())
        log::warning("the jobs of the former worker are ended: {}",
                     known ? "the settings of this one are others" : "what is written down about them is of no use");
    const SpawnerProcess ends_here = SpawnerProcess::take_over(*inherited);
    return std::nullopt;
}

Result<Legacy> legacy_of(Inheritance& inherited) {
    WINDLASS_TRY(const std::string about, read_whole(inherited.for_all[KeptForAll::about].get()));
    WINDLASS_TRY(LeasePage page, LeasePage::map(inherited.for_all[KeptForAll::page].get()));
    Legacy legacy{
        std::move(page), {}, about.substr(about.find('\n') + 1), std::move(inherited.boxes), inherited.last_box};
    legacy.journals = {std::move(inherited.for_all[KeptForAll::journal]),
                       std::move(inherited.for_all[KeptForAll::other_journal])};
    log::info("took over {} boxes of the former worker", legacy.boxes.size());
    return legacy;
}

Result<Legacy> new_legacy(const SandboxSettings& settings, const std::string& shape, SpawnerProcess::ForAll& for_all) {
    for (const auto place : {KeptForAll::page, KeptForAll::about, KeptForAll::journal, KeptForAll::other_journal}) {
        WINDLASS_TRY(for_all[place], memory_file("windlass-kept"));
    }
    const std::string about = shape + "\n" + settings.about;
    if (write(for_all[KeptForAll::about].get(), about.data(), about.size()) != static_cast<ssize_t>(about.size()))
        return errno_error("writing into memory", errno);
    WINDLASS_TRY(for_all[KeptForAll::door], make_door(settings.state_directory));
    WINDLASS_TRY(LeasePage page, LeasePage::map(for_all[KeptForAll::page].get()));
    Legacy legacy{std::move(page), {}, std::nullopt, {}, 0};
    for (const std::size_t i : {0, 1})
        legacy.journals[i] = FileDescriptor(fcntl(for_all[KeptForAll::journal + i].get(), F_DUPFD_CLOEXEC, 0));
    return legacy;
}

}  // namespace windlass::worker
