#include "worker/result_journal.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "worker/sandbox/box_record.h"
#include "worker/sandbox/inheritance.h"

namespace windlass::worker {
namespace {

FinishedAttempt finished(int number, std::size_t output_bytes = 10) {
    OutputCollector out(1 << 30);
    OutputCollector err(1 << 30);
    out.add(std::string(output_bytes, 'x'));
    return make_finished({JobId{number}, 3}, AttemptResult{}, out, err, "");
}

std::int64_t size_of(const FileDescriptor& file) {
    struct stat about {};
    fstat(file.get(), &about);
    return about.st_size;
}

class ResultJournalTest : public ::testing::Test {
  protected:
    ResultJournal journal() const { return ResultJournal({one_.get(), other_.get()}); }
    FileDescriptor one_ = memory_file("one").value();
    FileDescriptor other_ = memory_file("other").value();
};

TEST_F(ResultJournalTest, leaves_results_to_the_next_life) {
    ResultJournal first = journal();
    first.add(finished(1, 200'000));
    first.add(finished(2));
    const auto left = journal().left();
    ASSERT_EQ(left.size(), 2U);
    EXPECT_EQ(left[0].ref, (AttemptRef{JobId{1}, 3}));
    EXPECT_EQ(left[0].body_bytes(), 200'000U);
    EXPECT_EQ(left[1].ref, (AttemptRef{JobId{2}, 3}));
    EXPECT_EQ(left[1].parts.back().body, "xxxxxxxxxx");
}

TEST_F(ResultJournalTest, is_empty_when_nothing_is_needed) {
    ResultJournal first = journal();
    const auto a = first.add(finished(1));
    const auto b = first.add(finished(2));
    first.release(a);
    EXPECT_GT(size_of(one_), 0);
    first.release(b);
    EXPECT_EQ(size_of(one_), 0);
    first.add(finished(3));
    ASSERT_EQ(journal().left().size(), 1U);
    EXPECT_EQ(journal().left()[0].ref, (AttemptRef{JobId{3}, 3}));
}

TEST_F(ResultJournalTest, does_not_grow_for_ever_beside_a_result_that_stays) {
    ResultJournal first = journal();
    first.add(finished(1));
    for (int number = 2; number < 200; number++) first.release(first.add(finished(number, 1 << 20)));
    EXPECT_LT(size_of(one_) + size_of(other_), static_cast<std::int64_t>(4 * ResultJournal::turn_bytes));
    const auto left = journal().left();
    EXPECT_TRUE(std::ranges::any_of(left, [](const auto& one) { return one.ref.job == JobId{1}; }));
}

TEST_F(ResultJournalTest, leaves_out_what_was_not_written_to_its_end) {
    ResultJournal first = journal();
    first.add(finished(1));
    const std::int64_t whole = size_of(one_);
    first.add(finished(2));
    for (std::int64_t size = size_of(one_) - 1; size >= whole; size--) {
        ASSERT_EQ(ftruncate(one_.get(), size), 0);
        ASSERT_EQ(journal().left().size(), 1U) << size;
    }
}

// Bytes that a file may have, while it exists; whoever writes more is told EFBIG.
class LargestFile {
  public:
    explicit LargestFile(rlim_t bytes) : handler_(signal(SIGXFSZ, SIG_IGN)) {
        getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit less = {bytes, before_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &less);
    }
    ~LargestFile() {
        setrlimit(RLIMIT_FSIZE, &before_);
        signal(SIGXFSZ, handler_);
    }
    LargestFile(const LargestFile&) = delete;
    LargestFile& operator=(const LargestFile&) = delete;

  private:
    sighandler_t handler_;
    rlimit before_{};
};

TEST_F(ResultJournalTest, what_a_job_printed_is_never_read_as_an_entry_when_writing_fails) {
    ResultJournal first = journal();
    first.add(finished(1));
    const std::int64_t whole = size_of(one_);
    {
        const LargestFile limit(static_cast<rlim_t>(whole) + 100'000);
        EXPECT_EQ(first.add(finished(2, 1 << 20)), -1);
    }
    EXPECT_EQ(size_of(one_), whole);
    EXPECT_GE(first.add(finished(3)), 0);
    const auto left = journal().left();
    ASSERT_EQ(left.size(), 2U);
    EXPECT_EQ(left[1].ref, (AttemptRef{JobId{3}, 3}));
}

TEST(ResultJournal, without_files_keeps_nothing) {
    ResultJournal none;
    none.release(none.add(finished(1)));
    none.begin();
    EXPECT_TRUE(none.left().empty());
}

TEST(BoxRecord, is_read_as_far_as_it_was_written) {
    const std::string record = record_entry('a', "") + record_entry('b', "two\0three") + record_entry('c', "x");
    EXPECT_EQ(entries_of(record), (std::vector<RecordEntry>{{'a', ""}, {'b', "two\0three"}, {'c', "x"}}));
    EXPECT_EQ(entries_of(record.substr(0, record.size() - 1)).size(), 2U);
    EXPECT_TRUE(entries_of("a").empty());
    const std::string unwritten(record_head('a', 0).size(), '\0');
    EXPECT_EQ(entries_of(record_entry('a', "x") + unwritten + record_entry('b', "y")).size(), 1U);
}

}  // namespace
}  // namespace windlass::worker
