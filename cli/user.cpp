#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/exit_code.h"
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

Status list_users(const Options& options) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const ServerAnswer answer, server.get("/api/users/"));
    if (options.json) {
        fmt::print("{}\n", answer.text);
        return {};
    }
    if (!answer.document.IsArray()) return make_error(ErrorKind::internal, "the server's list of users is not a list");
    if (!options.quiet) fmt::print("{:<8} {:<20} {:<32} {}\n", "ID", "USERNAME", "EMAIL", "NAME");
    for (const auto& user : answer.document.GetArray()) {
        if (options.quiet)
            fmt::print("{}\n", member_text(user, "id"));
        else
            fmt::print("{:<8} {:<20} {:<32} {}\n", member_text(user, "id"), member_text(user, "username"),
                       member_text(user, "email"), member_text(user, "name"));
    }
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
    create->callback([words, &options] {
        if (const Status status = create_user(options, *words); !status) options.exit_code = complain(status.error());
    });
    CLI::App* list = user->add_subcommand("list", "all accounts (admins only)");
    list->callback([&options] {
        if (const Status status = list_users(options); !status) options.exit_code = complain(status.error());
    });
}

}  // namespace windlass::cli
