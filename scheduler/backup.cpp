#include "scheduler/backup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "scheduler/store_sql.h"
#include "shared/database/migrate.h"
#include "shared/database/session.h"
#include "shared/time.h"

namespace windlass::scheduler {
namespace {

namespace fs = std::filesystem;

// A file of ours that goes away again, unless it was kept under another name.
class Draft {
  public:
    explicit Draft(std::string path) : path_(std::move(path)) { remove(); }
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;
    ~Draft() { remove(); }
    const std::string& path() const { return path_; }

    Status keep_as(const std::string& name) {
        const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
        if (file < 0) return errno_error("opening " + path_, errno);
        const bool synced = ::fsync(file) == 0;
        const int error = errno;
        ::close(file);
        if (!synced) return errno_error("writing " + path_, error);
        if (::rename(path_.c_str(), name.c_str()) != 0) return errno_error("renaming " + path_ + " to " + name, errno);
        return {};
    }

  private:
    void remove() const {
        std::error_code ignored;
        for (const char* more : {"", "-wal", "-shm", "-journal"}) fs::remove(path_ + more, ignored);
    }
    std::string path_;
};

// ---- PostgreSQL's own programs

// The connection as libpq's variables: in the environment of a process nobody else reads a password.
void export_connection(const std::string& uri) {
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(uri.c_str(), nullptr),
                                                                               &PQconninfoFree);
    for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr; ++option)
        if (option->val != nullptr && option->envvar != nullptr) setenv(option->envvar, option->val, 1);
}

// Its standard output goes to `output`, if that is not empty. What it complains about it says on standard error.
Status run(const DatabaseUrl& url, std::vector<std::string> words, const std::string& output = {}) {
    const pid_t child = fork();
    if (child < 0) return errno_error("starting " + words[0], errno);
    if (child == 0) {
        export_connection(url.uri());
        if (!output.empty()) {
            const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
            if (file < 0 || dup2(file, STDOUT_FILENO) < 0) _exit(126);
        }
        std::vector<char*> argv;
        for (std::string& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        execvp(argv[0], argv.data());
        _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return make_error(ErrorKind::invalid, words[0] + " was not found: install the package postgresql-client");
    return make_error(ErrorKind::unavailable, words[0] + " failed; what it said is above");
}

// ---- what a file is

enum class Kind { sqlite, postgresql };

Result<Kind> kind_of(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) return errno_error(file, errno);
    std::string head(16, '\0');
    in.read(head.data(), static_cast<std::streamsize>(head.size()));
    if (head.starts_with("SQLite format 3")) return Kind::sqlite;
    if (head.starts_with("PGDMP")) return Kind::postgresql;
    return make_error(ErrorKind::invalid, file + " is no backup: neither a SQLite database nor an archive of pg_dump");
}

Status check_kind(const DatabaseUrl& url, const std::string& file) {
    WINDLASS_TRY(const Kind kind, kind_of(file));
    if ((kind == Kind::sqlite) == (url.engine() == Engine::sqlite)) return {};
    return make_error(ErrorKind::invalid,
                      fmt::format("{} is a backup of {}, and database.url is {}: name a database of the same kind",
                                  file, kind == Kind::sqlite ? "SQLite" : "PostgreSQL", url.shown()));
}

// ---- the fence

struct Present {  // of the database that is replaced: its future must not be met either
    std::int64_t epoch = 0;
    std::int64_t highest_job = 0;
};

constexpr std::string_view highest_job =
    "select max(highest_job, coalesce((select max(id) from job), 0), coalesce((select id + count from job_array order "
    "by id desc limit 1), 0)) from scheduler_epoch where id = 1";

Result<std::int64_t> read_highest_job(Session& session) {
    std::string sql(highest_job);
    if (session.engine() == Engine::postgresql) sql.replace(sql.find("max("), 4, "greatest(");
    WINDLASS_TRY(const auto rows, session.query(sql));
    return rows[0].integer(0);
}

// Makes a new generation of what was restored; SQL that both engines understand. Numbers of the states and moves:
// shared/job_state.h.
std::string fence_script(const Present& present, WallTime now) {
    const std::int64_t now_us = to_unix_us(now);
    return fmt::format(R"(
update scheduler_epoch set epoch = {epoch} where epoch < {epoch};
update scheduler_epoch set epoch = (epoch / {size} + 1) * {size}, last_batch = 0, expires_us = null, leader = '';
update scheduler_epoch set highest_job = {job} where highest_job < {job};
update scheduler_epoch set highest_job = (select max(id) from job) where highest_job < (select max(id) from job);
update scheduler_epoch set highest_job = (select id + count from job_array order by id desc limit 1)
    where highest_job < (select id + count from job_array order by id desc limit 1);
update scheduler_epoch set highest_job = highest_job + {left_out};

update job_array set cancelled = cancelled + (select count(*) from job_state s where s.array_id = job_array.id and
    s.state in (2, 3) and s.cancel_requested = 1);
insert into job_event (job, seq, at_us, move, state, attempt, worker, detail)
    select id, event_seq + 1, {now}, case when cancel_requested = 1 then 8 else 6 end,
        case when cancel_requested = 1 then 7 else 1 end, attempt, worker, 'the site was restored from a backup'
    from job_state where state in (2, 3);
update job_state set state = 7, worker = null, finished_us = {now}, event_seq = event_seq + 1
    where state in (2, 3) and cancel_requested = 1;
update job_state set state = 1, worker = null, event_seq = event_seq + 1 where state in (2, 3);

delete from session;
update id_counter set next = next + {size};
)",
                       fmt::arg("epoch", present.epoch), fmt::arg("size", generation_size),
                       fmt::arg("job", present.highest_job), fmt::arg("left_out", job_ids_left_out),
                       fmt::arg("now", now_us));
}

