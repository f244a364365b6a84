// The first contact of a worker with the scheduler on another machine: windlass-worker --enrol TOKEN.
#pragma once

#include <string>
#include <vector>

#include "shared/result.h"
#include "shared/wire/connection.h"
#include "worker/credential.h"

namespace windlass::worker {

struct EnrolmentSettings {
    std::vector<wire::Endpoint> schedulers;  // those of TLS are asked, in turn, until one answers
    std::string name;                        // worker.name
    std::string state_directory;             // exists, private
    trust::WallClock clock = trust::system_wall_clock;
};

// Makes a key, has it certified and saves both; blocks, on a loop of its own. The key lies in
// STATE_DIRECTORY/enrolling.key until then: run again with the same token after a lost answer, it gets the same answer.
//   denied       the scheduler refuses: its sentence
//   unavailable  no scheduler answers: what was tried and why it failed
Result<Credential> enrol(const EnrolmentSettings& settings, const std::string& token);

}  // namespace windlass::worker
