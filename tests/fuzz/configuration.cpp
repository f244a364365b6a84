// A configuration file (shared/config.h), or flags: lines that begin with "--".
//
// Promises: a text either is laid over the defaults or is refused with a sentence that names the file; whole numbers
// are never negative; the lists that programs read out of it are taken or refused, and what is taken can be used.
#include "shared/config.h"

#include <vector>

#include "api/network_permission.h"
#include "shared/wire/addresses.h"
#include "tests/fuzz/target.h"
#include "worker/sandbox/egress.h"

namespace windlass::fuzz {
namespace {

void require_not_negative(std::int64_t value, const std::string& name) {
    require(value >= 0, "whole numbers are not negative", name);
}
template <class Other>
void require_not_negative(const Other&, const std::string&) {}

void use(Config config) {
    describe_settings([](const std::string& name, auto& field, const char*) { require_not_negative(field, name); },
                      config);
    if (const auto endpoints = wire::parse_addresses(config.scheduler.dial, config.scheduler.listen))
        require(!endpoints->empty(), "there is at least one address");
    if (api::check_network_permissions(config.api.network_full)) {
        api::Principal nobody;
        (void)api::may_have_full_network("default", nobody, config.api.network_full);
    }
    worker::EgressSettings egress{{}, config.worker.network_deny, config.worker.network_allow};
    if (worker::check_egress(egress)) {
        const auto rules = worker::make_ruleset(egress, {"192.168.7.3", "fe80::1"});
        require(rules.find("192.168.7.3") != std::string::npos, "the host's own addresses are refused");
    }
}

// What would end in printing or in reading some other file.
bool is_for_people(std::string_view text) {
    for (const char* flag : {"-h", "--help", "--version", "--print", "--config"})
        if (text.find(flag) != std::string_view::npos) return true;
    return false;
}

void try_flags(std::string_view input) {
    if (is_for_people(input) || input.find('\0') != std::string_view::npos) return;
    std::vector<std::string> words = {"program"};
    while (!input.empty() && words.size() < 16) {
        const auto end = std::min(input.find('\n'), input.size());
        words.emplace_back(input.substr(0, end));
        input.remove_prefix(std::min(end + 1, input.size()));
    }
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    const auto loaded = load_config(static_cast<int>(argv.size()), argv.data(), "program", "a target");
    if (loaded)
        use(loaded->config);
    else
        require(!loaded.error().message.empty(), "a refusal is a sentence");
}

}  // namespace

void fuzz_configuration(std::string_view input) {
    if (input.starts_with("--")) return try_flags(input);
    Config config;
    const auto status = read_settings(config, input, "windlass.toml");
    if (status)
        use(std::move(config));
    else
        require(status.error().message.starts_with("windlass.toml: "), "a refusal names the file",
                status.error().message);
}

}  // namespace windlass::fuzz
