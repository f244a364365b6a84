// The database of a site: there, durable, with the tables of this version, its clock in step.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "cli/doctor/checks.h"
#include "shared/database/migrate.h"
#include "shared/database/session.h"

namespace windlass::cli::doctor {
namespace {

// SQLite makes files beside the database, and these must belong to who owns it: root looks as that user.
class AsOwnerOf {
  public:
    explicit AsOwnerOf(const std::string& path) {
        struct stat info {};
        if (geteuid() != 0 || stat(path.c_str(), &info) != 0 || info.st_uid == 0) return;
        changed_ = setegid(info.st_gid) == 0 && seteuid(info.st_uid) == 0;
    }
    ~AsOwnerOf() {
        if (!changed_) return;
        WINDLASS_CHECK(seteuid(0) == 0 && setegid(0) == 0, "root's own rights cannot be had again");
    }
    AsOwnerOf(const AsOwnerOf&) = delete;
    AsOwnerOf& operator=(const AsOwnerOf&) = delete;

  private:
    bool changed_ = false;
};

Finding check_schema(Session& session) {
    const int known = embedded_migrations().back().number;
    const auto version = schema_version(session);
    if (!version) return bad("database", version.error().message, "windlass-scheduler's log says more");
    if (*version == known) return ok("database", fmt::format("its tables are those of this version ({})", known));
    if (*version < known)
        return warning("database", fmt::format("its tables are of version {}, this program's of {}", *version, known),
                       "the next start of windlass-scheduler or windlass-api brings them up to date by itself");
    return bad("database", fmt::format("its tables are of version {}, newer than this program's {}", *version, known),
               "install the version that made them, or a later one");
}

Findings check_postgresql(const DatabaseUrl& url) {
    SessionSettings settings;
    settings.application_name = "windlass doctor";
    Session session(url, settings);
    // Also refuses a server with fsync or synchronous_commit off, in a sentence that says what to change.
    if (const Status opened = session.open(); !opened)
        return {bad("database", opened.error().message,
                    opened.error().kind == ErrorKind::unavailable
                        ? "start it (systemctl status postgresql), or correct database.url"
                        : "as it says; the account that runs this may also be another than the daemons'")};
    Findings findings = {ok("database", url.shown() + " answers; fsync and synchronous_commit are on"),
                         check_schema(session)};
    const WallTime before = SystemClock().now().wall;
    const auto rows = session.query("select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)");
    const WallTime after = SystemClock().now().wall;
    if (rows && !rows->empty())
        findings.push_back(judge_skew("the database",
                                      from_unix_us(rows->front().integer(0)) - (before + (after - before) / 2),
                                      (after - before) / 2));
    return findings;
}

Findings check_sqlite(const DatabaseUrl& url) {
    const std::string& path = url.path();
    if (access(path.c_str(), F_OK) != 0) {
        const std::string directory = std::filesystem::path(path).parent_path().string();
        if (errno == EACCES)
            return {
                warning("database", path + " is out of this account's reach", "run doctor as root or as its owner")};
        if (access(directory.c_str(), F_OK) != 0)
            return {warning("database", directory + " is not there yet",
                            "windlass init makes it (under systemd: the first start)")};
        return {ok("database", path + " is made at the first start")};
    }
    const AsOwnerOf owner(path);
    if (access(path.c_str(), R_OK | W_OK) != 0)
        return {warning("database", path + " is out of this account's reach", "run doctor as root or as its owner")};
    Session session(url);
    if (const Status opened = session.open(); !opened)
        return {bad("database", opened.error().message, "as it says; a copy of the file may be used to look closer")};
    return {ok("database", path + " opens; each commit is on the disk before it is answered"), check_schema(session)};
}

}  // namespace

Findings check_database(const Config& config) {
    const auto url = DatabaseUrl::parse(config.database.url);
    if (!url) return {bad("database", url.error().message, "correct database.url in the configuration")};
    return url->engine() == Engine::postgresql ? check_postgresql(*url) : check_sqlite(*url);
}

}  // namespace windlass::cli::doctor
