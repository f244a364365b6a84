#include "scheduler/job_seed.h"

#include "shared/site_names.h"

namespace windlass::scheduler {

NewJob seed_from(UserId owner, const JobSpec& spec) {
    NewJob seed;
    seed.owner = owner;
    seed.priority = spec.priority;
    seed.max_attempts = spec.max_attempts;
    seed.need.cpu_millis = spec.limits.cpu_millis;
    seed.need.memory_bytes = spec.limits.memory_bytes;
    seed.queue = spec.queue;
    add_details(spec, seed);
    return seed;
}

void add_details(const JobSpec& spec, NewJob& seed) {
    seed.need.resources = spec.resources;
    seed.need.labels = spec.required_labels;
    if (spec.network == Network::full) seed.need.labels["network"] = "full";
    if (spec.service) seed.need.labels["service"] = "http";
    const auto needs = [&](std::string_view prefix, const std::string& name) {
        seed.need.labels[std::string(prefix) + name] = site_label_value;
    };
    if (!spec.image.empty()) needs(image_label_prefix, spec.image);
    for (const std::string& name : spec.datasets) needs(dataset_label_prefix, name);
    seed.rules = {spec.retry_on, spec.retry_delay, spec.not_before, spec.deadline};
}

}  // namespace windlass::scheduler
