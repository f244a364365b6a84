#include <fmt/format.h>

#include <memory>

#include "cli/noun.h"
#include "cli/password_prompt.h"
#include "cli/server.h"

namespace windlass::cli {
namespace {

struct UserWords {
    std::string username;
    std::string name;
    std::string email;
    std::string company;
    bool password_stdin = false;
    bool no_password = false;
};

Status create_user(const Options& options, const UserWords& words) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    std::string password;
    if (!words.no_password) {
        WINDLASS_TRY(password, ask_password("password of " + words.username, words.password_stdin));
    }
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    for (const auto& [key, value] :
         {std::pair("username", &words.username), std::pair("name", words.name.empty() ? &words.username : &words.name),
          std::pair("email", &words.email), std::pair("company", &words.company)}) {
        put_key(writer, key);
        put(writer, *value);
    }
    if (!words.no_password) {
        put_key(writer, "password");
        put(writer, password);
    }
    writer.EndObject();
    WINDLASS_TRY(const ServerAnswer answer, server.post("/api/users/create/", std::string(text_of(buffer))));
    fmt::print("{}\n", options.json ? answer.text : member_text(answer.document, "id"));
    return {};
}

}  // namespace

void add_user(CLI::App& app, Options& options) {
    CLI::App* user = app.add_subcommand("user", "accounts");
    user->require_subcommand(1);
    auto words = std::make_shared<UserWords>();
    CLI::App* create = user->add_subcommand("create", "make an account and print its id");
    create->add_option("--username,-u", words->username)->required();
    create->add_option("--email", words->email)->required();
    create->add_option("--name", words->name, "the person's name; default the username");
    create->add_option("--company", words->company);
    create->add_flag("--password-stdin", words->password_stdin,
                     "read the password from standard input instead of asking");
    create->add_flag("--no-password", words->no_password, "an account that cannot log in until a password is set");
    on_use(*create, options, [words, &options] { return create_user(options, *words); });
    add_list(*user, "all accounts (admins only)", "/api/users/",
             {{"id", "ID", 8}, {"username", "USERNAME", 20}, {"email", "EMAIL", 32}, {"name", "NAME", 0}}, "id",
             options);
}

}  // namespace windlass::cli
