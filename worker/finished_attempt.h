// An ended attempt as the messages that tell the scheduler about it: its output in chunks, then AttemptFinished. They
// are the same in memory, on the wire and on disk (a spool file is these frames one after the other), so a result can
// be offered again as often as needed, on any connection, by this process or the next one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shared/protocol.h"
#include "shared/result.h"
#include "worker/output_collector.h"

namespace windlass::worker {

struct FinishedAttempt {
    struct Part {
        protocol::Message message;
        std::string body;
        // It left on the connection that was up when the attempt ended; means nothing on any other connection.
        bool sent_already = false;
    };
    AttemptRef ref;
    std::vector<Part> parts;  // AttemptOutput …, AttemptFinished

    std::size_t body_bytes() const;
};

// `result.stdout_bytes` and the like are filled in from the collectors. `file_bytes`: of the files with stored = true.
FinishedAttempt make_finished(AttemptRef ref, AttemptResult result, OutputCollector& standard_output,
                              OutputCollector& standard_error, std::string_view file_bytes);

// The frames of all parts, one after the other, are what a spool file holds.
std::string to_frame(const FinishedAttempt::Part& part);
// invalid: not the frames of `ref` (a file cut short, or of another version).
Result<FinishedAttempt> from_frames(AttemptRef ref, std::string_view frames);

}  // namespace windlass::worker
