// GET /api/config and PATCH /api/config/update.
#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <set>

#include "api/audit/audited.h"
#include "api/monitoring/config_fields.h"
#include "api/monitoring/handlers.h"
#include "api/monitoring/monitoring.h"

namespace windlass::api {
namespace {

constexpr int tries = 5;  // when others change it at the same moment

// A random UUID (RFC 9562, version 4).
std::string new_guid() {
    std::array<unsigned char, 16> bytes{};
    randombytes_buf(bytes.data(), bytes.size());
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0fU) | 0x40U);
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3fU) | 0x80U);
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
    return text;
}

// Metrics that are not there any more leave the partitions that showed them.
void drop_unknown(std::vector<std::string>& guids, const std::set<std::string>& known) {
    std::erase_if(guids, [&](const auto& guid) { return !known.contains(guid); });
}

void check_known(const std::vector<std::string>& guids, const std::set<std::string>& known, const std::string& pointer,
                 Faults& faults) {
    for (const auto& guid : guids)
        if (!known.contains(guid)) faults.bad(pointer, fmt::format("\"{}\" is no metric's GUID", guid.substr(0, 100)));
}

OrProblem<MonitoringConfig> changed_config(const rapidjson::Value& body, const MonitoringConfig& base) {
    Faults faults;
    ConfigChange change = read_config_change(body, base, faults);
    MonitoringConfig config = base;
    if (change.metrics) {
        std::set<std::string> named;
        for (std::size_t i = 0; i < change.metrics->size(); ++i) {
            auto& metric = (*change.metrics)[i];
            if (metric.guid.empty())
                metric.guid = new_guid();
            else if (base.find_metric(metric.guid) == nullptr)
                faults.bad(fmt::format("/Metrics/{}/GUID", i), "is no metric's: leave it out of a new one");
            else if (!named.insert(metric.guid).second)
                faults.bad(fmt::format("/Metrics/{}/GUID", i), "is there twice");
        }
        config.metrics = *std::move(change.metrics);
    }
    std::set<std::string> known;
    for (const auto& metric : config.metrics) known.insert(metric.guid);
    if (change.partitions) {
        for (const auto& [name, partition] : *change.partitions) {
            const auto pointer = pointer_to("/Partitions", name);
            check_known(partition.metrics, known, pointer + "/Metrics", faults);
            if (!partition.virtual_partitions) continue;
            for (const auto& [part_name, part] : *partition.virtual_partitions)
                check_known(part.metrics, known, pointer_to(pointer + "/VirtualPartitions", part_name) + "/Metrics",
                            faults);
        }
        config.partitions = *std::move(change.partitions);
    } else {
        for (auto& [name, partition] : config.partitions) {
            drop_unknown(partition.metrics, known);
            if (!partition.virtual_partitions) continue;
            for (auto& [part_name, part] : *partition.virtual_partitions) drop_unknown(part.metrics, known);
        }
    }
    if (change.metric_categories) config.metric_categories = *std::move(change.metric_categories);
    if (faults.any()) return std::move(faults).problem();
    return config;
}

Reply config_reply(const MonitoringConfig& config) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_monitoring_config(json, config);
    return json_response(buffer);
}

}  // namespace

OrProblem<Reply> show_config(const Call& call) {
    WINDLASS_TRY(const auto config, call.app.monitoring.config());
    return config_reply(config);
}

OrProblem<Reply> update_config(const Call& call) {
    WINDLASS_TRY(const auto body, parse_object(call.request.body));
    WINDLASS_TRY(const auto session, call.app.monitoring.pool.lease());
    for (int i = 0; i < tries; ++i) {
        WINDLASS_TRY(const auto loaded, load_monitoring_config(*session));
        WINDLASS_TRY(auto config, changed_config(body, loaded.config));
        const auto stored = store_monitoring_config(*session, {config, loaded.version}, call.app.clock.now().wall);
        if (stored) {
            call.note->detail = fmt::format("version {}", loaded.version + 1);
            return config_reply(config);
        }
        if (stored.error().kind != ErrorKind::conflict) return stored.error();
    }
    return try_again_later("Others change the configuration at the same moment; nothing was done. Try again.");
}

}  // namespace windlass::api
