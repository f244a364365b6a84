// What happens to sessions when their server goes: killed, restarted, set up badly.
#include <gtest/gtest.h>

#include "shared/database/session.h"
#include "shared/database/session_pool.h"
#include "tests/support/databases.h"

namespace windlass {
namespace {

using test::PostgresServer;

class LostConnection : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(session.run_script("create table thing (id bigint not null primary key)", "thing"));
    }
    std::int64_t backend(Session& of) { return of.query("select pg_backend_pid()").value()[0].integer(0); }
    void terminate(std::int64_t pid) {
        ASSERT_EQ(server.run(url, "select pg_terminate_backend(" + std::to_string(pid) + ", 20000)"), "t");
    }
    std::size_t things() { return session.query("select id from thing").value().size(); }

    PostgresServer& server = PostgresServer::shared();
    DatabaseUrl url = server.fresh_database();
    Session session{url};
};

TEST_F(LostConnection, is_replaced_together_with_its_statements) {
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 10; ++i) ASSERT_TRUE(session.query("select " + std::to_string(i) + ", :a", "x"));
        const std::int64_t before = backend(session);
        terminate(before);
        EXPECT_FALSE(session.connected());
        for (int i = 0; i < 10; ++i) ASSERT_TRUE(session.query("select " + std::to_string(i) + ", :a", "x"));
        EXPECT_NE(backend(session), before);
    }
}

TEST_F(LostConnection, in_a_transaction_ends_it_and_nothing_of_it_is_committed) {
    {
        auto transaction = Transaction::begin(session);
        ASSERT_TRUE(transaction);
        ASSERT_TRUE(session.execute("insert into thing (id) values (1)"));
        terminate(backend(session));
        EXPECT_EQ(session.execute("insert into thing (id) values (2)").error().kind, ErrorKind::unavailable);
        EXPECT_EQ(session.execute("insert into thing (id) values (3)").error().kind, ErrorKind::unavailable);
        const Status committed = transaction->commit();
        ASSERT_FALSE(committed);
        EXPECT_EQ(committed.error().kind, ErrorKind::unavailable);
    }
    EXPECT_EQ(things(), 0U);
    EXPECT_TRUE(session.execute("insert into thing (id) values (4)"));
    EXPECT_EQ(things(), 1U);
}

TEST_F(LostConnection, at_the_commit_is_reported_as_unknown) {
    auto transaction = Transaction::begin(session);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(session.execute("insert into thing (id) values (1)"));
    terminate(backend(session));
    const Status committed = transaction->commit();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().kind, ErrorKind::unavailable);
    EXPECT_FALSE(session.in_transaction());
}

TEST_F(LostConnection, while_a_select_runs_is_tried_once_more) {
    EXPECT_EQ(session.query("select count(*) from thing").value()[0].integer(0), 0);
    // The backend ends itself under the statement, once: the second try finds it gone and gets another one.
    ASSERT_TRUE(session.run_script("create table victim (pid bigint not null)", "victim"));
    ASSERT_TRUE(session.execute("insert into victim (pid) values (pg_backend_pid())"));
    const auto rows = session.query(
        "select count(*) from victim where case when pid = pg_backend_pid() then "
        "pg_terminate_backend(pg_backend_pid()) else false end");
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(rows->at(0).integer(0), 0);
}

TEST_F(LostConnection, does_not_leave_a_pool_with_dead_sessions) {
    SessionPool pool(url, 3);
    std::vector<std::int64_t> pids;
    {
        std::vector<SessionLease> all;
        for (int i = 0; i < 3; ++i) {
            all.push_back(pool.lease().value());
            pids.push_back(backend(*all.back()));
        }
        EXPECT_EQ(pool.lease(Milliseconds{1}).error().kind, ErrorKind::unavailable);
    }
    for (const std::int64_t pid : pids) terminate(pid);
    std::vector<SessionLease> all;
    for (int i = 0; i < 3; ++i) {
        all.push_back(pool.lease().value());
        const auto inserted = all.back()->execute("insert into thing (id) values (:id)", i);
        EXPECT_TRUE(inserted) << inserted.error().message;
    }
}

