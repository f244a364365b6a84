// `windlass doctor`: looks at the server, this machine and, where there is one, the site's settings.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/doctor/checks.h"
#include "cli/doctor/finding.h"
#include "cli/noun.h"
#include "cli/site_file.h"

namespace windlass::cli {
namespace {

// Says each finding as soon as it is there: some take seconds.
class Report {
  public:
    explicit Report(const Options& options) : options_(options) {}

    void add(const doctor::Findings& findings) {
        if (!options_.json) {
            fmt::print("{}", doctor::findings_text(findings, options_.quiet));
            std::fflush(stdout);
        }
        all_.insert(all_.end(), findings.begin(), findings.end());
    }
    int end() const {
        if (options_.json) fmt::print("{}\n", doctor::findings_json(all_));
        return doctor::all_well(all_) ? exit_ok : exit_failed;
    }

  private:
    const Options& options_;
    doctor::Findings all_;
};

int examine(const Options& options, const std::string& config_flag) {
    Report report(options);
    report.add({doctor::ok("version", "windlass " WINDLASS_VERSION)});
    report.add(doctor::check_server(options.url));
    const auto site = find_site(config_flag);
    std::string file;
    if (!site) {
        const bool closed = site.error().kind == ErrorKind::denied && config_flag.empty();
        report.add({{"configuration", closed ? doctor::Verdict::warning : doctor::Verdict::bad, site.error().message,
                     "docs/configuration.md has every setting"}});
    } else if (!*site) {
        report.add({doctor::ok("configuration", "none: this machine is a client (windlass init makes a site)")});
    } else {
        file = (*site)->worker_file;
        report.add({doctor::ok("configuration", (*site)->file.empty() ? "that of windlass dev" : (*site)->file)});
        report.add(doctor::check_site((*site)->config));
    }
    report.add(doctor::check_machine());
    report.add(doctor::check_worker(file));
    return report.end();
}

}  // namespace

void add_doctor(CLI::App& app, Options& options) {
    auto config = std::make_shared<std::string>();
    CLI::App* command = app.add_subcommand(
        "doctor", "check server, machine and site: each fault with what mends it; ends with 1 if something is BAD");
    command->add_option("--config", *config,
                        "the site's settings; default WINDLASS_CONFIG, one's own of windlass init, /etc/windlass");
    on_use(*command, options, [config, &options]() -> Status {
        options.exit_code = examine(options, *config);
        return {};
    });
}

}  // namespace windlass::cli
