#include "shared/database/session.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "tests/support/databases.h"

namespace windlass {
namespace {

using test::EmptyDatabase;

class EachEngine : public testing::TestWithParam<Engine> {
  protected:
    void SetUp() override {
        ASSERT_TRUE(
            session.run_script("create table thing (id bigint not null primary key, name text unique, small "
                               "integer, bytes " +
                                   std::string(session.dialect_bytes()) + ", check (id < 9000000000000000000))",
                               "thing"));
    }
    struct TestSession : Session {
        using Session::Session;
        std::string_view dialect_bytes() const { return engine() == Engine::sqlite ? "blob" : "bytea"; }
    };

    EmptyDatabase database{GetParam()};
    TestSession session{database.url()};
};

INSTANTIATE_TEST_SUITE_P(, EachEngine, testing::Values(Engine::sqlite, Engine::postgresql),
                         [](const auto& test) { return test::engine_name(test.param); });

std::string all_bytes() {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
    return bytes;
}

TEST_P(EachEngine, keeps_all_values_exactly) {
    const std::int64_t large = 1'700'000'000'000;
    const auto inserted = session.execute("insert into thing (id, name, bytes) values (:id, :name, :bytes)", large,
                                          "naïve 'quoted' :name \\ \"x\"", Bytes{all_bytes()});
    ASSERT_TRUE(inserted) << inserted.error().message;
    EXPECT_EQ(*inserted, 1);
    const auto rows = session.query("select id, name, bytes, small from thing where id = :id", large);
    ASSERT_TRUE(rows) << rows.error().message;
    ASSERT_EQ(rows->size(), 1U);
    const Row& row = rows->front();
    ASSERT_EQ(row.size(), 4U);
    EXPECT_EQ(row.integer(0), large);
    EXPECT_EQ(row.text(1), "naïve 'quoted' :name \\ \"x\"");
    EXPECT_EQ(row.bytes(2), all_bytes());
    EXPECT_TRUE(row.is_null(3));
    EXPECT_EQ(row.integer_or_null(3), std::nullopt);
    EXPECT_EQ(row.text_or_null(1), row.text(1));
}

TEST_P(EachEngine, tells_nothing_from_empty) {
    ASSERT_TRUE(session.execute("insert into thing (id, name, bytes) values (1, :name, :bytes)", "", Bytes{""}));
    ASSERT_TRUE(session.execute("insert into thing (id, name, small) values (:id, :name, :small)", 2,
                                std::optional<std::string>(), std::optional<std::int64_t>()));
    const auto rows = session.query("select name, bytes from thing order by id");
    ASSERT_TRUE(rows);
    EXPECT_EQ(rows->at(0).text(0), "");
    EXPECT_EQ(rows->at(0).bytes(1), "");
    EXPECT_TRUE(rows->at(1).is_null(0));
    EXPECT_TRUE(rows->at(1).is_null(1));
}

TEST_P(EachEngine, does_not_cut_integers_to_32_bits_whatever_the_column_is_called) {
    const auto rows = session.query("select 1700000000000, count(*) + 1700000000000, max(id) from thing");
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(rows->at(0).integer(0), 1'700'000'000'000);
    EXPECT_EQ(rows->at(0).integer(1), 1'700'000'000'000);
    EXPECT_EQ(rows->at(0).integer_or_null(2), std::nullopt);
    const std::int64_t smallest = std::numeric_limits<std::int64_t>::min();
    ASSERT_TRUE(session.execute("insert into thing (id) values (:id)", smallest));
    EXPECT_EQ(session.query("select id from thing").value()[0].integer(0), smallest);
}

TEST_P(EachEngine, binds_a_name_that_appears_twice_once) {
    const auto rows = session.query("select cast(:a as bigint), cast(:b as bigint), cast(:a as bigint)", 1, 2);
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(rows->at(0).integer(0), 1);
    EXPECT_EQ(rows->at(0).integer(1), 2);
    EXPECT_EQ(rows->at(0).integer(2), 1);
}

TEST_P(EachEngine, uses_a_cached_statement_with_other_kinds_of_parameters) {
    const std::string_view sql = "select cast(:a as text)";
    EXPECT_EQ(session.query(sql, "one").value()[0].text(0), "one");
    EXPECT_EQ(session.query(sql, 2).value()[0].text(0), "2");
    EXPECT_EQ(session.query(sql, "three").value()[0].text(0), "three");
}

TEST_P(EachEngine, counts_affected_rows_and_returns_what_was_written) {
    for (int i = 1; i <= 5; ++i) ASSERT_TRUE(session.execute("insert into thing (id) values (:id)", i));
    EXPECT_EQ(session.execute("update thing set small = 1 where id > :id", 2).value(), 3);
    EXPECT_EQ(session.execute("update thing set small = 1 where id > :id", 7).value(), 0);
    const auto rows = session.query("delete from thing where id <= :id returning id", 2);
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(rows->size(), 2U);
    EXPECT_EQ(session.query("select count(*) from thing").value()[0].integer(0), 3);
}

TEST_P(EachEngine, refuses_text_with_a_nul) {
    const auto inserted = session.execute("insert into thing (id, name) values (1, :name)", std::string("ad\0min", 6));
    ASSERT_FALSE(inserted);
    EXPECT_EQ(inserted.error().kind, ErrorKind::invalid);
    EXPECT_TRUE(session.query("select id from thing").value().empty());
}

TEST_P(EachEngine, refuses_sql_that_one_of_the_layers_would_misread) {
    for (const char* sql : {"select 1 -- it's", "select 1 /* :a */", "select $$a:b$$", "select cast(1 as text)::bigint",
                            "select ('{1,2}')[1:2]", "select ?", "select 'open"}) {
        const auto rows = session.query(sql);
        ASSERT_FALSE(rows) << sql;
        EXPECT_EQ(rows.error().kind, ErrorKind::internal) << rows.error().message;
    }
    EXPECT_EQ(session.query("select '-- :a $$ ::'").value()[0].text(0), "-- :a $$ ::");
    EXPECT_EQ(session.query("select :a").error().kind, ErrorKind::internal) << "too few parameters";
    EXPECT_EQ(session.query("select 1", 1).error().kind, ErrorKind::internal) << "too many parameters";
}

TEST_P(EachEngine, names_the_column_of_a_broken_unique_constraint) {
    ASSERT_TRUE(session.execute("insert into thing (id, name) values (1, 'a')"));
    const auto name = session.execute("insert into thing (id, name) values (2, :name)", "a");
    ASSERT_FALSE(name);
    EXPECT_EQ(name.error().kind, ErrorKind::conflict);
    EXPECT_TRUE(name.error().message.starts_with("thing.name ")) << name.error().message;
    const auto id = session.execute("insert into thing (id, name) values (:id, 'b')", 1);
    ASSERT_FALSE(id);
    EXPECT_EQ(id.error().kind, ErrorKind::conflict);
    EXPECT_TRUE(id.error().message.starts_with("thing.id ")) << id.error().message;
    EXPECT_TRUE(session.execute("insert into thing (id, name) values (2, :name)", "c")) << "the session is as before";
}

TEST_P(EachEngine, never_shows_a_value_in_an_error) {
    const std::string secret = "hunter2";
    ASSERT_TRUE(session.execute("insert into thing (id, name) values (1, :name)", secret));
    std::vector<std::string> messages;
    const auto gather = [&](auto result) {
        ASSERT_FALSE(result);
        messages.push_back(result.error().message);
    };
    gather(session.execute("insert into thing (id, name) values (2, :name)", secret));
    gather(session.execute("insert into thing (id, name) values (9100000000000000000, :name)", secret));
    gather(session.execute("insert into thing (id, name) values (null, :name)", secret));
    gather(session.execute("insert into nothing (name) values (:name)", secret));
    gather(session.execute("insert into thing (id, name) values (3, :name)", secret + std::string("\0", 1)));
    if (GetParam() == Engine::postgresql) {
        gather(session.query("select json_array_length(cast(:name as json))", secret));
        gather(session.query("select cast(cast(:name as text) as bigint)", secret));
        gather(session.execute("insert into thing (id, name) values (4, :name)", secret + "\xff"));
    }
    for (const std::string& message : messages) EXPECT_EQ(message.find(secret), std::string::npos) << message;
}

TEST_P(EachEngine, rolls_back_what_was_not_committed) {
    {
        auto transaction = Transaction::begin(session);
        ASSERT_TRUE(transaction);
        ASSERT_TRUE(session.execute("insert into thing (id) values (1)"));
        EXPECT_TRUE(session.in_transaction());
    }
    EXPECT_FALSE(session.in_transaction());
    EXPECT_TRUE(session.query("select id from thing").value().empty());
    auto transaction = Transaction::begin(session);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(session.execute("insert into thing (id) values (1)"));
    ASSERT_TRUE(transaction->commit());
    EXPECT_EQ(session.query("select id from thing").value().size(), 1U);
}

TEST_P(EachEngine, does_nothing_more_in_a_transaction_in_which_a_statement_failed) {
    ASSERT_TRUE(session.execute("insert into thing (id) values (1)"));
    auto transaction = Transaction::begin(session);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(session.execute("insert into thing (id) values (2)"));
    EXPECT_EQ(session.execute("insert into thing (id) values (1)").error().kind, ErrorKind::conflict);
    EXPECT_EQ(session.execute("insert into thing (id) values (3)").error().kind, ErrorKind::conflict);
    const Status committed = transaction->commit();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().kind, ErrorKind::conflict);
    EXPECT_EQ(session.query("select id from thing").value().size(), 1U);
}

TEST_P(EachEngine, two_transactions_that_read_before_they_write_lose_nothing) {
    ASSERT_TRUE(session.execute("insert into thing (id, small) values (1, 0)"));
    constexpr int rounds = 40;
    const auto count_up = [&] {
        Session own(database.url());
        for (int i = 0; i < rounds; ++i) {
            auto transaction = Transaction::begin(own);
            ASSERT_TRUE(transaction) << transaction.error().message;
            const std::string_view read = GetParam() == Engine::sqlite
                                              ? "select small from thing where id = 1"
                                              : "select small from thing where id = 1 for update";
            const auto rows = own.query(read);
            ASSERT_TRUE(rows) << rows.error().message;
            const auto written = own.execute("update thing set small = :n where id = 1", rows->at(0).integer(0) + 1);
            ASSERT_TRUE(written) << written.error().message;
            ASSERT_TRUE(transaction->commit());
        }
    };
    std::thread other(count_up);
    count_up();
    other.join();
    EXPECT_EQ(session.query("select small from thing where id = 1").value()[0].integer(0), 2 * rounds);
}

TEST_P(EachEngine, leaves_no_snapshot_open_after_a_query) {
    for (int i = 1; i <= 3; ++i) ASSERT_TRUE(session.execute("insert into thing (id) values (:id)", i));
    ASSERT_TRUE(session.query("select id from thing order by id"));
    Session other(database.url());
    ASSERT_TRUE(other.execute("delete from thing where id = 2"));
    EXPECT_EQ(session.query("select id from thing order by id").value().size(), 2U);
}

TEST_P(EachEngine, forgets_its_statements_when_there_are_very_many) {
    for (int i = 0; i < 1200; ++i) {
        const std::string sql = "select " + std::to_string(i);
        ASSERT_EQ(session.query(sql).value()[0].integer(0), i);
    }
}

TEST(SqliteSession, opens_with_the_settings_that_survive_a_power_cut) {
    const EmptyDatabase database(Engine::sqlite);
    Session session(database.url());
    EXPECT_EQ(session.query("select journal_mode from pragma_journal_mode").value()[0].text(0), "wal");
    EXPECT_EQ(session.query("select synchronous from pragma_synchronous").value()[0].integer(0), 2);
    EXPECT_EQ(session.query("select foreign_keys from pragma_foreign_keys").value()[0].integer(0), 1);
    EXPECT_EQ(session.query("select timeout from pragma_busy_timeout").value()[0].integer(0), 10'000);
}

TEST(SqliteSession, that_waits_too_long_for_another_writer_is_told_to_try_again) {
    const EmptyDatabase database(Engine::sqlite);
    Session first(database.url());
    auto transaction = Transaction::begin(first);
    ASSERT_TRUE(transaction);
    Session second(database.url(), {.busy_timeout = Milliseconds{20}});
    const auto refused = Transaction::begin(second);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::unavailable) << refused.error().message;
}

TEST(SqliteSession, says_which_directory_is_missing) {
    Session session(DatabaseUrl::parse("sqlite:/nonexistent/dir/w.db").value());
    const Status opened = session.open();
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message.find("/nonexistent/dir/w.db"), std::string::npos);
}

