// The thread of the store and its answers on the loop.
#include "scheduler/store_thread.h"

#include <gtest/gtest.h>

#include <future>

#include "tests/support/loop.h"
#include "tests/support/patience.h"

namespace windlass::scheduler {
namespace {

TEST(StoreThread, answers_behind_one_that_destroys_it_are_dropped) {
    windlass::test::TestLoop loop;
    auto store = std::make_unique<StoreThread>(loop.get(), make_memory_store());
    bool second_was_told = false;
    std::promise<void> answered;
    const auto nothing = [](Store&) -> Result<int> { return 0; };
    store->ask<int>(nothing, [&](const Result<int>&) { store.reset(); });
    store->ask<int>(nothing, [&](const Result<int>&) { second_was_told = true; });
    // In order: when the third is asked, both answers wait for the loop, which tells them in one turn.
    store->ask<int>(
        [&](Store&) -> Result<int> {
            answered.set_value();
            return 0;
        },
        [](const Result<int>&) {});
    ASSERT_EQ(answered.get_future().wait_for(windlass::test::patience()), std::future_status::ready);
    EXPECT_TRUE(loop.run_until([&] { return store == nullptr; }));
    loop.finish();
    EXPECT_FALSE(second_was_told);
}

}  // namespace
}  // namespace windlass::scheduler
