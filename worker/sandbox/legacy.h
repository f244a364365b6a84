// What one life of a worker leaves to the next with its spawner: the end of its leases, journals, and of each box a
// record and what was read of its output. See inheritance.h for how it gets there.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "worker/sandbox/box_record.h"
#include "worker/sandbox/inheritance.h"
#include "worker/sandbox/protection.h"
#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/spawner_process.h"

namespace windlass::worker {

// The files of a slot that the spawner keeps, too, used by one box after the other. Made by the first begin().
struct SlotFiles {
    FileDescriptor record;
    FileDescriptor out;
    FileDescriptor err;

    // Before the box is started: a box that nobody can tell anything about is never taken over.
    Status begin(const std::string& entries);
    Status add(const std::string& entries) const;
};

// What outlives this process with the spawner.
struct Legacy {
    LeasePage page;
    std::array<FileDescriptor, 2> journals;
    std::optional<std::string> about;  // of the former life
    std::vector<InheritedBox> boxes;   // likewise
    BoxId last_box = 0;
};

// Empty: what stands there is about another box, the record of this one was never written, or not to its end.
std::vector<RecordEntry> record_of(const InheritedBox& box);
// The first of its kind; empty: there is none.
std::string text_of(const std::vector<RecordEntry>& record, char kind);

// What a former life has left, if it fits these settings; else it is ended, and said in the log.
std::optional<Inheritance> inherit_what_fits(const SandboxSettings& settings, const Machine& machine);
// Takes all of it but the spawner.
Result<Legacy> legacy_of(Inheritance& inherited);
// What must be as it was for a spawner and its boxes to be used again.
std::string describe_shape(const SandboxSettings& settings, const Machine& machine);
// For a spawner that is about to be started: fills in what it is to keep.
Result<Legacy> new_legacy(const SandboxSettings& settings, const std::string& shape, SpawnerProcess::ForAll& for_all);

}  // namespace windlass::worker
