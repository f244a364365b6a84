#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/noun.h"
#include "cli/relative_time.h"
#include "shared/percent_encoding.h"

namespace windlass::cli {
namespace {

struct TokenWords {
    std::string label;
    std::vector<std::string> scopes;
    std::vector<std::string> roles;
    std::int64_t days = 0;  // 0: what the server finds usual
    bool never_expires = false;
};

void put_list(JsonWriter& writer, const char* key, const std::vector<std::string>& words) {
    if (words.empty()) return;
    put_key(writer, key);
    writer.StartArray();
    for (const auto& word : words) put(writer, word);
    writer.EndArray();
}

Status create(const Options& options, const TokenWords& words) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    put_key(writer, "label");
    put(writer, words.label);
    put_list(writer, "scopes", words.scopes);
    put_list(writer, "roles", words.roles);
    if (words.days > 0) {
        put_key(writer, "expires_in_s");
        writer.Int64(words.days * 24 * 3600);
    }
    if (words.never_expires) {
        put_key(writer, "never_expires");
        writer.Bool(true);
    }
    writer.EndObject();
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const ServerAnswer answer, server.post("/api/tokens/", std::string(text_of(buffer))));
    print_object(options, answer, "token");
    if (!options.quiet && !options.json) fmt::print("The token is shown this once.\n");
    return {};
}

std::string scopes_of(const rapidjson::Value& row) {
    const auto scopes = row.FindMember("scopes");
    if (scopes == row.MemberEnd() || !scopes->value.IsArray()) return "all";
    std::string words;
    for (const auto& scope : scopes->value.GetArray())
        if (scope.IsString()) words += (words.empty() ? "" : " ") + std::string(text_of(scope));
    return words;
}

// A time of the row; "never" where there is none.
std::string when(const rapidjson::Value& row, const char* key) {
    const auto at = server_time(member_text(row, key));
    return at ? relative_time(*at, SystemClock().now().wall) : "never";
}

std::string expiry_of(const rapidjson::Value& row) {
    return when(row, "expires");
}

std::string last_use_of(const rapidjson::Value& row) {
    return when(row, "last_used");
}

}  // namespace

void add_token(CLI::App& app, Options& options) {
    CLI::App* token = app.add_subcommand("token", "API tokens: what programs come in with");
    token->require_subcommand(1);
    add_list(*token, "your tokens", "/api/tokens/",
             {{"id", "ID", 4},
              {"prefix", "TOKEN", 10},
              {"label", "LABEL", 16},
              {"expires", "EXPIRES", 7, expiry_of},
              {"last_used", "LAST USED", 9, last_use_of},
              {"scopes", "SCOPES", 0, scopes_of}},
             "id", options);
    auto words = std::make_shared<TokenWords>();
    CLI::App* create_command = token->add_subcommand("create", "make a token; it is shown this once");
    create_command->add_option("label", words->label, "what it is for, e.g. nightly@build-7")->required();
    create_command->add_option("--scope,-s", words->scopes,
                               "all that it may, e.g. jobs:read; may be repeated; default: all that you may");
    create_command->add_option("--role", words->roles, "at most these roles; may be repeated; default: yours");
    auto* days = create_command->add_option("--days", words->days, "good for so many days; default: 90")
                     ->check(CLI::Range(1, 3660));
    create_command->add_flag("--never-expires", words->never_expires, "for admins, or where the site allows it")
        ->excludes(days);
    on_use(*create_command, options, [words, &options] { return create(options, *words); });
    add_with_argument(*token, "revoke", "make a token useless, at once", "id", "of the list", options,
                      [&options](const std::string& id) {
                          return perform(options, "DELETE", "/api/tokens/" + percent_encoded(id) + "/", {}, nullptr,
                                         "revoked");
                      });
}

}  // namespace windlass::cli
