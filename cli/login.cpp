#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "cli/credentials.h"
#include "cli/machine_token.h"
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

// A session's token is short-lived: what is stored is an API token of its own, which `windlass token list` shows and
// `windlass logout` revokes. The session itself is not needed any more.
Result<std::string> stored_token_for(const std::string& url, const std::string& session_token) {
    Server server(Credentials{url, session_token});
    WINDLASS_TRY(std::string token, make_machine_token(server));
    if (const auto ended = server.post("/api/user/jwt-logout/", ""); !ended)
        std::cerr << "the session of this login stays open until it expires: " << ended.error().message << "\n";
    return token;
}

// Revokes the stored token at its server, if that answers.
Status revoke(const Credentials& credentials) {
    Server server(credentials);
    WINDLASS_TRY(const ServerAnswer list, server.get("/api/tokens/", Seconds{5}));
    if (!list.document.IsArray()) return make_error(ErrorKind::internal, "the server's list is not a list");
    for (const auto& token : list.document.GetArray()) {
        if (!token.IsObject()) continue;
        const auto current = token.FindMember("current");
        if (current == token.MemberEnd() || !current->value.IsBool() || !current->value.GetBool()) continue;
        WINDLASS_TRY(const ServerAnswer revoked, server.remove("/api/tokens/" + member_text(token, "id") + "/"));
        return {};
    }
    return {};
}

Status log_out() {
    if (const auto stored = read_credentials(); stored && !stored->token.empty())
        if (const auto revoked = revoke(*stored); !revoked)
            std::cerr << "the token is forgotten here, but was not revoked: " << revoked.error().message << "\n";
    return remove_credentials();
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
    WINDLASS_TRY(const std::string session, authenticate(credentials.url, words.username, password));
    WINDLASS_TRY(credentials.token, stored_token_for(credentials.url, session));
    WINDLASS_TRY_STATUS(write_credentials(credentials));
    if (options.json) {
        rapidjson::StringBuffer buffer;
        JsonWriter writer(buffer);
        writer.StartObject();
        put_key(writer, "url");
        put(writer, credentials.url);
        put_key(writer, "username");
        put(writer, to_valid_utf8(words.username));
        writer.EndObject();
        fmt::print("{}\n", text_of(buffer));
    } else if (!options.quiet)
        fmt::print("logged in to {} as {}\n", credentials.url, words.username);
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
    on_use(*app.add_subcommand("logout", "revoke the stored token and forget it"), options, [&options]() -> Status {
        WINDLASS_TRY_STATUS(log_out());
        if (options.json) fmt::print("{{}}\n");
        return {};
    });
}

}  // namespace windlass::cli