TEST(SqliteSession, makes_a_file_that_others_cannot_read) {
    const EmptyDatabase database(Engine::sqlite);
    Session session(database.url());
    ASSERT_TRUE(session.open());
    const auto permissions = std::filesystem::status(database.url().path()).permissions();
    EXPECT_EQ(permissions & std::filesystem::perms::others_all, std::filesystem::perms::none);
}

// Asked by another process: one's own locks never stand in one's way.
bool somebody_holds_a_lock_on(const std::string& path) {
    const pid_t child = fork();
    if (child == 0) {
        struct flock lock {};
        lock.l_type = F_WRLCK;
        const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        _exit(file >= 0 && fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? 1 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

TEST(SqliteSession, of_a_process_does_not_give_up_the_locks_of_its_others) {
    const EmptyDatabase database(Engine::sqlite);
    Session first(database.url());
    ASSERT_TRUE(first.run_script("create table thing (id bigint)", "thing"));
    ASSERT_TRUE(first.query("select * from thing"));
    ASSERT_TRUE(somebody_holds_a_lock_on(database.url().path()));
    {
        Session second(database.url());
        ASSERT_TRUE(second.query("select * from thing"));
        EXPECT_TRUE(somebody_holds_a_lock_on(database.url().path()));
    }
    EXPECT_TRUE(somebody_holds_a_lock_on(database.url().path()))
        << "another process that ends now would delete the log of the one that goes on";
}

}  // namespace
}  // namespace windlass
