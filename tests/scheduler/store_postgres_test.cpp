#include <thread>

#include "tests/scheduler/answer_eater.h"
#include "tests/scheduler/store_fixture.h"

namespace windlass::scheduler::test {
namespace {

const WorkerId worker{5};

class PostgresStore : public testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(store->lead()); }

    SqlStoreDatabase database{Engine::postgresql};
    std::unique_ptr<Store> store = database.open();
};

TEST_F(PostgresStore, changes_states_in_place) {
    constexpr std::int64_t jobs = 500;
    ASSERT_TRUE(store->commit(submit(1, jobs)));
    for (std::int64_t first = 1; first <= jobs; first += 20) {
        ASSERT_TRUE(store->commit(lease(first, 20, worker)));
        ASSERT_TRUE(store->commit(finish(first, 20, worker)));
    }
    store.reset();  // a backend reports what it did when it ends
    const auto updates = [&](const char* column) {
        return database.session()
            .query(std::string("select ") + column + " from pg_stat_user_tables where relname = 'job_state'")
            .value()[0]
            .integer(0);
    };
    while (updates("n_tup_upd") < 2 * jobs) database.session().disconnect();  // statistics arrive a moment later
    EXPECT_EQ(updates("n_tup_upd"), 2 * jobs);
    EXPECT_GE(updates("n_tup_hot_upd"), 2 * jobs * 95 / 100);
}

