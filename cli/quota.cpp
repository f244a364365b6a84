#include <fmt/format.h>

#include <memory>
#include <optional>

#include "cli/noun.h"
#include "cli/units.h"
#include "shared/percent_encoding.h"

namespace windlass::cli {
namespace {

struct QuotaWords {
    std::string subject;
    std::optional<std::int64_t> queued;
    std::optional<std::int64_t> running;
    std::string cpu_per_day;
    std::string stored;
};

Status set_quota(const Options& options, const QuotaWords& words) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    const auto number = [&](const char* key, const std::optional<std::int64_t>& value) {
        if (!value) return;
        put_key(writer, key);
        writer.Int64(*value);
    };
    number("queued", words.queued);
    number("running", words.running);
    if (!words.cpu_per_day.empty()) {
        WINDLASS_TRY(const double seconds, parse_seconds(words.cpu_per_day));
        number("cpu_s_per_day", static_cast<std::int64_t>(seconds));
    }
    if (!words.stored.empty()) {
        WINDLASS_TRY(const std::int64_t bytes, parse_bytes(words.stored));
        number("stored_bytes", bytes);
    }
    writer.EndObject();
    return perform(options, "PUT", "/api/quotas/" + percent_encoded(words.subject) + "/", std::string(text_of(buffer)),
                   "subject", nullptr);
}

}  // namespace

void add_quota(CLI::App& app, Options& options) {
    CLI::App* quota = app.add_subcommand("quota", "how much a user may have waiting, running, used and stored");
    quota->require_subcommand(1);
    on_use(*quota->add_subcommand("mine", "your own quota and what of it is used"), options, [&options]() -> Status {
        WINDLASS_TRY(Server server, Server::find(options.url));
        WINDLASS_TRY(const ServerAnswer answer, server.get("/api/quotas/me/"));
        print_object(options, answer, "queued");
        return {};
    });
    add_list(*quota, "the quotas of tiers and users (admins)", "/api/quotas/",
             {{"subject", "SUBJECT", 16},
              {"queued", "QUEUED", 6},
              {"running", "RUNNING", 7},
              {"cpu_s_per_day", "CPU A DAY", 9, nullptr, Shown::seconds},
              {"stored_bytes", "STORED", 9, nullptr, Shown::bytes}},
             "subject", options);
    auto words = std::make_shared<QuotaWords>();
    CLI::App* set = quota->add_subcommand("set", "set the quota of a tier or a user (admins)");
    set->add_option("subject", words->subject, "tier:NAME or user:USERNAME")->required();
    set->add_option("--queued", words->queued, "jobs that wait");
    set->add_option("--running", words->running, "jobs that run");
    set->add_option("--cpu-per-day", words->cpu_per_day, "processor time, e.g. 10h");
    set->add_option("--stored", words->stored, "bytes, or 10GiB");
    on_use(*set, options, [words, &options] { return set_quota(options, *words); });
    add_with_argument(*quota, "remove", "no limits of its own any more (admins)", "subject",
                      "tier:NAME or user:USERNAME", options, [&options](const std::string& subject) {
                          return perform(options, "DELETE", "/api/quotas/" + percent_encoded(subject) + "/", "",
                                         "subject", "removed");
                      });
}

}  // namespace windlass::cli