// What the fence of this moment left.
Result<Restored> look(Session& session, WallTime now) {
    Restored seen;
    WINDLASS_TRY(const auto rows,
                 session.query("select epoch, highest_job, (select count(*) from job_state where state < 4) from "
                               "scheduler_epoch where id = 1"));
    seen.epoch = rows[0].integer(0);
    seen.highest_job = rows[0].integer(1);
    seen.unfinished = rows[0].integer(2);
    for (auto [move, count] : {std::pair(6, &seen.run_again), std::pair(8, &seen.cancelled)}) {
        WINDLASS_TRY(const auto moved,
                     session.query("select count(*) from job_event where at_us = :now and move = :move "
                                   "and detail = 'the site was restored from a backup'",
                                   to_unix_us(now), move));
        *count = moved[0].integer(0);
    }
    return seen;
}

// No scheduler leads this database as long as `store` lives.
Result<std::int64_t> keep_schedulers_out(Store& store) {
    const auto epoch = store.lead();
    if (!epoch && epoch.error().kind == ErrorKind::conflict)
        return make_error(ErrorKind::conflict,
                          epoch.error().message + ": systemctl stop windlass-api windlass-scheduler");
    return epoch;
}

// The present, and the right to replace it.
Result<Present> take_over(Store& store, const DatabaseUrl& url) {
    Present present;
    WINDLASS_TRY(present.epoch, keep_schedulers_out(store));
    Session session(url, {.application_name = "windlass-restore"});
    WINDLASS_TRY(present.highest_job, read_highest_job(session));
    return present;
}

// ---- SQLite

// All pages in one transaction of the database they go to: others see the old one or the new one.
Status replace_pages(const std::string& from, const std::string& to) {
    using Database = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;
    const auto open = [](const std::string& path, int flags) {
        sqlite3* opened = nullptr;
        sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
        return Database(opened, &sqlite3_close);
    };
    const Database source = open(from, SQLITE_OPEN_READONLY);
    const Database target = open(to, SQLITE_OPEN_READWRITE);
    sqlite3_busy_timeout(target.get(), 30'000);
    sqlite3_backup* copying = sqlite3_backup_init(target.get(), "main", source.get(), "main");
    const int stepped = copying == nullptr ? sqlite3_errcode(target.get()) : sqlite3_backup_step(copying, -1);
    const int finished = copying == nullptr ? stepped : sqlite3_backup_finish(copying);
    if (stepped == SQLITE_DONE && finished == SQLITE_OK) return {};
    if (stepped == SQLITE_BUSY || stepped == SQLITE_LOCKED)
        return make_error(ErrorKind::conflict, to + " is in use: systemctl stop windlass-api windlass-scheduler");
    return make_error(ErrorKind::unavailable,
                      fmt::format("writing {}: {}", to, sqlite3_errstr(finished == SQLITE_OK ? stepped : finished)));
}

// As root one makes files that the daemons could not write to.
void give_to_owner_of_directory(const std::string& database) {
    struct stat directory {};
    if (geteuid() != 0 || stat(fs::path(database).parent_path().c_str(), &directory) != 0) return;
    for (const char* more : {"", "-wal", "-shm", ".scheduler-lock"}) {
        const std::string path = database + more;
        if (::lchown(path.c_str(), directory.st_uid, directory.st_gid) != 0 && errno != ENOENT) return;
    }
}

Result<Restored> restore_sqlite(const DatabaseUrl& url, const std::string& file, const Present& present) {
    const Draft draft(url.path() + ".restoring");
    std::error_code failed;
    fs::copy_file(file, draft.path(), failed);
    if (failed) return errno_error("copying " + file + " to " + draft.path(), failed.value());
    if (::chmod(draft.path().c_str(), 0600) != 0) return errno_error(draft.path(), errno);
    const WallTime now = SystemClock().now().wall;
    Restored restored;
    {
        WINDLASS_TRY(const auto draft_url, DatabaseUrl::parse("sqlite:" + draft.path()));
        Session session(draft_url, {.application_name = "windlass-restore"});
        WINDLASS_TRY_STATUS(migrate(session));
        WINDLASS_TRY(Transaction transaction, Transaction::begin(session));
        WINDLASS_TRY_STATUS(session.run_script(fence_script(present, now), "the new generation"));
        WINDLASS_TRY_STATUS(transaction.commit());
        WINDLASS_TRY(restored, look(session, now));
    }
    WINDLASS_TRY_STATUS(replace_pages(draft.path(), url.path()));
    return restored;
}

// ---- PostgreSQL

constexpr std::string_view drop_tables = R"(
do $$
declare t record;
begin
    for t in select tablename from pg_tables where schemaname = current_schema() and tableowner = current_user loop
        execute format('drop table if exists %I cascade', t.tablename);
    end loop;
end $$;
)";

