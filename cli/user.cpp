#include <fmt/format.h>

#include <memory>
#include <optional>

#include "cli/noun.h"
#include "cli/password_prompt.h"
#include "cli/user_words.h"

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
    const std::string link = member_text(answer.document, "password_link");
    if (!link.empty() && !options.json && !options.quiet)
        fmt::print(stderr, "the owner sets a password with: windlass user password --link {}\n", link);
    return {};
}

Status list_users(const Options& options) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const ServerAnswer answer, server.get("/api/admin/users"));
    return print_list(options, answer,
                      {{"id", "ID", 4},
                       {"username", "USERNAME", 12},
                       {"email", "EMAIL", 16},
                       {"roles", "ROLES", 8, [](const rapidjson::Value& row) { return listed(row, "roles"); }},
                       {"tier", "TIER", 7},
                       {"disabled", "DISABLED", 8},
                       {"last_login", "LAST LOGIN", 10, nullptr, Shown::ago},
                       {"name", "NAME", 0}},
                      "id");
}

// By username, e-mail address or id.
Result<std::string> path_of_user(const Options& options, const std::string& user, const char* rest = "") {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const ServerAnswer answer, server.get("/api/admin/users"));
    WINDLASS_TRY(const std::string id, find_user_id(answer.document, user));
    return "/api/users/" + id + "/" + rest;
}

Status show_user(const Options& options, const std::string& user) {
    if (user.empty()) return perform(options, "GET", "/api/user/", "", "id", nullptr);
    WINDLASS_TRY(const std::string path, path_of_user(options, user));
    return perform(options, "GET", path, "", "id", nullptr);
}

Status change_user(const Options& options, const std::string& user, const std::string& body) {
    WINDLASS_TRY(const std::string path, path_of_user(options, user));
    return perform(options, "PATCH", path, body, "id", nullptr);
}

Status make_password_link(const Options& options, const std::string& user) {
    WINDLASS_TRY(const std::string path, path_of_user(options, user, "password-link/"));
    return perform(options, "POST", path, "", "password_link", nullptr);
}

struct PasswordWords {
    std::string link;
    bool password_stdin = false;
};

Status set_own_password(const Options& options, const PasswordWords& words) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    std::string old_password;
    if (words.link.empty()) {
        WINDLASS_TRY(old_password, ask_password("old password", words.password_stdin));
    }
    WINDLASS_TRY(const std::string password, ask_password("new password", words.password_stdin));
    put_key(writer, words.link.empty() ? "old_password" : "password_link");
    put(writer, words.link.empty() ? old_password : words.link);
    put_key(writer, "password");
    put(writer, password);
    writer.EndObject();
    const std::string body(text_of(buffer));
    if (words.link.empty()) return perform(options, "PUT", "/api/user/password/", body, "id", "changed");
    return perform(options, "POST", "/api/password/", body, "id", "set; now: windlass login");
}

void add_create(CLI::App& user, Options& options) {
    auto words = std::make_shared<UserWords>();
    CLI::App* create = user.add_subcommand("create", "make an account and print its id");
    create->add_option("--username,-u", words->username)->required();
    create->add_option("--email", words->email)->required();
    create->add_option("--name", words->name, "the person's name; default the username");
    create->add_option("--company", words->company);
    create->add_flag("--password-stdin", words->password_stdin,
                     "read the password from standard input instead of asking");
    create->add_flag("--no-password", words->no_password,
                     "an account that cannot log in until a password is set; admins get a link for that");
    on_use(*create, options, [words, &options] { return create_user(options, *words); });
}

void add_set(CLI::App& user, Options& options) {
    auto words = std::make_shared<UserChangeWords>();
    auto who = std::make_shared<std::string>();
    CLI::App* set = user.add_subcommand("set", "change an account (admins)");
    set->add_option("user", *who, "username, e-mail address or id")->required();
    set->add_option("--roles", words->roles, "all it shall have, of user, job-control, admin")->delimiter(',');
    set->add_option("--tier", words->tier, "as in `windlass tier list`");
    set->add_option("--name", words->name, "the person's whole name");
    set->add_option("--first-name", words->first_name);
    set->add_option("--last-name", words->last_name);
    set->add_option("--email", words->email);
    set->add_option("--company", words->company);
    on_use(*set, options, [words, who, &options]() -> Status {
        WINDLASS_TRY(const std::string body, user_change_body(*words));
        return change_user(options, *who, body);
    });
}

void add_password(CLI::App& user, Options& options) {
    auto words = std::make_shared<PasswordWords>();
    CLI::App* password = user.add_subcommand("password", "change your password, or set it by a link");
    password->add_option("--link", words->link, "what an admin's `windlass user password-link` printed");
    password->add_flag("--password-stdin", words->password_stdin,
                       "read the old (without --link) and the new password from standard input, a line each");
    on_use(*password, options, [words, &options] { return set_own_password(options, *words); });
}

}  // namespace

void add_user(CLI::App& app, Options& options) {
    CLI::App* user = app.add_subcommand("user", "accounts");
    user->require_subcommand(1);
    add_create(*user, options);
    on_use(*user->add_subcommand("list", "all accounts (admins)"), options, [&options] { return list_users(options); });
    auto who = std::make_shared<std::string>();
    CLI::App* show = user->add_subcommand("show", "your account, or another's (admins)");
    show->add_option("user", *who, "username, e-mail address or id; without: yourself");
    on_use(*show, options, [who, &options] { return show_user(options, *who); });
    add_set(*user, options);
    const char* meaning = "username, e-mail address or id";
    add_with_argument(
        *user, "disable", "end its sessions and let it in no more (admins)", "user", meaning, options,
        [&options](const std::string& which) { return change_user(options, which, R"({"disabled":true})"); });
    add_with_argument(
        *user, "enable", "let it in again (admins)", "user", meaning, options,
        [&options](const std::string& which) { return change_user(options, which, R"({"disabled":false})"); });
    add_with_argument(*user, "password-link", "a link with which its owner sets a password, once (admins)", "user",
                      meaning, options,
                      [&options](const std::string& which) { return make_password_link(options, which); });
    add_password(*user, options);
}

}  // namespace windlass::cli
