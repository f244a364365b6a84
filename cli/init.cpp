// `windlass init`: settings, directories, tables, the first admin and a token for who runs it. What is there stays as
// it is, so running it twice changes nothing.
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <tuple>

#include "cli/credentials.h"
#include "cli/data_directory.h"
#include "cli/init_plan.h"
#include "cli/machine_token.h"
#include "cli/noun.h"
#include "cli/private_file.h"
#include "cli/program_directory.h"
#include "cli/server.h"
#include "cli/server_url.h"
#include "cli/site_file.h"
#include "cli/supervisor.h"
#include "shared/database/url.h"
#include "shared/wire/connection.h"

extern char** environ;

namespace windlass::cli {
namespace {

constexpr const char* service_user = "windlass";
constexpr std::size_t longest_socket_path = 100;

struct InitWords {
    InitSettings settings;
    bool personal = false;
};

// What was made, and what stood already.
class InitReport {
  public:
    explicit InitReport(const Options& options) : options_(options) {}

    void made(const std::string& what) {
        changed_.push_back(what);
        say("made   " + what);
    }
    void kept(const std::string& what) { say("there  " + what); }
    void note(const std::string& what) { say("       " + what); }

    void end(const std::vector<std::string>& next) const {
        if (options_.json) {
            rapidjson::StringBuffer buffer;
            JsonWriter writer(buffer);
            writer.StartObject();
            for (const auto& [key, list] : {std::pair("changed", &changed_), std::pair("next", &next)}) {
                put_key(writer, key);
                writer.StartArray();
                for (const std::string& one : *list) put(writer, to_valid_utf8(one));
                writer.EndArray();
            }
            writer.EndObject();
            fmt::print("{}\n", text_of(buffer));
        } else if (!options_.quiet) {
            fmt::print("\nNext:\n");
            for (const std::string& one : next) fmt::print("  {}\n", one);
        }
    }

  private:
    void say(const std::string& line) const {
        if (options_.json || options_.quiet) return;
        fmt::print("{}\n", line);
        std::fflush(stdout);
    }

