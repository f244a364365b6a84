// Bytes with their hash, shared by all jobs that have the same: one copy of the same code for a million jobs.
#pragma once

#include <memory>
#include <string>

#include "shared/digest.h"
#include "shared/job.h"

namespace windlass::scheduler {

struct Content {
    std::string sha256;  // empty exactly when there are no bytes
    std::string bytes;
};
using ContentPtr = std::shared_ptr<const Content>;

inline ContentPtr make_content(std::string bytes) {
    static const ContentPtr none = std::make_shared<const Content>();
    if (bytes.empty()) return none;
    std::string sha256 = sha256_hex(bytes);
    return std::make_shared<const Content>(Content{std::move(sha256), std::move(bytes)});
}

// What a worker needs to run a job.
struct SharedPayload {
    JobSpec spec;
    ContentPtr code;
    ContentPtr data;
    std::int64_t array_count = 0;  // of an array; its members run this payload
    bool has_params = false;       // … each with parameters of its own, which are in the store
};

}  // namespace windlass::scheduler
