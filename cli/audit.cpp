// `windlass audit`: reads the audit of a site, and checks from outside that nobody changed it.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/noun.h"
#include "shared/audit.h"
#include "shared/digest.h"

namespace windlass::cli {
namespace {

constexpr int per_request = 1000;

struct VerifyWords {
    std::string expected;  // NUMBER:HASH of an earlier run
};

Result<AuditEntry> entry_of(const rapidjson::Value& row) {
    const auto text = [&](const char* key) { return member_text(row, key); };
    if (!row.IsObject() || !row.HasMember("number") || !row["number"].IsInt64() || !row.HasMember("at_us") ||
        !row["at_us"].IsInt64() || !row.HasMember("status") || !row["status"].IsInt())
        return make_error(ErrorKind::invalid, "the server sent something that is no entry of an audit");
    AuditEntry entry;
    entry.number = row["number"].GetInt64();
    entry.at = from_unix_us(row["at_us"].GetInt64());
    if (const auto account = text("account"); !account.empty()) entry.account = UserId{std::atoll(account.c_str())};
    entry.actor = text("actor");
    entry.credential = text("credential");
    entry.address = text("address");
    entry.action = text("action");
    entry.object = text("object");
    entry.status = row["status"].GetInt();
    entry.request_id = text("request_id");
    entry.detail = text("detail");
    entry.previous_hash = text("previous_hash");
    entry.hash = text("hash");
    return entry;
}

Status verify(const Options& options, const VerifyWords& words) {
    initialise_crypto();
    WINDLASS_TRY(Server server, Server::find(options.url));
    AuditChain chain;
    bool met = words.expected.empty();
    for (std::int64_t from = 1;;) {
        WINDLASS_TRY(const ServerAnswer answer,
                     server.get(fmt::format("/api/audit/?from={}&limit={}", from, per_request)));
        if (!answer.document.IsArray()) return make_error(ErrorKind::invalid, "the server sent no list");
        if (answer.document.Empty()) break;
        for (const auto& row : answer.document.GetArray()) {
            WINDLASS_TRY(const auto entry, entry_of(row));
            if (const auto fault = chain.check(entry))
                return make_error(ErrorKind::conflict, "the audit does not hold: " + *fault);
            met = met || words.expected == fmt::format("{}:{}", entry.number, entry.hash);
        }
        from = chain.last_number() + 1;
    }
    if (!met)
        return make_error(ErrorKind::conflict, "the audit does not hold: it has no entry " + words.expected +
                                                   "; the end of it was cut off or written anew");
    if (options.json)
        std::printf("{\"checked\":%lld,\"last\":\"%lld:%s\"}\n", static_cast<long long>(chain.checked()),
                    static_cast<long long>(chain.last_number()), chain.last_hash().c_str());
    else if (options.quiet)
        std::printf("%lld:%s\n", static_cast<long long>(chain.last_number()), chain.last_hash().c_str());
    else
        std::printf("%lld entries hold. Note this down elsewhere, and give it to --expect the next time:\n%lld:%s\n",
                    static_cast<long long>(chain.checked()), static_cast<long long>(chain.last_number()),
                    chain.last_hash().c_str());
    return {};
}

}  // namespace

void add_audit(CLI::App& app, Options& options) {
    CLI::App* audit = app.add_subcommand("audit", "what was done, by whom, from where (admins)");
    audit->require_subcommand(1);
    on_use(*audit->add_subcommand("list", "the latest hundred entries"), options, [&options]() -> Status {
        WINDLASS_TRY(Server server, Server::find(options.url));
        WINDLASS_TRY(const ServerAnswer answer, server.get("/api/audit/?limit=100"));
        return print_list(options, answer,
                          {{"number", "NUMBER", 6},
                           {"at", "WHEN", 9, nullptr, Shown::ago},
                           {"actor", "WHO", 8},
                           {"address", "FROM", 9},
                           {"status", "STATUS", 6},
                           {"action", "WHAT", 12},
                           {"object", "OF", 0}},
                          "number");
    });
    auto words = std::make_shared<VerifyWords>();
    CLI::App* check = audit->add_subcommand("verify", "check that no entry was changed, removed or inserted");
    check->add_option("--expect", words->expected, "NUMBER:HASH that an earlier run printed");
    on_use(*check, options, [words, &options] { return verify(options, *words); });
}

}  // namespace windlass::cli