    const Options& options_;
    std::vector<std::string> changed_;
};

bool is_there(const std::string& path) {
    return access(path.c_str(), F_OK) == 0;
}

// Whether the units of systemd are installed: then root means the whole machine.
bool has_units() {
    for (const char* directory : {"/etc/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/"})
        if (is_there(std::string(directory) + "windlass-scheduler.service")) return true;
    return false;
}

bool has_secrets_of_systemd() {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/etc/credstore", ignored))
        if (entry.path().filename().string().starts_with("windlass.")) return true;
    return false;
}

// A directory of the daemons' user, for nobody else.
Status make_directory_of_service(const std::string& path, const passwd& user, InitReport& report) {
    if (is_there(path)) return {};
    WINDLASS_TRY_STATUS(make_private_directories(path));
    if (chown(path.c_str(), user.pw_uid, user.pw_gid) != 0)
        return errno_error("giving " + path + " to windlass", errno);
    report.made(path);
    return {};
}

Status check_settings(const InitSettings& settings) {
    if (!settings.database.empty()) WINDLASS_TRY_STATUS(DatabaseUrl::parse(settings.database));
    if (!settings.listen.empty()) {
        WINDLASS_TRY(const auto endpoint, wire::parse_endpoint(settings.listen));
        if (endpoint.unix_path.empty() && endpoint.port == 0)
            return make_error(ErrorKind::invalid, "--listen: a site has one address; name a port");
    }
    if (!settings.site && settings.data.size() + std::string("/run/scheduler.sock").size() > longest_socket_path)
        return make_error(ErrorKind::invalid, fmt::format("{} is too long for the sockets in it; name a shorter "
                                                          "directory with --data",
                                                          settings.data));
    return {};
}

Status make_settings_file(const InitSettings& settings, InitReport& report) {
    if (is_there(settings.file)) {
        report.kept(settings.file);
        return {};
    }
    const std::string directory = std::filesystem::path(settings.file).parent_path().string();
    if (settings.site) {
        std::error_code failed;
        std::filesystem::create_directories(directory, failed);  // others may look into /etc/windlass
        if (failed) return make_error(ErrorKind::denied, "making " + directory + ": " + failed.message());
    } else {
        WINDLASS_TRY_STATUS(make_private_directories(directory));
    }
    // It may hold the database's password.
    WINDLASS_TRY_STATUS(write_private_file(settings.file, settings_text(settings), settings.site ? 0640 : 0600));
    if (const passwd* user = settings.site ? getpwnam(service_user) : nullptr; user != nullptr)
        if (chown(settings.file.c_str(), 0, user->pw_gid) != 0)
            return errno_error("giving " + settings.file + " to the group windlass", errno);
    report.made(settings.file);
    return {};
}

// An API token of the first admin, for this account on this machine.
Result<std::string> new_token(const std::string& url, const std::string& admin_token_file) {
    WINDLASS_TRY(std::string admin_token, read_file(admin_token_file));
    while (!admin_token.empty() && admin_token.back() == '\n') admin_token.pop_back();
    Server server(Credentials{url, admin_token});
    return make_machine_token(server);
}

// Starts scheduler and api, calls `when_ready` with the api's address, and stops them.
Status first_start(const InitSettings& settings, const std::string& logs, const std::string& sockets,
                   const std::function<Status(const std::string& url)>& when_ready) {
    DevPlaces places;
    places.data = logs;
    places.sockets = sockets;
    WINDLASS_TRY(places.scheduler_program, sibling_program("windlass-scheduler"));
    WINDLASS_TRY(places.api_program, sibling_program("windlass-api"));
    WINDLASS_TRY(NotifySocket notify, NotifySocket::open(sockets + "/notify.sock"));
    const passwd* user = settings.site ? getpwnam(service_user) : nullptr;
    if (user != nullptr)
        for (const std::string& path : {sockets, notify.path()})
            if (chown(path.c_str(), user->pw_uid, user->pw_gid) != 0)
                return errno_error("giving " + path + " to windlass", errno);
    std::string url;
    Supervisor* running = nullptr;
    Supervisor::Handlers handlers;
    handlers.tell = [](const std::string& line) { fmt::print(stderr, "windlass init: {}\n", line); };
    handlers.on_processes = [](const std::vector<pid_t>&) {};
    handlers.on_ready = [&url](Service& service, const std::string& said) {
        if (service.program.name == "api") url = said;
    };
    handlers.on_all_ready = [&]() -> Status {
        WINDLASS_TRY_STATUS(when_ready(url));
        running->stop();
        return {};
    };
    Supervisor supervisor(
        plan_first_start(settings.file, places, user == nullptr ? "" : service_user, inherited_environment()),
        std::move(notify), {}, std::move(handlers));
    running = &supervisor;
    return supervisor.run();
}

// A directory for sockets and logs of the first start alone.
class TemporaryDirectory {
  public:
    static Result<TemporaryDirectory> make() {
        std::string pattern = "/tmp/windlass-init-XXXXXX";
        if (mkdtemp(pattern.data()) == nullptr) return errno_error("making a directory below /tmp", errno);
        return TemporaryDirectory(pattern);
    }
    TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
    ~TemporaryDirectory() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    const std::string& path() const { return path_; }

