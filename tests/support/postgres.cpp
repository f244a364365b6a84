#include "tests/support/postgres.h"
#include "tests/support/patience.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

extern char** environ;

namespace windlass::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

const std::string programs = "/usr/lib/postgresql/15/bin/";

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(stderr, "\nPostgreSQL for the tests: %s\n", why.c_str());
    std::_Exit(1);  // no destructors: nothing of the test is worth going on
}

// PostgreSQL refuses to run as root. Whatever ends this process, the server goes with it.
std::vector<std::string> as_server_user(std::vector<std::string> command) {
    std::vector<std::string> prefix{"setpriv", "--pdeathsig", "KILL"};
    if (::geteuid() == 0) prefix.insert(prefix.end(), {"--reuid=postgres", "--regid=postgres", "--clear-groups"});
    prefix.insert(prefix.end(), command.begin(), command.end());
    return prefix;
}

pid_t spawn(const std::vector<std::string>& command, const std::string& log) {
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    pid_t child = -1;
    const int error = ::posix_spawnp(&child, arguments[0], &files, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    if (error != 0) give_up("cannot run " + command[0] + ". Install it with: apt-get install util-linux");
    return child;
}

std::string text_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

int pidfd_of(pid_t process) {
    return static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
}

std::uint64_t available_memory_bytes() {
    std::ifstream file("/proc/meminfo");
    std::string name;
    std::uint64_t kibibytes = 0;
    while (file >> name >> kibibytes) {
        if (name == "MemAvailable:") return kibibytes * 1024;
        file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    return 0;
}

// Hundreds of databases are made and thrown away (1.5 GiB at most): on a disk, waiting for it is most of the time. What
// is killed here are processes, and memory keeps what they wrote as a disk does. Containers often have next to nothing
// there.
bool memory_has_room() {
    struct statvfs about {};
    constexpr std::uint64_t enough = std::uint64_t{6} << 30;
    return ::access("/dev/shm", W_OK) == 0 && ::statvfs("/dev/shm", &about) == 0 &&
           std::uint64_t{about.f_bavail} * about.f_frsize >= enough && available_memory_bytes() >= enough;
}

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;

}  // namespace

PostgresServer& PostgresServer::shared() {
    static PostgresServer server;
    return server;
}

PostgresServer::PostgresServer() {
    if (const char* external = std::getenv("WINDLASS_TEST_POSTGRES"); external != nullptr && *external != '\0') {
        external_ = external;
        return;
    }
    initialise();
    start();
}

PostgresServer::~PostgresServer() {
    if (!external_.empty()) {
        for (const std::string& name : databases_) {
            const Connection connection(PQconnectdb(external_.c_str()), &PQfinish);
            PQclear(PQexec(connection.get(), ("drop database if exists " + name + " with (force)").c_str()));
        }
        return;
    }
    if (postmaster_ > 0) stop_immediately();
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
}

void PostgresServer::initialise() {
    if (!fs::exists(programs + "postgres") || !fs::exists(programs + "initdb")) {
        give_up(
            "its server is not installed. Install it with: apt-get install postgresql-15, or name a server in "
            "WINDLASS_TEST_POSTGRES=postgresql://…");
    }
    std::string name = memory_has_room() ? "/dev/shm/windlass-postgres-XXXXXX" : "/tmp/windlass-postgres-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) give_up("cannot create the directory " + name);
    directory_ = name;
    if (::geteuid() == 0) {
        const passwd* user = ::getpwnam("postgres");
        if (user == nullptr || ::chown(name.c_str(), user->pw_uid, user->pw_gid) != 0) {
            give_up("there is no user postgres. Install it with: apt-get install postgresql-15");
        }
    }
    const std::string log = directory_ + "/initdb.log";
    const pid_t initdb = spawn(as_server_user({programs + "initdb", "-D", directory_ + "/data", "-U", "postgres", "-A",
                                               "trust", "-E", "UTF8", "--no-locale", "-N"}),
                               log);
    int status = 0;
    ::waitpid(initdb, &status, 0);
    if (status != 0) give_up("initdb failed: " + text_of(log));
    set("listen_addresses = ''");
    set("unix_socket_directories = '" + directory_ + "'");
    set("shared_buffers = 64MB");
    set("max_connections = 40");
}

void PostgresServer::set(const std::string& setting) {
    std::ofstream file(directory_ + "/data/postgresql.conf", std::ios::app);
    file << setting << '\n';
}

void PostgresServer::start() {
    launch();
    wait_until_ready();
}

void PostgresServer::launch() {
    postmaster_ =
        spawn(as_server_user({programs + "postgres", "-D", directory_ + "/data"}), directory_ + "/server.log");
}

// The postmaster writes into postmaster.pid when it accepts connections (src/backend/postmaster/postmaster.c); pg_ctl
// looks there too.
void PostgresServer::wait_until_ready() {
    const std::string where = uri("postgres");
    const int told = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (::inotify_add_watch(told, (directory_ + "/data").c_str(), IN_MODIFY) < 0) give_up("cannot watch its directory");
    int ended = pidfd_of(postmaster_);
    for (const auto end = steady_clock::now() + 2 * patience(); steady_clock::now() < end;) {
        if (PQping(where.c_str()) == PQPING_OK) {
            ::close(told);
            ::close(ended);
            return;
        }
        pollfd events[] = {{told, POLLIN, 0}, {ended, POLLIN, 0}};
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - steady_clock::now());
        ::poll(events, 2, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
        char ignored[4096];
        while (::read(told, ignored, sizeof ignored) > 0) {
        }
        int status = 0;
        if (::waitpid(postmaster_, &status, WNOHANG) == postmaster_) {
            // The processes of a server that was killed hold its memory for a moment longer.
            launch();
            ::close(std::exchange(ended, pidfd_of(postmaster_)));
        }
    }
    give_up("the server does not come up: " + text_of(directory_ + "/server.log"));
}

void PostgresServer::wait_until_gone() {
    int status = 0;
    ::waitpid(postmaster_, &status, 0);
    postmaster_ = -1;
}

void PostgresServer::stop_immediately() {
    ::kill(postmaster_, SIGQUIT);
    wait_until_gone();
}

void PostgresServer::kill() {
    ::kill(postmaster_, SIGKILL);
    wait_until_gone();
}

std::string PostgresServer::uri(const std::string& database) const {
    if (external_.empty()) return "postgresql:///" + database + "?host=" + directory_ + "&user=postgres";
    const std::size_t query = external_.find('?');
    const std::size_t path = external_.find('/', external_.find("//") + 2);
    return external_.substr(0, std::min(path, query)) + "/" + database +
           (query == std::string::npos ? "" : external_.substr(query));
}

std::string PostgresServer::run(const DatabaseUrl& database, const std::string& sql) {
    const Connection connection(PQconnectdb(database.uri().c_str()), &PQfinish);
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql.c_str()), &PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        give_up("\"" + sql + "\" failed: " + PQerrorMessage(connection.get()));
    }
    return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

DatabaseUrl PostgresServer::fresh_database() {
    static int count = 0;
    const std::string name = "windlass_test_" + std::to_string(::getpid()) + "_" + std::to_string(++count);
    run(DatabaseUrl::parse(external_.empty() ? uri("postgres") : external_).value(), "create database " + name);
    databases_.push_back(name);
    return DatabaseUrl::parse(uri(name)).value();
}

}  // namespace windlass::test