// Of the archive's own record: the number of migrations it has seen.
Result<int> migrations_in(const DatabaseUrl& url, const std::string& file, const std::string& scratch) {
    const Draft draft(scratch);
    WINDLASS_TRY_STATUS(run(url, {"pg_restore", "--data-only", "--table=schema_migration", "--file=-", file}, scratch));
    std::ifstream in(scratch);
    int number = 0;
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        if (line == "\\.") inside = false;
        if (inside) ++number;
        if (line.starts_with("COPY ")) inside = true;
    }
    return number;
}

Result<Restored> restore_postgresql(const DatabaseUrl& url, const std::string& file, const Present& present) {
    WINDLASS_TRY(const int theirs, migrations_in(url, file, file + ".tables"));
    const int ours = static_cast<int>(embedded_migrations().size());
    if (theirs == 0) return make_error(ErrorKind::invalid, file + " is an archive of another database than Windlass's");
    if (theirs > ours)
        return make_error(ErrorKind::invalid, file + " was made by a newer Windlass. Install that one first");
    const Draft old(file + ".drop"), script(file + ".restoring"), fence(file + ".fence");
    const WallTime now = SystemClock().now().wall;
    WINDLASS_TRY_STATUS(run(url, {"pg_restore", "--no-owner", "--no-privileges", "--file=" + script.path(), file}));
    // All tables, also those that the archive does not know yet.
    std::ofstream(old.path()) << drop_tables;
    std::ofstream(fence.path()) << "reset search_path;\n"  // pg_restore sets an empty one
                                << fence_script(present, now);
    // Not past whoever else uses the tables, and not waiting for them for ever.
    setenv("PGOPTIONS", "-c lock_timeout=30s -c client_min_messages=warning", 1);
    const Status done = run(url,
                            {"psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1",
                             "--file=" + old.path(), "--file=" + script.path(), "--file=" + fence.path()},
                            "/dev/null");
    unsetenv("PGOPTIONS");
    if (!done) return done.error();
    Session session(url, {.application_name = "windlass-restore"});
    WINDLASS_TRY_STATUS(migrate(session));
    return look(session, now);
}

}  // namespace

Status back_up(const DatabaseUrl& url, const std::string& file) {
    if (fs::exists(file)) return make_error(ErrorKind::conflict, file + " is there already: name another file");
    ::umask(077);
    Draft draft(file + ".part");
    if (url.engine() == Engine::sqlite) {
        if (!fs::exists(url.path()))
            return make_error(ErrorKind::not_found, url.path() + ": there is no such database");
        Session session(url, {.application_name = "windlass-backup"});
        WINDLASS_TRY([[maybe_unused]] const auto done, session.execute("vacuum into :file", draft.path()));
    } else {
        WINDLASS_TRY_STATUS(run(url, {"pg_dump", "--format=custom", "--no-owner", "--no-privileges",
                                      "--lock-wait-timeout=30s", "--file=" + draft.path()}));
    }
    WINDLASS_TRY_STATUS(check_kind(url, draft.path()));
    return draft.keep_as(file);
}

Result<Restored> restore(const DatabaseUrl& url, const std::string& file) {
    WINDLASS_TRY_STATUS(check_kind(url, file));
    ::umask(077);
    WINDLASS_TRY(const auto store, open_store(url));
    WINDLASS_TRY(const Present present, take_over(*store, url));
    auto restored =
        url.engine() == Engine::sqlite ? restore_sqlite(url, file, present) : restore_postgresql(url, file, present);
    if (url.engine() == Engine::sqlite) give_to_owner_of_directory(url.path());
    return restored;
}

Status lead_tables_back(const DatabaseUrl& url, int to) {
    WINDLASS_TRY(const auto store, open_store(url));
    WINDLASS_TRY([[maybe_unused]] const auto epoch, keep_schedulers_out(*store));
    Session session(url, {.application_name = "windlass-migrate"});
    return migrate_back(session, to);
}

}  // namespace windlass::scheduler