// The plan must not depend on what the tables held when the statement was prepared: here nothing at all.
TEST_F(PostgresStore, finds_rows_by_key_however_the_table_has_grown) {
    for (std::int64_t first = 1; first <= 20; ++first) {
        ASSERT_TRUE(store->commit(submit(first, 1)));
        ASSERT_TRUE(store->commit(lease(first, 1, worker)));
    }
    ASSERT_TRUE(store->commit(submit(1001, 20'000)));
    const auto scanned = [&] {
        return database.session()
            .query("select coalesce(sum(seq_tup_read), 0) from pg_stat_user_tables where relname = 'job_state'")
            .value()[0]
            .integer(0);
    };
    for (std::int64_t first = 1001; first < 1201; first += 10) ASSERT_TRUE(store->commit(lease(first, 10, worker)));
    store.reset();
    const auto updated = [&] {
        return database.session()
            .query("select n_tup_upd from pg_stat_user_tables where relname = 'job_state'")
            .value()[0]
            .integer(0);
    };
    while (updated() < 220) database.session().disconnect();
    EXPECT_LT(scanned(), 20'000);
}

TEST_F(PostgresStore, that_lost_its_connections_goes_on_with_the_same_batch) {
    ASSERT_TRUE(store->commit(submit(1, 10)));
    const auto terminate = [&] {
        database.session()
            .query(
                "select pg_terminate_backend(pid, 20000) from pg_stat_activity where datname = current_database() and "
                "pid <> pg_backend_pid()")
            .value();
    };
    for (std::int64_t job = 1; job <= 10; ++job) {
        terminate();
        const Status status = store->commit(lease(job, 1, worker));
        EXPECT_TRUE(status) << status.error().message;
    }
}

// Ends the connection once under every batch, each time a little later: before, within and after its COMMIT. Every
// batch is repeated until it is accepted, as the scheduler does; in the end everything is there once.
TEST_F(PostgresStore, loses_and_doubles_nothing_when_connections_break_at_any_moment) {
    constexpr std::int64_t jobs = 40;
    std::atomic<int> round = 0;
    std::thread breaker([&] {
        Session own(database.url());
        for (int done = 0; done < 3 * jobs; ++done) {
            round.wait(done);
            const auto start = std::chrono::steady_clock::now();
            while (std::chrono::steady_clock::now() - start < std::chrono::microseconds(done % 40 * 50)) {
            }
            own.query(
                   "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and "
                   "application_name = 'windlass-scheduler'")
                .value();
        }
    });
    int repeated = 0;
    const auto insist = [&](const Batch& batch) {
        ++round;
        round.notify_one();
        Status status = store->commit(batch);
        for (; !status && status.error().kind == ErrorKind::unavailable; ++repeated) status = store->commit(batch);
        EXPECT_TRUE(status) << status.error().message;
    };
    for (std::int64_t job = 1; job <= jobs; ++job) {
        insist(submit(job, 1));
        insist(lease(job, 1, worker));
        insist(finish(job, 1, worker));
    }
    breaker.join();
    EXPECT_GT(repeated, 0);
    EXPECT_EQ(database.counts(), (StoreDatabase::Counts{0, 0, jobs, jobs, 3 * jobs, jobs, 0}));
}

TEST_F(PostgresStore, whose_commit_lost_its_answer_accepts_the_batch_again) {
    if (PostgresServer::shared().directory().empty()) GTEST_SKIP() << "needs the socket of a server of our own";
    const windlass::test::TemporaryDirectory directory;
    AnswerEater eater(directory.path(), PostgresServer::shared().directory());
    std::string uri = database.url().uri();
    const std::string& real = PostgresServer::shared().directory();
    uri.replace(uri.find(real), real.size(), directory.path());
    store.reset();
    store = open_store(DatabaseUrl::parse(uri).value()).value();
    ASSERT_TRUE(store->lead());
    const std::vector<Batch> batches{submit(1, 20), lease(1, 20, worker), finish(1, 20, worker)};
    for (std::size_t i = 0; i < batches.size(); ++i) {
        eater.eat_next();
        EXPECT_EQ(store->commit(batches[i]).error().kind, ErrorKind::unavailable);
        EXPECT_EQ(eater.eaten(), static_cast<int>(i) + 1);
        EXPECT_EQ(database.counts().events, 20 * (static_cast<int>(i) + 1)) << "it was committed";
        const Status again = store->commit(batches[i]);
        EXPECT_TRUE(again) << again.error().message;
    }
    EXPECT_EQ(database.counts(), (StoreDatabase::Counts{0, 0, 20, 20, 60, 20, 0}));
    store.reset();
}

TEST_F(PostgresStore, of_a_leader_whose_lock_another_took_is_stale_and_not_merely_away) {
    database.break_lock();
    const auto second = database.open();
    ASSERT_TRUE(second->lead());
    EXPECT_EQ(store->commit(submit(1, 1)).error().kind, ErrorKind::stale);
}

TEST_F(PostgresStore, whose_lock_is_held_elsewhere_in_its_own_epoch_waits) {
    Session ghost(database.url());
    database.break_lock();
    ASSERT_TRUE(ghost.query("select case when pg_try_advisory_lock(8244930018) then 1 else 0 end").value()[0].truth(0));
    EXPECT_EQ(store->commit(submit(1, 1)).error().kind, ErrorKind::unavailable);
    ASSERT_TRUE(ghost.query("select case when pg_advisory_unlock(8244930018) then 1 else 0 end").value()[0].truth(0));
    EXPECT_TRUE(store->commit(submit(1, 1)));
}

TEST(StoppedPostgres, is_waited_for_with_the_same_batch_in_hand) {
    if (std::getenv("WINDLASS_TEST_POSTGRES") != nullptr) GTEST_SKIP() << "the server is not ours to stop";
    PostgresServer server;
    auto store = open_store(server.fresh_database()).value();
    ASSERT_TRUE(store->lead());
    ASSERT_TRUE(store->commit(submit(1, 100)));
    {
        const Batch batch = lease(1, 100, worker);
        server.stop_immediately();
        EXPECT_EQ(store->commit(batch).error().kind, ErrorKind::unavailable);
        EXPECT_EQ(store->ping().error().kind, ErrorKind::unavailable);
        EXPECT_EQ(store->load().error().kind, ErrorKind::unavailable);
        EXPECT_EQ(store->payloads({JobId{1}}).error().kind, ErrorKind::unavailable);
        EXPECT_EQ(store->commit(batch).error().kind, ErrorKind::unavailable);
        server.start();
        const Status status = store->commit(batch);
        EXPECT_TRUE(status) << status.error().message;
    }
    const auto stored = store->load();
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->queue.jobs.size(), 100U);
    for (const StoredJob& job : stored->queue.jobs) EXPECT_EQ(job.row, leased_row(worker));
}

}  // namespace
}  // namespace windlass::scheduler::test
