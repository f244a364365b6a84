#include "shared/loop_timer.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/support/loop.h"

namespace windlass {
namespace {

class LoopTimerTest : public testing::Test {
  protected:
    ~LoopTimerTest() override { loop_.finish(); }

    test::TestLoop loop_;
};

TEST_F(LoopTimerTest, rings_once_when_its_time_has_come) {
    int rung = 0;
    LoopTimer timer(loop_.get(), [&] { ++rung; });
    timer.start(Milliseconds{0});
    EXPECT_TRUE(timer.is_set());
    EXPECT_TRUE(loop_.run_until([&] { return rung > 0; }));
    EXPECT_FALSE(timer.is_set());
    EXPECT_EQ(rung, 1);
}

TEST_F(LoopTimerTest, one_that_sets_itself_for_at_once_for_ever_keeps_nobody_else_from_the_loop) {
    int rung = 0;
    std::unique_ptr<LoopTimer> timer;
    timer = std::make_unique<LoopTimer>(loop_.get(), [&] {
        ++rung;
        // A wrong timer would never leave this round; a test that hangs says less than one that fails.
        if (rung < 100'000) timer->start(Milliseconds{0});
    });
    uv_async_t letter;
    bool arrived = false;
    letter.data = &arrived;
    uv_async_init(loop_.get(), &letter, [](uv_async_t* self) { *static_cast<bool*>(self->data) = true; });
    uv_async_send(&letter);
    timer->start(Milliseconds{0});
    EXPECT_TRUE(loop_.run_until([&] { return arrived; }));
    EXPECT_LT(rung, 100'000);
    EXPECT_TRUE(loop_.run_until([&] { return rung > 3; })) << "it rings on";
    uv_close(reinterpret_cast<uv_handle_t*>(&letter), nullptr);
    timer.reset();
    loop_.finish();  // the loop holds the letter, which is this function's, until it has closed it
}

TEST_F(LoopTimerTest, may_be_destroyed_while_it_rings) {
    bool rung = false;
    std::unique_ptr<LoopTimer> timer;
    timer = std::make_unique<LoopTimer>(loop_.get(), [&] {
        timer.reset();
        rung = true;
    });
    timer->start(Milliseconds{0});
    EXPECT_TRUE(loop_.run_until([&] { return rung; }));
}

}  // namespace
}  // namespace windlass
