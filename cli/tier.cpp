#include <memory>

#include "cli/noun.h"
#include "cli/user_words.h"
#include "shared/percent_encoding.h"

namespace windlass::cli {
namespace {

std::string path_of(const std::string& name) {
    return "/api/tiers/" + percent_encoded(name) + "/";
}

}  // namespace

void add_tier(CLI::App& app, Options& options) {
    CLI::App* tier = app.add_subcommand("tier", "what accounts may do with images (of the queue: `windlass quota`)");
    tier->require_subcommand(1);
    on_use(*tier->add_subcommand("list", "the tiers"), options, [&options]() -> Status {
        WINDLASS_TRY(Server server, Server::find(options.url));
        WINDLASS_TRY(const ServerAnswer answer, server.get("/api/tiers/"));
        return print_list(
            options, answer,
            {{"name", "NAME", 12},
             {"heights", "THUMBNAILS", 10, [](const rapidjson::Value& row) { return listed(row, "heights"); }},
             {"original", "ORIGINAL", 8},
             {"expiring_links", "EXPIRING LINKS", 0}},
            "name");
    });
    auto words = std::make_shared<TierWords>();
    CLI::App* set = tier->add_subcommand("set", "make a tier, or change it (admins)");
    set->add_option("name", words->name, "the tier's name")->required();
    set->add_option("--heights", words->heights, "of its thumbnails in pixels, e.g. 200,400")->delimiter(',');
    set->add_flag("--no-heights", words->no_heights, "no thumbnails");
    set->add_flag("--original", words->original, "the image as it was uploaded, too");
    set->add_flag("--no-original", words->no_original);
    set->add_flag("--expiring-links", words->expiring_links, "links for others that end by themselves");
    set->add_flag("--no-expiring-links", words->no_expiring_links);
    on_use(*set, options, [words, &options] {
        return perform(options, "PUT", path_of(words->name), tier_body(*words), "name", nullptr);
    });
    add_with_argument(*tier, "remove", "remove a tier that no account has (admins)", "name", "the tier's name", options,
                      [&options](const std::string& name) {
                          return perform(options, "DELETE", path_of(name), "", "name", "removed");
                      });
}

}  // namespace windlass::cli
