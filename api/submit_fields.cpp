#include "api/submit_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "api/names.h"
#include "api/rfc3339.h"
#include "shared/site_names.h"

namespace windlass::api {
namespace {

constexpr std::size_t most_tags = 20;
constexpr std::size_t most_tag_characters = 64;
constexpr std::size_t most_codes = 64;
constexpr double longest_delay_s = 86'400;
constexpr std::size_t most_dependencies = 1000;
constexpr std::size_t most_labels = 20;
constexpr std::size_t most_datasets = 32;  // of one job; a box has room for so many (worker/sandbox/wire.h)
constexpr std::size_t most_label_value_bytes = 200;
constexpr std::int64_t most_of_a_resource = 1'000'000;
constexpr std::size_t most_params_bytes = 64 * 1024;  // of one member
constexpr std::int64_t largest_id = (std::int64_t{1} << 53) - 1;

bool is_word(std::string_view text, std::size_t most, std::string_view also) {
    return !text.empty() && text.size() <= most && std::all_of(text.begin(), text.end(), [also](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               also.find(c) != std::string_view::npos;
    });
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

// The elements of a list, or null after saying what is wrong.
const rapidjson::Value* list(FieldReader& fields, std::string_view key, std::size_t most) {
    const auto* value = fields.any(key);
    if (value == nullptr) return nullptr;
    if (!value->IsArray()) {
        fields.bad(key, fmt::format("must be an array, not {}", type_name(*value)));
        return nullptr;
    }
    if (value->Size() > most) {
        fields.bad(key, fmt::format("has {} elements; at most {} are possible", value->Size(), most));
        return nullptr;
    }
    return value;
}

std::string element(std::string_view key, std::size_t number) {
    return fmt::format("/{}/{}", key, number);
}

void read_queue(FieldReader& fields, std::string& queue) {
    const auto name = fields.text("queue");
    if (!name) return;
    if (const auto fault = fault_of_queue_name(*name); !fault.empty()) return fields.bad("queue", std::string(fault));
    if (*name == system_queue) return fields.bad("queue", "\"system\" is the site's own; jobs of people go elsewhere");
    queue = *name;
}

void read_tags(FieldReader& fields, std::vector<std::string>& tags, Faults& faults) {
    const auto* values = list(fields, "tags", most_tags);
    if (values == nullptr) return;
    tags.clear();
    std::size_t number = 0;
    for (const auto& value : values->GetArray()) {
        const auto pointer = element("tags", number++);
        if (!value.IsString()) {
            faults.bad(pointer, fmt::format("must be a string, not {}", type_name(value)));
        } else if (const auto fault = fault_of_tag(text_of(value)); !fault.empty()) {
            faults.bad(pointer, std::string(fault));
        } else if (std::find(tags.begin(), tags.end(), text_of(value)) != tags.end()) {
            faults.bad(pointer, "is there twice");
        } else {
            tags.emplace_back(text_of(value));
        }
    }
}

void read_numbers(FieldReader& fields, std::string_view key, std::int32_t least, std::int32_t most,
                  std::vector<std::int32_t>& numbers, Faults& faults) {
    const auto* values = list(fields, key, most_codes);
    if (values == nullptr) return;
    std::size_t number = 0;
    for (const auto& value : values->GetArray()) {
        const auto pointer = fmt::format("/retry_on/{}/{}", key, number++);
        if (!value.IsInt() || value.GetInt() < least || value.GetInt() > most)
            faults.bad(pointer, fmt::format("must be a whole number from {} to {}", least, most));
        else
            numbers.push_back(value.GetInt());
    }
}

void read_retry(FieldReader& fields, JobSpec& spec, Faults& faults) {
    if (const auto* object = fields.object("retry_on")) {
        RetryOn retry;
        FieldReader inner(*object, "/retry_on", faults);
        read_numbers(inner, "exit_codes", 1, 255, retry.exit_codes, faults);
        read_numbers(inner, "signals", 1, 64, retry.signals, faults);
        if (const auto* timeout = inner.any("timeout")) {
            if (timeout->IsBool())
                retry.timeout = timeout->GetBool();
            else
                inner.bad("timeout", fmt::format("must be true or false, not {}", type_name(*timeout)));
        }
        inner.refuse_others();
        spec.retry_on = std::move(retry);
    }
    if (const auto delay = fields.number("retry_delay_s")) {
        if (!(*delay > 0 && *delay <= longest_delay_s))
            fields.bad("retry_delay_s", "must be more than 0 and at most 86400");
        else
            spec.retry_delay = Milliseconds(static_cast<std::int64_t>(std::ceil(*delay * 1000)));
    }
}

std::optional<DependencyCondition> condition_named(std::string_view word) {
    if (word == "ok") return DependencyCondition::ok;
    if (word == "any") return DependencyCondition::any;
    if (word == "failed") return DependencyCondition::failed;
    return std::nullopt;
}

// Our ids are strings in answers; a number is taken too.
std::optional<std::int64_t> id_of(const rapidjson::Value& value) {
    std::int64_t id = 0;
    if (value.IsInt64()) {
        id = value.GetInt64();
    } else if (value.IsString()) {
        const auto text = text_of(value);
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
        if (text.empty() || text.front() == '-' || failed != std::errc() || end != text.data() + text.size()) id = 0;
    }
    return id >= 1 && id <= largest_id ? std::optional(id) : std::nullopt;
}

void read_dependency(const rapidjson::Value& value, const std::string& pointer, std::vector<SubmittedDependency>& after,
                     Faults& faults) {
    if (!value.IsObject()) return faults.bad(pointer, fmt::format("must be an object, not {}", type_name(value)));
    FieldReader fields(value, pointer, faults);
    SubmittedDependency dependency;
    const auto* job = fields.any("job");
    const auto name = fields.text("name");
    if ((job == nullptr) == (fields.any("name") == nullptr)) {
        faults.bad(pointer, "needs either job (an id) or name (of an item of the same batch)");
    } else if (job != nullptr) {
        if (const auto id = id_of(*job))
            dependency.job = JobId{*id};
        else
            fields.bad("job", "must be the id of a job");
    } else if (name) {
        if (name->empty()) fields.bad("name", "must not be empty");
        dependency.name = *name;
    }
    if (const auto when = fields.text("when")) {
        if (const auto condition = condition_named(*when))
            dependency.condition = *condition;
        else
            fields.bad("when", "must be ok, any or failed");
    }
    fields.refuse_others();
    const auto same = [&](const SubmittedDependency& other) {
        return other.job == dependency.job && other.name == dependency.name;
    };
    if ((dependency.job || !dependency.name.empty()) && std::any_of(after.begin(), after.end(), same))
        return faults.bad(pointer, "names the same job as an entry before it");
    after.push_back(std::move(dependency));
}

void read_after(FieldReader& fields, std::vector<SubmittedDependency>& after, Faults& faults) {
    const auto* values = list(fields, "after", most_dependencies);
    if (values == nullptr) return;
    after.clear();
    std::size_t number = 0;
    for (const auto& value : values->GetArray()) read_dependency(value, element("after", number++), after, faults);
}

void read_time(FieldReader& fields, std::string_view key, std::optional<WallTime>& time) {
    const auto text = fields.text(key);
    if (!text) return;
    time = parse_rfc3339(*text);
    if (!time) fields.bad(key, "must be a time as in RFC 3339, with its zone: 2026-01-31T09:30:00Z");
}

void read_times(FieldReader& fields, JobSpec& spec) {
    read_time(fields, "not_before", spec.not_before);
    read_time(fields, "deadline", spec.deadline);
    if (spec.not_before && spec.deadline && *spec.deadline <= *spec.not_before)
        fields.bad("deadline", "must be later than not_before");
}

void read_requires(FieldReader& fields, std::map<std::string, std::string>& labels, Faults& faults) {
    const auto* object = fields.object("requires");
    if (object == nullptr) return;
    labels.clear();
    if (object->MemberCount() > most_labels)
        return fields.bad("requires", fmt::format("has more than {} labels", most_labels));
    for (const auto& member : object->GetObject()) {
        const auto pointer = pointer_to("/requires", text_of(member.name));
        if (!is_word(text_of(member.name), 64, "._:/-"))
            faults.bad(pointer, "a label is 1 to 64 letters, digits and . _ : / -");
        else if (!member.value.IsString())
            faults.bad(pointer, fmt::format("must be a string, not {}", type_name(member.value)));
        else if (member.value.GetStringLength() > most_label_value_bytes || has_control(text_of(member.value)))
            faults.bad(pointer, "must be at most 200 bytes without control characters");
        else
            labels.emplace(text_of(member.name), text_of(member.value));
    }
}

void read_resources(FieldReader& fields, std::map<std::string, std::int64_t>& resources, Faults& faults) {
    const auto* object = fields.object("resources");
    if (object == nullptr) return;
    resources.clear();
    if (object->MemberCount() > most_labels)
        return fields.bad("resources", fmt::format("has more than {} resources", most_labels));
    FieldReader inner(*object, "/resources", faults);
    for (const auto& member : object->GetObject()) {
        const auto name = text_of(member.name);
        if (!is_word(name, 64, "._:/-"))
            faults.bad(pointer_to("/resources", name), "a resource is 1 to 64 letters, digits and . _ : / -");
        else if (const auto count = inner.integer(name, 1, most_of_a_resource))
            resources.emplace(name, *count);
    }
}

void read_params(const rapidjson::Value& list, SubmittedArray& array, Faults& faults) {
    if (list.Empty()) return faults.bad("/array", "needs at least one member");
    if (list.Size() > most_array_params)
        return faults.too_much(
            "/array", fmt::format("has {} members; a list has at most {} here: use count, or several", list.Size(),
                                  most_array_params));
    std::size_t number = 0;
    array.params.reserve(list.Size());
    for (const auto& member : list.GetArray()) {
        const auto pointer = element("array", number++);
        auto& params = array.params.emplace_back();
        if (!member.IsObject()) {
            faults.bad(pointer, fmt::format("must be an object, not {}", type_name(member)));
            continue;
        }
        std::size_t bytes = 0;
        for (const auto& entry : member.GetObject()) {
            const auto name = text_of(entry.name);
            if (const auto fault = fault_of_variable(name); !fault.empty()) {
                faults.bad(pointer_to(pointer, name), std::string(fault));
            } else if (!entry.value.IsString()) {
                faults.bad(pointer_to(pointer, name), fmt::format("must be a string, not {}", type_name(entry.value)));
            } else {
                bytes += name.size() + entry.value.GetStringLength() + 2;
                params.emplace(name, text_of(entry.value));
            }
        }
        if (bytes > most_params_bytes)
            faults.bad(pointer, fmt::format("is {} bytes in all; at most {} are possible", bytes, most_params_bytes));
    }
    array.count = list.Size();
}

void read_array(FieldReader& fields, SubmittedArray& array, Faults& faults) {
    const auto* value = fields.any("array");
    if (value == nullptr) return;
    array = {};
    if (value->IsArray()) return read_params(*value, array, faults);
    if (!value->IsObject())
        return fields.bad("array",
                          fmt::format("must be {{\"count\": N}} or a list of objects, not {}", type_name(*value)));
    FieldReader inner(*value, "/array", faults);
    if (inner.any("count") == nullptr) inner.bad("count", "is required");
    if (const auto count = inner.integer("count", 1, std::numeric_limits<std::int64_t>::max())) {
        if (*count > most_array_members) inner.too_much("count", fmt::format("is at most {} here", most_array_members));
        array.count = *count;
    }
    array.max_fails = inner.integer("max_fails", 0, std::numeric_limits<std::int64_t>::max());
    inner.refuse_others();
}

}  // namespace

std::string_view fault_of_queue_name(std::string_view name) {
    return is_word(name, 64, "._-") ? std::string_view() : "a queue's name is 1 to 64 letters, digits and . _ -";
}

std::string_view fault_of_tag(std::string_view tag) {
    if (tag.empty()) return "must not be empty";
    if (count_characters(tag) > most_tag_characters) return "must not be longer than 64 characters";
    if (has_control(tag)) return "must not contain control characters";
    return {};
}

bool is_sha256(std::string_view text) {
    return text.size() == 64 && std::all_of(text.begin(), text.end(),
                                            [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string_view fault_of_relative_path(std::string_view path) {
    if (path.empty()) return "a path must not be empty";
    if (path.size() > 500) return "a path must not be longer than 500 bytes";
    if (has_control(path)) return "a path must not contain control characters";
    if (path.front() == '/') return "a path must be relative";
    while (true) {
        const auto end = std::min(path.find('/'), path.size());
        const auto part = path.substr(0, end);
        if (part.empty() || part == "." || part == "..") return "a path has no empty part, no . and no ..";
        if (part.size() > 255) return "a part of a path must not be longer than 255 bytes";
        if (end == path.size()) return {};
        path.remove_prefix(end + 1);
    }
}

void read_site_fields(FieldReader& fields, JobSpec& spec, Faults& faults) {
    if (const auto image = fields.text("image")) {
        // Empty: none, so that a job can be made anew without the image that it had.
        if (const auto fault = fault_of_site_name(*image); !image->empty() && !fault.empty())
            fields.bad("image", std::string(fault));
        else
            spec.image = *image;
    }
    const auto* values = list(fields, "datasets", most_datasets);
    if (values == nullptr) return;
    spec.datasets.clear();
    std::size_t number = 0;
    for (const auto& value : values->GetArray()) {
        const auto pointer = element("datasets", number++);
        if (!value.IsString())
            faults.bad(pointer, fmt::format("must be a string, not {}", type_name(value)));
        else if (const auto fault = fault_of_site_name(text_of(value)); !fault.empty())
            faults.bad(pointer, std::string(fault));
        else if (std::find(spec.datasets.begin(), spec.datasets.end(), text_of(value)) != spec.datasets.end())
            faults.bad(pointer, "is there twice");
        else
            spec.datasets.emplace_back(text_of(value));
    }
}

void read_queue_fields(FieldReader& fields, SubmittedJob& job, Faults& faults) {
    read_queue(fields, job.spec.queue);
    read_tags(fields, job.spec.tags, faults);
    read_retry(fields, job.spec, faults);
    read_after(fields, job.after, faults);
    read_times(fields, job.spec);
    read_requires(fields, job.spec.required_labels, faults);
    read_resources(fields, job.spec.resources, faults);
    read_array(fields, job.array, faults);
}

}  // namespace windlass::api
