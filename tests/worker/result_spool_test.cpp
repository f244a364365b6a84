#include "worker/result_spool.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/temporary_directory.h"

namespace windlass::worker {
namespace {

using test::TemporaryDirectory;

FinishedAttempt example(AttemptRef ref) {
    OutputCollector out(1000), err(1000);
    out.add("first ");
    out.cut();
    out.next_unsent();
    out.add("then");
    err.add(std::string("\0\xff bytes", 8));
    AttemptResult result;
    result.outcome = {OutcomeKind::exited, 3, 0, ""};
    result.usage.wall = Microseconds{77};
    result.files.push_back({"a.bin", 4, "00", true});
    return make_finished(ref, result, out, err, "FILE");
}

const protocol::AttemptFinished& ending(const FinishedAttempt& finished) {
    return std::get<protocol::AttemptFinished>(finished.parts.back().message);
}

TEST(FinishedAttempt, is_its_chunks_and_then_the_result_with_tails_and_files) {
    const auto finished = example({JobId{7}, 1});
    ASSERT_EQ(finished.parts.size(), 2u);
    EXPECT_EQ(finished.parts[0].body, "first ");
    EXPECT_TRUE(finished.parts[0].sent_already);
    EXPECT_EQ(ending(finished).stdout_offset, 6);
    EXPECT_EQ(ending(finished).stdout_size, 4);
    EXPECT_EQ(ending(finished).stderr_offset, 0);
    EXPECT_EQ(ending(finished).stderr_size, 8);
    EXPECT_EQ(ending(finished).result.stdout_bytes, 10);
    EXPECT_EQ(finished.parts[1].body, "then" + std::string("\0\xff bytes", 8) + "FILE");
    EXPECT_FALSE(finished.parts[1].sent_already);
}

TEST(FinishedAttempt, large_output_is_cut_so_that_the_last_message_stays_small) {
    OutputCollector out(64 << 20), err(1000);
    out.add(std::string(50 << 20, 'x'));
    const auto finished = make_finished({JobId{7}, 1}, {}, out, err, "");
    EXPECT_LE(finished.parts.back().body.size(), static_cast<std::size_t>(OutputCollector::chunk_bytes));
    EXPECT_EQ(finished.body_bytes(), 50u << 20);
}

std::string to_frames(const FinishedAttempt& finished) {
    std::string frames;
    for (const auto& part : finished.parts) frames += to_frame(part);
    return frames;
}

TEST(ResultSpool, gives_back_what_was_written) {
    const TemporaryDirectory scratch;
    const auto spool = ResultSpool::open(scratch.path());
    ASSERT_TRUE(spool);
    const auto finished = example({JobId{100'000'042}, 2});
    ASSERT_TRUE(spool->write(finished));
    const auto again = spool->read(finished.ref);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(to_frames(*again), to_frames(finished));
    EXPECT_EQ(ending(*again).result.usage.wall, Microseconds{77});
}

TEST(ResultSpool, another_life_finds_what_the_last_one_left) {
    const TemporaryDirectory scratch;
    {
        const auto spool = ResultSpool::open(scratch.path());
        ASSERT_TRUE(spool->write(example({JobId{9}, 1})));
        ASSERT_TRUE(spool->write(example({JobId{8}, 10})));
        ASSERT_TRUE(spool->write(example({JobId{8}, 2})));
    }
    const auto spool = ResultSpool::open(scratch.path());
    EXPECT_EQ(spool->list(), (std::vector<AttemptRef>{{JobId{8}, 2}, {JobId{8}, 10}, {JobId{9}, 1}}));
    spool->remove({JobId{8}, 2});
    EXPECT_EQ(spool->list().size(), 2u);
    EXPECT_EQ(spool->read({JobId{8}, 2}).error().kind, ErrorKind::not_found);
}

TEST(ResultSpool, what_is_half_written_or_not_ours_is_no_result) {
    const TemporaryDirectory scratch;
    scratch.make_directory("results");
    scratch.write("results/5.1.tmp", "half");
    for (const char* name : {"results/5", "results/5.", "results/.1", "results/-5.1", "results/05.1", "results/notes"})
        scratch.write(name, "x");
    const auto spool = ResultSpool::open(scratch.path());
    ASSERT_TRUE(spool);
    EXPECT_TRUE(spool->list().empty());
    EXPECT_FALSE(std::filesystem::exists(scratch / "results/5.1.tmp"));
}

TEST(ResultSpool, a_damaged_file_is_invalid_wherever_it_was_cut) {
    const std::string whole = to_frames(example({JobId{5}, 1}));
    for (std::size_t size = 0; size < whole.size(); ++size)
        ASSERT_FALSE(from_frames({JobId{5}, 1}, whole.substr(0, size))) << "cut after " << size;
    const TemporaryDirectory scratch;
    const auto spool = ResultSpool::open(scratch.path());
    scratch.write("results/5.1", whole + whole);
    EXPECT_FALSE(spool->read({JobId{5}, 1}));
    scratch.write("results/6.1", whole);
    EXPECT_FALSE(spool->read({JobId{6}, 1})) << "it belongs to another attempt";
}

TEST(ResultSpool, is_private) {
    const TemporaryDirectory scratch;
    const auto spool = ResultSpool::open(scratch.path());
    ASSERT_TRUE(spool->write(example({JobId{5}, 1})));
    struct stat about {};
    ASSERT_EQ(stat((scratch / "results").c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777, 0700u);
    ASSERT_EQ(stat((scratch / "results/5.1").c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777, 0600u);
}

TEST(ResultSpool, says_where_it_cannot_write) {
    const TemporaryDirectory scratch;
    const auto spool = ResultSpool::open(scratch.path());
    std::filesystem::remove(scratch / "results");
    const auto written = spool->write(example({JobId{5}, 1}));
    ASSERT_FALSE(written);
    EXPECT_NE(written.error().message.find("results/5.1"), std::string::npos);
}

}  // namespace
}  // namespace windlass::worker
