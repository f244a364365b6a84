#include <thread>

#include "tests/scheduler/store_fixture.h"

namespace windlass::scheduler::test {
namespace {

TEST(SqliteStore, waits_for_another_program_that_writes) {
    SqlStoreDatabase database(Engine::sqlite);
    const auto store = database.open();
    ASSERT_TRUE(store->lead());
    std::optional<Transaction> transaction(Transaction::begin(database.session()).value());
    ASSERT_TRUE(database.session().execute("update id_counter set next = next + 1"));
    std::thread committing([&] {
        const Status status = store->commit(submit(1, 1));
        EXPECT_TRUE(status) << status.error().message;
    });
    EXPECT_TRUE(transaction->commit());
    committing.join();
    EXPECT_EQ(database.counts().jobs, 1);
}

}  // namespace
}  // namespace windlass::scheduler::test
