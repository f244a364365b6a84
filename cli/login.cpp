#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "cli/credentials.h"
#include "cli/noun.h"
#include "cli/password_prompt.h"
#include "cli/server.h"

namespace windlass::cli {
namespace {

struct LoginWords {
    std::string username;
    bool password_stdin = false;
};

Result<std::string> ask_username() {
    std::cerr << "username: " << std::flush;
    std::string name;
    std::getline(std::cin, name);
    if (name.empty()) return make_error(ErrorKind::invalid, "the username is empty");
    return name;
}

Result<std::string> authenticate(const std::string& url, const std::string& username, const std::string& password) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    put_key(writer, "username");
    put(writer, username);
    put_key(writer, "password");
    put(writer, password);
    writer.EndObject();
    HttpRequest request;
    request.method = "POST";
    request.path = "/api/users/authenticate/";
    request.body = text_of(buffer);
    HttpClient client(url);
    WINDLASS_TRY(const HttpAnswer answer, client.send(request));
    if (answer.status == 401 || answer.status == 404)
        return make_error(ErrorKind::denied, "unknown username, or wrong password");
    if (answer.status != 200) return error_of_answer(answer, "POST /api/users/authenticate/", true);
    WINDLASS_TRY(const auto document, parse_json(answer.body));
    const std::string token = member_text(document, "token");
    if (token.empty())
        return make_error(ErrorKind::internal,
                          fmt::format("{} answered without a token; is it a Windlass server?", url));
    return token;
}

Status log_in(const Options& options, LoginWords words) {
    // A damaged store must not keep anybody from logging in anew.
    if (auto stored = read_credentials(); !stored && stored.error().kind != ErrorKind::not_found) {
        WINDLASS_TRY_STATUS(remove_credentials());
    }
    WINDLASS_TRY(Credentials credentials, find_credentials(options.url));
    if (words.username.empty()) {
        if (words.password_stdin) return make_error(ErrorKind::invalid, "--password-stdin needs --username");
        WINDLASS_TRY(words.username, ask_username());
    }
    WINDLASS_TRY(const std::string password, ask_password("password", words.password_stdin));
    WINDLASS_TRY(credentials.token, authenticate(credentials.url, words.username, password));
    WINDLASS_TRY_STATUS(write_credentials(credentials));
    if (!options.quiet) fmt::print("logged in to {} as {}\n", credentials.url, words.username);
    return {};
}

}  // namespace

void add_login(CLI::App& app, Options& options) {
    auto words = std::make_shared<LoginWords>();
    CLI::App* login =
        app.add_subcommand("login", "log in; the token is kept in ~/.config/windlass/credentials (mode 0600)");
    login->add_option("--username,-u", words->username, "username or e-mail address");
    login->add_flag("--password-stdin", words->password_stdin,
                    "read the password from standard input instead of asking");
    on_use(*login, options, [words, &options] { return log_in(options, *words); });
    on_use(*app.add_subcommand("logout", "forget the stored token"), options, remove_credentials);
}

}  // namespace windlass::cli
