// Several schedulers on one PostgreSQL: who leads, and what becomes of one that was silent for too long.
#include <gmock/gmock.h>

#include <thread>

#include "tests/scheduler/store_fixture.h"

namespace windlass::scheduler::test {
namespace {

const WorkerId worker{5};

class SharedPostgres : public testing::Test {
  protected:
    // Is taken for dead at once when it says nothing.
    static LeadSettings silent() {
        return {.name = "first", .shared = true, .well_for = Milliseconds{0}, .well_for_at_first = Milliseconds{0}};
    }
    static LeadSettings well(std::string name = "first") {
        return {.name = std::move(name),
                .shared = true,
                .well_for = Milliseconds{600'000},
                .well_for_at_first = Milliseconds{600'000}};
    }
    std::int64_t number(const std::string& query) { return database.session().query(query).value()[0].integer(0); }
    std::int64_t expires_in_s() {
        return number(
            "select cast((expires_us - extract(epoch from clock_timestamp()) * 1000000) / 1000000 as bigint) from "
            "scheduler_epoch");
    }

    SqlStoreDatabase database{Engine::postgresql};
    std::unique_ptr<Store> second = database.open(well("second"));
};

TEST_F(SharedPostgres, leaves_the_lead_to_one_who_is_well) {
    const auto store = database.open(well());
    ASSERT_TRUE(store->lead());
    const auto refused = second->lead();
    ASSERT_EQ(refused.error().kind, ErrorKind::conflict);
    EXPECT_THAT(refused.error().message, testing::StartsWith("standing by; first leads postgresql"));
    EXPECT_TRUE(store->ping());
    EXPECT_TRUE(store->commit(submit(1, 1)));
}

TEST_F(SharedPostgres, gives_the_lead_to_the_next_when_the_leader_was_silent_for_too_long) {
    const auto store = database.open(silent());
    ASSERT_EQ(store->lead().value(), 1);
    ASSERT_TRUE(store->commit(submit(1, 1)));
    const auto epoch = second->lead();
    ASSERT_TRUE(epoch) << epoch.error().message;
    EXPECT_EQ(*epoch, 2);
    // The old one wakes up: whatever it tries, it changes nothing and learns that it is over.
    EXPECT_EQ(store->commit(lease(1, 1, worker)).error().kind, ErrorKind::stale);
    EXPECT_EQ(store->commit({}).error().kind, ErrorKind::stale);
    EXPECT_EQ(store->ping().error().kind, ErrorKind::stale);
    EXPECT_EQ(store->move_finished(10).error().kind, ErrorKind::stale);
    EXPECT_EQ(store->lead().error().kind, ErrorKind::conflict) << "it does not take the lead back from one who is well";
    EXPECT_EQ(database.state(JobId{1}), queued_job(1).row);
    EXPECT_TRUE(second->commit(lease(1, 1, worker)));
    EXPECT_EQ(database.state(JobId{1}), leased_row(worker));
}

TEST_F(SharedPostgres, takes_each_commit_and_each_ping_as_a_sign_that_the_leader_is_well) {
    LeadSettings settings = well();
    settings.well_for_at_first = Milliseconds{1'200'000};
    const auto store = database.open(settings);
    ASSERT_TRUE(store->lead());
    EXPECT_GT(expires_in_s(), 1000);
    ASSERT_TRUE(store->ping());
    EXPECT_GT(expires_in_s(), 400);
    EXPECT_LT(expires_in_s(), 700);
    ASSERT_EQ(number("with u as (update scheduler_epoch set expires_us = 1 returning 1) select count(*) from u"), 1);
    Batch batch = submit(1, 1);
    batch.number = 1;
    ASSERT_TRUE(store->commit(batch));
    EXPECT_GT(expires_in_s(), 400);
}

TEST_F(SharedPostgres, ends_a_commit_in_which_the_leader_was_frozen) {
    const auto store = database.open(silent());
    ASSERT_TRUE(store->lead());
    // What it leaves behind in the middle of a commit: a transaction that holds the row of the epoch.
    Session frozen(database.url());
    auto transaction = Transaction::begin(frozen);
    ASSERT_TRUE(transaction);
    ASSERT_EQ(frozen.execute("update scheduler_epoch set last_batch = 7 where epoch = 1").value(), 1);
    const auto epoch = second->lead();
    ASSERT_TRUE(epoch) << epoch.error().message;
    EXPECT_EQ(*epoch, 2);
    EXPECT_FALSE(transaction->commit()) << "nothing of it came into being";
    EXPECT_EQ(number("select last_batch from scheduler_epoch"), 0);
}

TEST_F(SharedPostgres, leads_at_once_when_the_lock_is_free_however_well_the_leader_said_to_be) {
    auto store = database.open(well());
    ASSERT_TRUE(store->lead());
    database.break_lock();  // as by kill -9
    EXPECT_TRUE(second->lead());
    EXPECT_EQ(store->ping().error().kind, ErrorKind::stale);
}

TEST_F(SharedPostgres, lets_a_leader_go_on_whose_lock_another_connection_holds_in_its_own_epoch) {
    const auto store = database.open(well());
    ASSERT_TRUE(store->lead());
    database.break_lock();
    ASSERT_EQ(number("select case when pg_try_advisory_lock(8244930018) then 1 else 0 end"), 1);
    EXPECT_TRUE(store->commit(submit(1, 1))) << "the expiry is what others look at";
}

TEST_F(SharedPostgres, has_one_leader_however_many_want_to_lead) {
    auto store = database.open(silent());
    ASSERT_TRUE(store->lead());
    constexpr int candidates = 6;
    std::vector<std::unique_ptr<Store>> stores;
    for (int i = 0; i < candidates; ++i) stores.push_back(database.open(well("candidate")));
    std::vector<std::int64_t> epochs(candidates, 0);
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < candidates; ++i)
            threads.emplace_back([&, i] {
                for (int tries = 0; tries < 3; ++tries)
                    if (const auto epoch = stores[i]->lead()) epochs[i] = *epoch;
            });
    }
    // Whoever led for a moment and lost it again finds out; the last one can write.
    int leaders = 0;
    for (const auto& candidate : stores) leaders += candidate->commit({}) ? 1 : 0;
    EXPECT_EQ(leaders, 1);
    EXPECT_EQ(store->ping().error().kind, ErrorKind::stale);
}

TEST_F(SharedPostgres, waits_for_the_lock_of_one_that_does_not_share) {
    const auto store = database.open();
    ASSERT_TRUE(store->lead());
    EXPECT_EQ(second->lead().error().kind, ErrorKind::conflict);
    EXPECT_TRUE(store->commit(submit(1, 1)));
}

TEST(SharedSqlite, is_refused_with_a_sentence) {
    EmptyDatabase database(Engine::sqlite);
    const auto store = open_store(database.url(), {.name = "", .shared = true});
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().kind, ErrorKind::invalid);
    EXPECT_THAT(store.error().message, testing::HasSubstr("scheduler.standby = true needs PostgreSQL"));
}

}  // namespace
}  // namespace windlass::scheduler::test
