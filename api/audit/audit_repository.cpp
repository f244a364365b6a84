#include "api/audit/audit_repository.h"

#include "shared/json.h"

namespace windlass::api {
namespace {

// PostgreSQL: one statement, and so one round trip, for any number of entries: a JSON parameter, expanded by the
// database. SQLite has no round trips, and reads JSON at four times the cost of a row: a statement for each.
constexpr std::string_view insert_postgresql =
    "insert into audit_entry (number, at_us, account, actor, credential, address, action, object, status, request_id, "
    "detail, previous_hash, hash) select number, at_us, account, actor, credential, address, action, object, status, "
    "request_id, detail, previous_hash, hash from json_to_recordset(cast(:rows as json)) as r(number bigint, at_us "
    "bigint, account bigint, actor text, credential text, address text, action text, object text, status smallint, "
    "request_id text, detail text, previous_hash text, hash text)";
constexpr std::string_view insert_sqlite =
    "insert into audit_entry (number, at_us, account, actor, credential, address, action, object, status, request_id, "
    "detail, previous_hash, hash) values (:number, :at_us, :account, :actor, :credential, :address, :action, :object, "
    ":status, :request_id, :detail, :previous_hash, :hash)";

const std::string entries_where =
    "select number, at_us, account, actor, credential, address, action, object, status, request_id, detail, "
    "previous_hash, hash from audit_entry where ";
const std::string of_account = "(cast(:account as bigint) = -1 or account = cast(:account as bigint))";

std::string rows_of(const std::vector<AuditEntry>& entries) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartArray();
    for (const auto& entry : entries) {
        const auto text = [&](const char* key, std::string_view value) {
            json.Key(key);
            put(json, value);
        };
        json.StartObject();
        json.Key("number");
        json.Int64(entry.number);
        json.Key("at_us");
        json.Int64(to_unix_us(entry.at));
        json.Key("account");
        if (entry.account)
            json.Int64(entry.account->value);
        else
            json.Null();
        text("actor", entry.actor);
        text("credential", entry.credential);
        text("address", entry.address);
        text("action", entry.action);
        text("object", entry.object);
        json.Key("status");
        json.Int(entry.status);
        text("request_id", entry.request_id);
        text("detail", entry.detail);
        text("previous_hash", entry.previous_hash);
        text("hash", entry.hash);
        json.EndObject();
    }
    json.EndArray();
    return std::string(text_of(buffer));
}

AuditEntry entry_of(const Row& row) {
    AuditEntry entry;
    entry.number = row.integer(0);
    entry.at = from_unix_us(row.integer(1));
    if (const auto account = row.integer_or_null(2)) entry.account = UserId{*account};
    entry.actor = row.text(3);
    entry.credential = row.text(4);
    entry.address = row.text(5);
    entry.action = row.text(6);
    entry.object = row.text(7);
    entry.status = static_cast<int>(row.integer(8));
    entry.request_id = row.text(9);
    entry.detail = row.text(10);
    entry.previous_hash = row.text(11);
    entry.hash = row.text(12);
    return entry;
}

std::vector<AuditEntry> entries_of(const std::vector<Row>& rows) {
    std::vector<AuditEntry> entries;
    for (const Row& row : rows) entries.push_back(entry_of(row));
    return entries;
}

// -1 is no account: all of them.
std::int64_t filter_of(std::optional<UserId> account) {
    return account ? account->value : -1;
}

// Numbers and hashes, as they follow from the end of the chain.
void tie(std::vector<AuditEntry>& entries, AuditHead head) {
    for (auto& entry : entries) {
        entry.number = ++head.number;
        entry.previous_hash = std::move(head.hash);
        entry.hash = head.hash = audit_hash(entry);
    }
}

Status insert(Session& session, const std::vector<AuditEntry>& entries) {
    if (session.engine() == Engine::postgresql) {
        WINDLASS_TRY([[maybe_unused]] const auto all, session.execute(insert_postgresql, rows_of(entries)));
        return {};
    }
    for (const auto& entry : entries) {
        const auto account = entry.account ? std::optional(entry.account->value) : std::nullopt;
        WINDLASS_TRY([[maybe_unused]] const auto one,
                     session.execute(insert_sqlite, entry.number, to_unix_us(entry.at), account, entry.actor,
                                     entry.credential, entry.address, entry.action, entry.object, entry.status,
                                     entry.request_id, entry.detail, entry.previous_hash, entry.hash));
    }
    return {};
}

// Were these written by a commit of which nobody knew whether it happened?
Result<bool> already_there(Session& session, const AuditEntry& last) {
    if (last.hash.empty()) return false;
    WINDLASS_TRY(const auto rows, session.query("select hash from audit_entry where number = :number", last.number));
    return !rows.empty() && rows.front().text(0) == last.hash;
}

}  // namespace

Result<AuditHead> AuditRepository::append(std::vector<AuditEntry>& entries) {
    WINDLASS_CHECK(!entries.empty(), "somebody has something to say");
    const bool tried_before = !entries.back().hash.empty();
    // Mostly nobody else has appended since we did. Whoever waits for the lock waits less if this is done before it.
    if (!tried_before) tie(entries, last_);
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    // Locks the row: whoever else appends waits here.
    WINDLASS_TRY(const auto rows,
                 session->query("update audit_head set number = number where one = 1 returning number, hash"));
    WINDLASS_CHECK(rows.size() == 1, "audit_head has one row");
    AuditHead head{rows.front().integer(0), rows.front().text(1)};
    if (tried_before) {
        WINDLASS_TRY(const bool there, already_there(*session, entries.back()));
        if (there) return last_ = head;
    }
    if (tried_before || head.hash != last_.hash) tie(entries, head);
    head = {entries.back().number, entries.back().hash};
    WINDLASS_TRY_STATUS(insert(*session, entries));
    WINDLASS_TRY(
        [[maybe_unused]] const auto moved,
        session->execute("update audit_head set number = :number, hash = :hash where one = 1", head.number, head.hash));
    WINDLASS_TRY_STATUS(transaction.commit());
    return last_ = head;
}

Result<AuditHead> AuditRepository::head() {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query("select number, hash from audit_head where one = 1"));
    WINDLASS_CHECK(rows.size() == 1, "audit_head has one row");
    return AuditHead{rows.front().integer(0), rows.front().text(1)};
}

Result<std::vector<AuditEntry>> AuditRepository::upwards(std::int64_t from, std::optional<UserId> account, int limit) {
    static const std::string sql =
        entries_where + "number >= :bound and " + of_account + " order by number limit :limit";
    return page(sql, from, account, limit);
}

Result<std::vector<AuditEntry>> AuditRepository::downwards(std::int64_t before, std::optional<UserId> account,
                                                           int limit) {
    static const std::string sql =
        entries_where + "number < :bound and " + of_account + " order by number desc limit :limit";
    return page(sql, before, account, limit);
}

Result<std::vector<AuditEntry>> AuditRepository::page(const std::string& sql, std::int64_t bound,
                                                      std::optional<UserId> account, int limit) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(sql, bound, filter_of(account), limit));
    return entries_of(rows);
}

}  // namespace windlass::api
