// What an image says about how it is used, from the configuration of OCI (image-spec, config.md) and from its own
// /etc/passwd; and how it stands in image.json, beside its root file system. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "shared/result.h"

namespace windlass::worker {

struct ImageConfig {
    std::map<std::string, std::string> env;
    std::vector<std::string> entry_point;  // Entrypoint, then Cmd; empty: it has none
    std::string working_directory;         // absolute; empty: none is said
    std::string user;                      // as the image has it: a name or a number, with a group or without

    bool operator==(const ImageConfig&) const = default;
};

// Whom a job finds itself to be: the image's user, with the ids of the job.
struct ImageUser {
    std::string home;
    std::string passwd;  // the image's own, with the job's line first; {uid} and {gid} stand for its ids
    std::string group;

    bool operator==(const ImageUser&) const = default;
};

// Of an OCI configuration (the whole document; what a job does not need is ignored). invalid: not such a document, or
// more than a plan of a box can hold.
Result<ImageConfig> parse_oci_config(std::string_view json);

// `passwd`, `group`: those of the image, empty when it has none. An image that says no user, or root, runs as "job",
// at home in the working directory, as jobs without an image do.
ImageUser image_user(const std::string& user, std::string_view passwd, std::string_view group);

// What is kept of one imported image.
struct ImageRecord {
    std::string digest;  // "sha256:…": of the manifest; of a plain directory: of all it holds
    std::string source;  // as it was given
    std::int64_t bytes = 0;
    std::int64_t files = 0;
    ImageConfig config;
    ImageUser user;

    bool operator==(const ImageRecord&) const = default;
};
std::string to_json(const ImageRecord& record);
Result<ImageRecord> parse_image_record(std::string_view json);

}  // namespace windlass::worker
