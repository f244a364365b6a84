#include "api/front/deadline_queue.h"

#include <gtest/gtest.h>

#include <vector>

namespace windlass::api {
namespace {

TEST(DeadlineQueue, items_expire_in_order_and_once) {
    DeadlineQueue queue;
    DeadlineQueue::Item a, b;
    queue.set(a, 20);
    queue.set(b, 10);
    EXPECT_EQ(queue.wake_at(), 10u);
    EXPECT_EQ(queue.expired(9), nullptr);
    EXPECT_EQ(queue.expired(20), &b);
    EXPECT_EQ(queue.expired(20), &a);
    EXPECT_EQ(queue.expired(20), nullptr);
    EXPECT_EQ(queue.wake_at(), DeadlineQueue::never);
}

TEST(DeadlineQueue, deadline_moved_later_wakes_early_but_expires_late) {
    DeadlineQueue queue;
    DeadlineQueue::Item a;
    queue.set(a, 10);
    queue.set(a, 30);
    EXPECT_EQ(queue.wake_at(), 10u);
    EXPECT_EQ(queue.expired(10), nullptr);
    EXPECT_EQ(queue.wake_at(), 30u);
    EXPECT_EQ(queue.expired(30), &a);
}

TEST(DeadlineQueue, deadline_moved_earlier_counts_at_once) {
    DeadlineQueue queue;
    DeadlineQueue::Item a;
    queue.set(a, 100);
    queue.set(a, 5);
    EXPECT_EQ(queue.wake_at(), 5u);
    EXPECT_EQ(queue.expired(5), &a);
    EXPECT_EQ(queue.expired(100), nullptr);
}

TEST(DeadlineQueue, cleared_deadline_never_comes_and_can_be_set_again) {
    DeadlineQueue queue;
    DeadlineQueue::Item a;
    queue.set(a, 10);
    queue.clear(a);
    EXPECT_EQ(queue.expired(10), nullptr);
    EXPECT_EQ(queue.wake_at(), DeadlineQueue::never);
    queue.set(a, 12);
    queue.clear(a);
    queue.set(a, 15);
    EXPECT_EQ(queue.expired(14), nullptr);
    EXPECT_EQ(queue.expired(15), &a);
}

TEST(DeadlineQueue, removed_item_may_be_destroyed) {
    DeadlineQueue queue;
    {
        DeadlineQueue::Item a;
        queue.set(a, 10);
        queue.remove(a);
    }
    EXPECT_EQ(queue.wake_at(), DeadlineQueue::never);
    EXPECT_EQ(queue.expired(1000), nullptr);
}

TEST(DeadlineQueue, many_items_with_moving_deadlines_all_expire_at_their_last_one) {
    DeadlineQueue queue;
    std::vector<DeadlineQueue::Item> items(1000);
    for (std::uint64_t round = 0; round < 3; ++round) {
        for (std::uint64_t i = 0; i < items.size(); ++i) queue.set(items[i], 1 + (i * 7919 + round * 104729) % 5000);
    }
    std::size_t seen = 0;
    for (std::uint64_t now = 0; now <= 5000; ++now) {
        while (auto* item = queue.expired(now)) {
            const auto index = static_cast<std::uint64_t>(static_cast<DeadlineQueue::Item*>(item) - items.data());
            EXPECT_EQ(now, 1 + (index * 7919 + 2 * 104729) % 5000);
            ++seen;
        }
    }
    EXPECT_EQ(seen, items.size());
}

}  // namespace
}  // namespace windlass::api