  private:
    explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

// Whom the command is logged in to already: this site, another one, nobody.
enum class Login { here, elsewhere, nowhere };

Result<Login> login_of(const std::string& url, InitReport& report) {
    auto stored = read_credentials();
    if (!stored && stored.error().kind == ErrorKind::not_found) return Login::nowhere;
    if (!stored) return std::move(stored).error();
    if (stored->url == url && !stored->token.empty()) return Login::here;
    report.note(fmt::format("you are logged in to {}, and stay so; for this one: windlass login --url {} -u admin",
                            stored->url, url));
    return Login::elsewhere;
}

// Where this site answers now: a `windlass dev` says it itself. Empty: it does not run.
std::string running_at(const InitSettings& settings, const std::string& url) {
    std::string address = url;
    if (const auto endpoint = read_file(settings.data + "/endpoint"); endpoint && !settings.site)
        address = endpoint->substr(0, endpoint->find('\n'));
    return HttpClient(address).send({.path = "/healthz", .patience = Seconds{5}}) ? address : std::string();
}

Status set_up(const InitSettings& settings, InitReport& report) {
    WINDLASS_TRY_STATUS(check_settings(settings));
    const std::string admin_directory = settings.site ? settings.data + "/admin" : settings.data;
    if (settings.site) {
        const passwd* user = getpwnam(service_user);
        if (user == nullptr)
            return make_error(ErrorKind::not_found,
                              "there is no user windlass: run systemd-sysusers first (docs/systemd.md)");
        WINDLASS_TRY_STATUS(make_directory_of_service(settings.data, *user, report));
    } else if (!is_there(settings.data)) {
        WINDLASS_TRY_STATUS(make_private_directories(settings.data));
        report.made(settings.data);
    }
    WINDLASS_TRY_STATUS(make_settings_file(settings, report));
    WINDLASS_TRY(const Config config, read_site_file(settings.file));
    for (const auto& [flag, asked, stands] : {std::tuple("--database", settings.database, config.database.url),
                                              std::tuple("--listen", settings.listen, config.api.listen)})
        if (!asked.empty() && asked != stands)
            return make_error(ErrorKind::conflict,
                              fmt::format("{} says something else than {}, and what is there stays as it is: change it "
                                          "in the file, or leave the flag out",
                                          settings.file, flag));
    const std::string url = url_of(config);
    Login login = Login::elsewhere;
    if (url.empty()) {
        report.note("the api listens on a unix socket: log in through the proxy in front of it");
    } else {
        WINDLASS_TRY(login, login_of(url, report));
    }

    const std::string admin_token = admin_directory + "/admin.token";
    const bool has_admin = is_there(admin_directory + "/admin.password");
    if (has_admin) report.kept(admin_directory + "/admin.password, admin.token");
    if (has_admin && login == Login::here) report.kept("a token for you, at " + url);
    if (has_admin && login != Login::nowhere) return {};
    if (has_admin && !is_there(admin_token)) {
        report.note("admin.token is gone; log in with: windlass login --url " + url + " -u admin");
        return {};
    }

    const auto when_ready = [&](const std::string& address) -> Status {
        if (!has_admin && is_there(admin_token)) report.made(admin_directory + "/admin.password, admin.token");
        if (login != Login::nowhere) return {};
        if (!is_there(admin_token)) {
            report.note("this database has an admin already; log in with: windlass login --url " + url);
            return {};
        }
        WINDLASS_TRY(const std::string token, new_token(address, admin_token));
        WINDLASS_TRY(const std::string normal, normal_url(url));
        WINDLASS_TRY_STATUS(write_credentials({normal, token}));
        WINDLASS_TRY(const std::string path, credentials_path());
        report.made(fmt::format("{}: a token for you, at {}", path, url));
        return {};
    };
    // It may run already: then there is nothing to start.
    if (const std::string address = running_at(settings, url); has_admin && !address.empty())
        return when_ready(address);
    if (settings.site && has_secrets_of_systemd())
        return make_error(ErrorKind::conflict,
                          "some settings of this site are in /etc/credstore, which systemd alone hands to the daemons: "
                          "start them (systemctl enable --now windlass-scheduler windlass-api), then run this again");
    if (settings.site) {
        WINDLASS_TRY(const TemporaryDirectory temporary, TemporaryDirectory::make());
        return first_start(settings, temporary.path(), temporary.path(), when_ready);
    }
    WINDLASS_TRY(const DataDirectory directory, DataDirectory::open(settings.data));
    return first_start(settings, directory.file("log"), directory.socket_directory(), when_ready);
}

Status init(const Options& options, InitWords words) {
    InitSettings& settings = words.settings;
    const bool default_data = settings.data.empty();
    settings.site = settings.site || (!words.personal && default_data && geteuid() == 0 && has_units());
    if (settings.site && geteuid() != 0)
        return make_error(ErrorKind::denied, "--site makes files of the system: run it as root");
    if (default_data && settings.site)
        settings.data = "/var/lib/windlass";
    else if (default_data) {
        WINDLASS_TRY(settings.data, data_home());
    }
    std::error_code failed;
    settings.data = std::filesystem::absolute(settings.data, failed).lexically_normal().string();
    if (failed) return make_error(ErrorKind::invalid, "--data: not a path");
    while (settings.data.size() > 1 && settings.data.back() == '/') settings.data.pop_back();
    settings.file = settings.site ? system_site_file : site_file_in(settings.data);
    InitReport report(options);
    WINDLASS_TRY_STATUS(set_up(settings, report));
    report.end(next_commands(settings, default_data));
    return {};
}

}  // namespace

void add_init(CLI::App& app, Options& options) {
    auto words = std::make_shared<InitWords>();
    CLI::App* command = app.add_subcommand(
        "init", "make settings, directories, tables, the first admin and a token for you; what is there stays");
    command->add_option("--data", words->settings.data,
                        "directory of all that stays; default ~/.local/share/windlass, of a site /var/lib/windlass");
    command->add_option("--database", words->settings.database, "postgresql://…; default sqlite in that directory");
    command->add_option("--listen", words->settings.listen, "HOST:PORT of the api; default 127.0.0.1:8080");
    auto* site =
        command->add_flag("--site", words->settings.site,
                          "for the units of systemd (root, and the default for root where they are installed)");
    command->add_flag("--personal", words->personal, "for `windlass dev` of one person, also as root")->excludes(site);
    on_use(*command, options, [words, &options] { return init(options, *words); });
}

}  // namespace windlass::cli
