// The fields of a submit that say where, when and with what a job runs. Pure. What is absent leaves the job as it is.
#pragma once

#include <string_view>

#include "api/field_reader.h"
#include "api/submit_parser.h"

namespace windlass::api {

// queue, tags, retry_on, retry_delay_s, after, not_before, deadline, requires, resources, array
void read_queue_fields(FieldReader& fields, SubmittedJob& job, Faults& faults);
// files, outputs
void read_file_fields(FieldReader& fields, SubmittedJob& job, Faults& faults);

// image, datasets: whether there are such, and whether the owner may use them, is not known here
// (submit_references.h).
void read_site_fields(FieldReader& fields, JobSpec& spec, Faults& faults);

// What is wrong with a name, as a sentence, or nothing.
std::string_view fault_of_queue_name(std::string_view name);
std::string_view fault_of_tag(std::string_view tag);
// A path below a working directory: relative, no empty, "." or ".." part, no control characters, at most 500 bytes.
std::string_view fault_of_relative_path(std::string_view path);
bool is_sha256(std::string_view text);  // 64 digits, lower case

}  // namespace windlass::api
