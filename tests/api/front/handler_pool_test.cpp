#include "api/front/handler_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

#include "tests/support/patience.h"

namespace windlass::api {
namespace {

TEST(HandlerPool, every_piece_of_work_is_done_once) {
    constexpr int total = 10'000;
    std::vector<std::atomic<int>> done(total);
    std::atomic<int> left = total;
    std::promise<void> finished;
    HandlerPool<int> pool(3, [&](std::vector<int>& batch, int) {
        for (const int one : batch) {
            ++done[static_cast<std::size_t>(one)];
            if (--left == 0) finished.set_value();
        }
    });
    std::vector<int> batch;
    for (int i = 0; i < total; ++i) {
        batch.push_back(i);
        if (i % 7 == 0) pool.submit(batch);
    }
    pool.submit(batch);
    EXPECT_TRUE(batch.empty());
    ASSERT_EQ(finished.get_future().wait_for(windlass::test::patience()), std::future_status::ready);
    for (const auto& count : done) EXPECT_EQ(count, 1);
}

TEST(HandlerPool, work_that_blocks_one_thread_leaves_the_others) {
    std::promise<void> release;
    std::promise<void> other_done;
    HandlerPool<int> pool(2, [&](std::vector<int>& batch, int) {
        for (const int one : batch) {
            if (one == 0) release.get_future().wait();
            if (one == 1) other_done.set_value();
        }
    });
    std::vector<int> batch{0};
    pool.submit(batch);
    batch = {1};
    pool.submit(batch);
    EXPECT_EQ(other_done.get_future().wait_for(windlass::test::patience()), std::future_status::ready);
    release.set_value();
}

TEST(HandlerPool, stop_finishes_what_runs_and_forgets_what_waits) {
    std::promise<void> started;
    std::promise<void> release;
    std::atomic<int> done = 0;
    const auto waiting = std::make_shared<int>(1);
    HandlerPool<std::shared_ptr<int>> pool(1, [&](std::vector<std::shared_ptr<int>>& batch, int) {
        if (done == 0) {
            started.set_value();
            release.get_future().wait();
        }
        done += static_cast<int>(batch.size());
    });
    std::vector<std::shared_ptr<int>> batch{std::make_shared<int>(0)};
    pool.submit(batch);
    started.get_future().wait();
    batch.push_back(waiting);
    pool.submit(batch);
    EXPECT_EQ(waiting.use_count(), 2);
    std::thread stopper([&] { pool.stop(); });
    while (waiting.use_count() == 2) std::this_thread::yield();
    release.set_value();
    stopper.join();
    EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace windlass::api
