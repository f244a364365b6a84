#include "api/monitoring/config_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "api/monitoring/any_case_fields.h"

namespace windlass::api {
namespace {

constexpr std::int64_t longest_max_time_s = 100LL * 366 * 86'400;
constexpr std::size_t most_entries = 10'000;  // of any list or map in here
constexpr std::size_t longest_text = 4'096;
constexpr std::array<std::string_view, 4> metric_types = {"node", "socket", "cpu", "accelerator"};
constexpr std::array<std::string_view, 4> agg_fns = {"mean", "max", "min", "sum"};

// Faults of one object inside the document, with the pointer to it before their own.
class Part {
  public:
    Part(const rapidjson::Value& object, std::string pointer, Faults& faults)
        : fields_(object, own_), pointer_(std::move(pointer)), faults_(faults) {}
    ~Part() {
        if (!own_.any()) return;
        for (auto& fault : std::move(own_).problem().errors)
            faults_.bad(pointer_ + fault.pointer, std::move(fault.detail));
    }
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;
    AnyCaseFields& operator*() { return fields_; }
    AnyCaseFields* operator->() { return &fields_; }
    const std::string& pointer() const { return pointer_; }

  private:
    Faults own_;
    AnyCaseFields fields_;
    std::string pointer_;
    Faults& faults_;
};

template <std::size_t N>
bool one_of(const std::array<std::string_view, N>& words, std::string_view text) {
    return std::find(words.begin(), words.end(), text) != words.end();
}

std::optional<std::vector<std::string>> read_texts(AnyCaseFields& fields, std::string_view key) {
    auto texts = fields.texts(key);
    if (!texts) return texts;
    if (texts->size() > most_entries) fields.bad(key, fmt::format("must not have more than {} entries", most_entries));
    for (const auto& text : *texts)
        if (text.size() > longest_text)
            fields.bad(key, fmt::format("has an entry of more than {} bytes", longest_text));
    return texts;
}

void check_metric(const MetricConfig& metric, AnyCaseFields& fields) {
    if (!one_of(metric_types, metric.type)) fields.bad("Type", "must be one of node, socket, cpu, accelerator");
    if (metric.measurement.empty()) fields.bad("Measurement", "is required");
    if (!metric.sample_interval.empty() && !parse_interval_s(metric.sample_interval))
        fields.bad("SampleInterval", "must be from 1 s to a day, like \"30s\" or \"1m\"");
    if (!metric.agg_fn.empty() && !one_of(agg_fns, metric.agg_fn))
        fields.bad("AggFn", "must be one of mean, max, min, sum");
    for (const auto& fn : metric.available_agg_fns)
        if (!one_of(agg_fns, fn)) fields.bad("AvailableAggFns", "must be of mean, max, min, sum");
}

MetricConfig read_metric(const rapidjson::Value& object, const MonitoringConfig& base, std::string pointer,
                         Faults& faults) {
    Part fields(object, std::move(pointer), faults);
    MetricConfig metric;
    if (const auto guid = fields->text("GUID")) {
        metric.guid = *guid;
        if (const auto* known = base.find_metric(*guid)) metric = *known;
    }
    for (const auto& [key, member] : metric_texts) {
        auto text = fields->text(key);
        if (text && text->size() > longest_text)
            fields->bad(key, fmt::format("must not be longer than {} bytes", longest_text));
        if (text) metric.*member = std::move(*text);
    }
    for (const auto& [key, member] : metric_lists)
        if (auto list = read_texts(*fields, key)) metric.*member = std::move(*list);
    for (const auto& [key, member] : metric_numbers) {
        const auto number = fields->number(key);
        if (number && (!std::isfinite(*number) || *number < 0)) fields->bad(key, "must not be negative");
        if (number) metric.*member = *number;
    }
    check_metric(metric, *fields);
    return metric;
}

std::int64_t read_max_time(AnyCaseFields& fields) {
    const auto seconds = fields.integer("MaxTime").value_or(0);
    if (seconds < 0 || seconds > longest_max_time_s)
        fields.bad("MaxTime", fmt::format("must be from 0 to {} seconds", longest_max_time_s));
    return seconds;
}

// An object as a map: calls on_entry(name, value, pointer).
template <class OnEntry>
void read_map(const rapidjson::Value& value, const std::string& pointer, Faults& faults, OnEntry&& on_entry) {
    if (!value.IsObject()) return faults.bad(pointer, fmt::format("must be an object, not {}", type_name(value)));
    if (value.MemberCount() > most_entries)
        return faults.bad(pointer, fmt::format("must not have more than {} entries", most_entries));
    for (const auto& member : value.GetObject()) {
        const auto name = text_of(member.name);
        std::string where = pointer_to(pointer, name);
        if (name.size() > longest_text)
            faults.bad(pointer, fmt::format("has a name of more than {} bytes", longest_text));
        else if (!member.value.IsObject())
            faults.bad(std::move(where), fmt::format("must be an object, not {}", type_name(member.value)));
        else
            on_entry(std::string(name), member.value, std::move(where));
    }
}

PartitionConfig read_partition(const rapidjson::Value& object, std::string pointer, Faults& faults) {
    Part fields(object, std::move(pointer), faults);
    PartitionConfig partition;
    partition.max_time_s = read_max_time(*fields);
    partition.metrics = read_texts(*fields, "Metrics").value_or(std::vector<std::string>());
    const auto* parts = fields->any("VirtualPartitions");
    if (parts == nullptr) return partition;
    partition.virtual_partitions.emplace();
    read_map(*parts, fields.pointer() + "/VirtualPartitions", faults, [&](auto name, const auto& value, auto where) {
        Part part_fields(value, std::move(where), faults);
        VirtualPartition part;
        part.max_time_s = read_max_time(*part_fields);
        part.metrics = read_texts(*part_fields, "Metrics").value_or(std::vector<std::string>());
        part.nodes = read_texts(*part_fields, "Nodes").value_or(std::vector<std::string>());
        partition.virtual_partitions->emplace(std::move(name), std::move(part));
    });
    return partition;
}

}  // namespace

ConfigChange read_config_change(const rapidjson::Value& document, const MonitoringConfig& base, Faults& faults) {
    ConfigChange change;
    AnyCaseFields fields(document, faults);
    if (const auto* metrics = fields.any("Metrics")) {
        change.metrics.emplace();
        if (!metrics->IsArray())
            fields.bad("Metrics", fmt::format("must be a list, not {}", type_name(*metrics)));
        else if (metrics->Size() > most_entries)
            fields.bad("Metrics", fmt::format("must not have more than {} entries", most_entries));
        else
            for (rapidjson::SizeType i = 0; i < metrics->Size(); ++i) {
                const auto& entry = (*metrics)[i];
                std::string where = fmt::format("/Metrics/{}", i);
                if (entry.IsObject())
                    change.metrics->push_back(read_metric(entry, base, std::move(where), faults));
                else
                    faults.bad(std::move(where), fmt::format("must be an object, not {}", type_name(entry)));
            }
    }
    if (const auto* partitions = fields.any("Partitions")) {
        change.partitions.emplace();
        read_map(*partitions, "/Partitions", faults, [&](auto name, const auto& value, auto where) {
            change.partitions->emplace(std::move(name), read_partition(value, std::move(where), faults));
        });
    }
    change.metric_categories = read_texts(fields, "MetricCategories");
    return change;
}

}  // namespace windlass::api
