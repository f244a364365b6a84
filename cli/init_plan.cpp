#include "cli/init_plan.h"

#include <fmt/format.h>

#include <utility>

#include "cli/shell_words.h"
#include "shared/wire/connection.h"

namespace windlass::cli {
namespace {

// A basic string of TOML.
std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

}  // namespace

std::string settings_text(const InitSettings& settings) {
    const std::string& data = settings.data;
    std::string text =
        "# Made by `windlass init`. Every setting, its default and its meaning: docs/configuration.md, or\n"
        "# windlass-scheduler --print-settings. `windlass doctor` looks at what stands here.\n\n";
    const std::string database = settings.database.empty() ? "sqlite:" + data + "/windlass.db" : settings.database;
    text += fmt::format("[database]\nurl = {}\n\n", quoted(database));
    if (!settings.site)
        text += fmt::format(
            "[scheduler]\nlisten = {}\nsecret_file = {}\n\n"
            "[worker]\nstate_directory = {}\n\n",
            quoted("unix:" + data + "/run/scheduler.sock"), quoted(data + "/scheduler.secret"),
            quoted(data + "/worker"));
    text += "[api]\n";
    if (!settings.listen.empty()) text += fmt::format("listen = {}\n", quoted(settings.listen));
    if (settings.site)
        text +=
            "# Who may create accounts: open, admin, or loopback (open on a loopback address only).\nregistration = "
            "\"admin\"\n";
    text += fmt::format("# The first admin's password and token are written there.\ncredentials_directory = {}\n",
                        quoted(settings.site ? data + "/admin" : data));
    return text;
}

std::vector<Service> plan_first_start(const std::string& file, const DevPlaces& places, const std::string& user,
                                      const std::map<std::string, std::string>& inherited) {
    std::vector<Service> services;
    for (const auto& [name, program] :
         {std::pair<std::string, std::string>("scheduler", places.scheduler_program), {"api", places.api_program}}) {
        Service service;
        service.program.name = name;
        service.program.path = program;
        if (!user.empty()) {
            service.program.path = "/usr/bin/setpriv";
            service.program.arguments = {
                "--reuid=" + user, "--regid=" + user, "--init-groups", "--pdeathsig=TERM", "--", program};
        }
        for (const auto& [key, value] : inherited)
            if (!key.starts_with("WINDLASS_") && key != "NOTIFY_SOCKET" && !key.starts_with("LISTEN_") &&
                !key.starts_with("WATCHDOG_"))
                service.program.environment[key] = value;
        service.program.environment["WINDLASS_CONFIG"] = file;
        service.program.environment["WINDLASS_SCHEDULER_LISTEN"] = "unix:" + places.sockets + "/first-start.sock";
        service.program.environment["WINDLASS_API_LISTEN"] = "127.0.0.1:0";
        // Plain HTTP on loopback: a certificate for the site's name would not be trusted by this address.
        if (name == "api")
            for (const char* word : {"--api-tls-certificate-file", "", "--api-tls-key-file", ""})
                service.program.arguments.emplace_back(word);
        service.program.log_path = fmt::format("{}/{}.log", places.data, name);
        service.needs_first = services.size();
        service.stop_patience = Milliseconds(15'000);
        services.push_back(std::move(service));
    }
    return services;
}

std::vector<std::string> next_commands(const InitSettings& settings, bool is_default_data) {
    const std::string run = "windlass run -- 'echo hello from $(hostname)'";
    if (settings.site)
        return {"systemctl enable --now windlass-scheduler windlass-api windlass-worker", run, "windlass doctor"};
    if (is_default_data) return {"windlass dev", run, "windlass doctor"};
    return {"windlass dev --data " + shell_word(settings.data), run,
            "windlass doctor --config " + shell_word(settings.file)};
}

std::string url_of(const Config& config) {
    const auto endpoint = wire::parse_endpoint(config.api.listen);
    if (!endpoint || !endpoint->unix_path.empty() || endpoint->port == 0) return {};
    const bool any = endpoint->host.empty() || endpoint->host == "0.0.0.0" || endpoint->host == "::";
    const std::string host = any ? "127.0.0.1" : endpoint->host;
    return fmt::format("{}://{}:{}", config.api.tls_certificate_file.empty() ? "http" : "https",
                       host.find(':') == std::string::npos ? host : "[" + host + "]", endpoint->port);
}

}  // namespace windlass::cli