TEST_F(LostConnection, statement_that_runs_too_long_is_stopped_and_the_session_lives) {
    Session impatient(url, {.statement_timeout = Milliseconds{50}});
    const std::int64_t before = backend(impatient);
    const auto slept = impatient.query("select pg_sleep(30)");
    ASSERT_FALSE(slept);
    EXPECT_EQ(slept.error().kind, ErrorKind::unavailable) << slept.error().message;
    EXPECT_EQ(backend(impatient), before);
}

TEST_F(LostConnection, prepared_statement_survives_a_change_of_its_table) {
    EXPECT_TRUE(session.query("select * from thing"));
    server.run(url, "alter table thing add column more bigint");
    const auto first = session.query("select * from thing");
    if (!first) {
        EXPECT_EQ(first.error().kind, ErrorKind::unavailable) << first.error().message;
    }
    EXPECT_TRUE(session.query("select * from thing"));
}

TEST(SessionSettings, are_those_asked_for) {
    Session session(PostgresServer::shared().fresh_database(),
                    {.application_name = "it's", .on_connect = "set work_mem = '5MB'"});
    const auto setting = [&](std::string_view name) {
        return session.query("select current_setting(:name)", name).value()[0].text(0);
    };
    EXPECT_EQ(setting("application_name"), "it s");
    EXPECT_EQ(setting("statement_timeout"), "30s");
    EXPECT_EQ(setting("lock_timeout"), "5s");
    EXPECT_EQ(setting("idle_in_transaction_session_timeout"), "30s");
    EXPECT_EQ(setting("client_connection_check_interval"), "2s");
    EXPECT_EQ(setting("work_mem"), "5MB");
}

TEST(SessionSettings, refuse_a_database_that_does_not_wait_for_the_disk) {
    PostgresServer& server = PostgresServer::shared();
    const DatabaseUrl url = server.fresh_database();
    const std::string name = url.shown().substr(url.shown().rfind('/') + 1);
    server.run(url, "alter database " + name + " set synchronous_commit = off");
    Session session(url);
    const Status opened = session.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::invalid);
    EXPECT_NE(opened.error().message.find("synchronous_commit is off"), std::string::npos) << opened.error().message;
}

TEST(SessionSettings, say_what_is_wrong_with_the_address) {
    const std::string good = PostgresServer::shared().fresh_database().uri();
    const std::size_t query = good.find('?');
    Session session(DatabaseUrl::parse(good.substr(0, query) + "_missing" + good.substr(query)).value());
    const Status opened = session.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::invalid);
    EXPECT_NE(opened.error().message.find("does not exist"), std::string::npos) << opened.error().message;

    Session nobody(DatabaseUrl::parse("postgresql://anna:hunter2@127.0.0.1:1/windlass").value());
    const Status away = nobody.open();
    ASSERT_FALSE(away);
    EXPECT_EQ(away.error().kind, ErrorKind::unavailable);
    EXPECT_EQ(away.error().message.find("hunter2"), std::string::npos) << away.error().message;
}

TEST(StoppedServer, is_noticed_and_found_again) {
    if (std::getenv("WINDLASS_TEST_POSTGRES") != nullptr) GTEST_SKIP() << "the server is not ours to stop";
    PostgresServer server;
    const DatabaseUrl url = server.fresh_database();
    Session session(url);
    ASSERT_TRUE(session.run_script("create table thing (id bigint not null primary key)", "thing"));
    ASSERT_TRUE(session.execute("insert into thing (id) values (1)"));
    server.stop_immediately();
    for (int i = 0; i < 3; ++i) {
        const auto rows = session.query("select id from thing");
        ASSERT_FALSE(rows);
        EXPECT_EQ(rows.error().kind, ErrorKind::unavailable) << rows.error().message;
    }
    server.start();
    EXPECT_EQ(session.query("select id from thing").value().size(), 1U);
    server.kill();
    auto rows = session.query("select id from thing");
    while (rows) rows = session.query("select id from thing");  // the orphaned backend notices a moment later
    EXPECT_EQ(rows.error().kind, ErrorKind::unavailable);
    server.set("fsync = off");
    server.start();
    const auto refused = session.query("select id from thing");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
    EXPECT_NE(refused.error().message.find("Set fsync = on"), std::string::npos) << refused.error().message;
}

}  // namespace
}  // namespace windlass
