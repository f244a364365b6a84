#include "cli/credentials.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "cli/private_file.h"
#include "cli/server_url.h"
#include "shared/json.h"

namespace windlass::cli {
namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

// A token travels in a header: anything else than printable characters would be an injection or a mistake.
Status check_token(const std::string& token, const char* where) {
    for (const char c : token)
        if (c <= ' ' || c > '~')
            return make_error(
                ErrorKind::invalid,
                fmt::format("{} holds a space, a line end or another character that no token has", where));
    return {};
}

}  // namespace

Result<std::string> credentials_path() {
    WINDLASS_TRY(const std::string home, config_home());
    return home + "/credentials";
}

Result<Credentials> read_credentials() {
    WINDLASS_TRY(const std::string path, credentials_path());
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return errno_error("reading " + path, errno);
    if ((info.st_mode & 077) != 0)
        return make_error(ErrorKind::denied, fmt::format("{} can be read by others, so its token may be known to them; "
                                                         "run `windlass logout` and `windlass login`",
                                                         path));
    WINDLASS_TRY(const std::string text, read_file(path));
    auto parsed = parse_json(text);
    if (!parsed || !parsed->IsObject() || !parsed->HasMember("url") || !parsed->HasMember("token") ||
        !(*parsed)["url"].IsString() || !(*parsed)["token"].IsString())
        return make_error(ErrorKind::invalid, path + " is damaged; run `windlass login` again");
    return Credentials{(*parsed)["url"].GetString(), (*parsed)["token"].GetString()};
}

Status write_credentials(const Credentials& credentials) {
    WINDLASS_TRY(const std::string home, config_home());
    WINDLASS_TRY_STATUS(make_private_directories(home));
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    put_key(writer, "url");
    put(writer, credentials.url);
    put_key(writer, "token");
    put(writer, credentials.token);
    writer.EndObject();
    return write_private_file(home + "/credentials", std::string(text_of(buffer)) + "\n");
}

Status remove_credentials() {
    WINDLASS_TRY(const std::string path, credentials_path());
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return errno_error("removing " + path, errno);
    return {};
}

Result<Credentials> find_credentials(const std::string& url_flag) {
    const std::string named = url_flag.empty() ? variable("WINDLASS_URL") : url_flag;
    const std::string token = variable("WINDLASS_TOKEN");
    Credentials found;
    if (!named.empty()) {
        WINDLASS_TRY(found.url, normal_url(named));
    }
    if (found.url.empty() || token.empty()) {
        auto stored = read_credentials();
        if (!stored && stored.error().kind != ErrorKind::not_found) return std::move(stored).error();
        if (stored && found.url.empty()) found.url = stored->url;
        if (stored && found.url == stored->url) found.token = stored->token;
    }
    if (found.url.empty())
        return make_error(ErrorKind::invalid,
                          "which server? Name it with --url http://HOST:PORT or WINDLASS_URL, or log in once: windlass "
                          "login --url http://HOST:PORT");
    if (!token.empty()) found.token = token;
    WINDLASS_TRY_STATUS(check_token(found.token, token.empty() ? "the stored token" : "WINDLASS_TOKEN"));
    return found;
}

}  // namespace windlass::cli
