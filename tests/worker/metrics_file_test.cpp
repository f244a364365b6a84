#include "worker/metrics_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/temporary_directory.h"
#include "worker/file_descriptor.h"

namespace windlass::worker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const WallTime start = from_unix_us(1'700'000'000'000'000);
const WallTime now = start + Seconds{100};

class MetricsFileTest : public testing::Test {
  protected:
    void append(std::string_view text) { std::ofstream(directory_ / "metrics", std::ios::app) << text; }
    std::vector<std::string> look(bool last = false) {
        std::vector<std::string> seen;
        samples_.clear();
        file_.look(fd_.get(), start, now, last, [&](protocol::AttemptSample sample) {
            seen.push_back(sample.measurement + "=" + std::to_string(sample.value).substr(0, 4));
            samples_.push_back(std::move(sample));
        });
        return seen;
    }

    test::TemporaryDirectory directory_;
    const FileDescriptor fd_{open(directory_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    MetricsFile file_;
    std::vector<protocol::AttemptSample> samples_;
};

TEST_F(MetricsFileTest, is_read_piece_by_piece_in_whole_lines) {
    EXPECT_THAT(look(), IsEmpty());  // there is none yet
    append("loss,phase=train value=0.25\nio read=12i,done=true,name=\"x\"\nlo");
    EXPECT_THAT(look(), ElementsAre("user.loss=0.25", "user.io.read=12.0", "user.io.done=1.00"));
    EXPECT_THAT(look(), IsEmpty());
    append("ss value=0.125\n");
    EXPECT_THAT(look(), ElementsAre("user.loss=0.12"));
    append("loss value=9");
    EXPECT_THAT(look(), IsEmpty());
    EXPECT_THAT(look(true), ElementsAre("user.loss=9.00"));
}

TEST_F(MetricsFileTest, tags_in_any_order_are_the_type_id_of_the_series) {
    append("loss,rank=0,phase=train value=1\nloss,phase=train,rank=0 value=2\nloss,phase=test value=3\nloss value=4\n");
    look();
    std::vector<std::string> ids;
    for (const auto& sample : samples_) ids.push_back(sample.type_id);
    EXPECT_THAT(ids, ElementsAre("phase=train,rank=0", "phase=train,rank=0", "phase=test", ""));
}

TEST_F(MetricsFileTest, a_line_whose_tags_fit_no_type_id_is_passed_over_and_not_mixed_with_others) {
    append("loss,phase=" + std::string(59, 'x') + " value=1\nloss,phase=" + std::string(58, 'x') + " value=2\n");
    EXPECT_THAT(look(), ElementsAre("user.loss=2.00"));
    EXPECT_EQ(file_.lines_passed_over(), 1);
}

TEST_F(MetricsFileTest, a_time_counts_when_it_is_within_the_run) {
    append("a value=1 1700000050000000000\nb value=1\nc value=1 5\nd value=1 1800000000000000000\n");
    look();
    ASSERT_EQ(samples_.size(), 4u);
    EXPECT_EQ(samples_[0].at, start + Seconds{50});
    EXPECT_EQ(samples_[1].at, now);
    EXPECT_EQ(samples_[2].at, now);
    EXPECT_EQ(samples_[3].at, now);
}

TEST_F(MetricsFileTest, what_is_not_understood_is_passed_over_and_nothing_else) {
    append("good value=1\nno line at all\n\n# a comment\nbad\xff value=1\ngood value=2\n");
    EXPECT_THAT(look(), ElementsAre("user.good=1.00", "user.good=2.00"));
    EXPECT_EQ(file_.lines_passed_over(), 2);
}

TEST_F(MetricsFileTest, no_link_is_followed_and_nothing_but_a_regular_file_is_read) {
    directory_.write("secret", "secret value=1\n");
    ASSERT_EQ(symlink("secret", (directory_ / "metrics").c_str()), 0);
    EXPECT_THAT(look(), IsEmpty());
    unlink((directory_ / "metrics").c_str());
    ASSERT_EQ(symlink("/proc/self/status", (directory_ / "metrics").c_str()), 0);
    EXPECT_THAT(look(true), IsEmpty());
    unlink((directory_ / "metrics").c_str());
    ASSERT_EQ(mkfifo((directory_ / "metrics").c_str(), 0600), 0);
    EXPECT_THAT(look(true), IsEmpty());  // and does not wait for a writer
    unlink((directory_ / "metrics").c_str());
    ASSERT_EQ(mkdir((directory_ / "metrics").c_str(), 0700), 0);
    EXPECT_THAT(look(true), IsEmpty());
}

TEST_F(MetricsFileTest, another_file_of_the_name_and_one_written_anew_are_read_from_their_beginning) {
    append("a value=1\n");
    EXPECT_THAT(look(), ElementsAre("user.a=1.00"));
    directory_.write("next", "b value=1\nb value=2\n");
    ASSERT_EQ(rename((directory_ / "next").c_str(), (directory_ / "metrics").c_str()), 0);
    EXPECT_THAT(look(), ElementsAre("user.b=1.00", "user.b=2.00"));
    directory_.write("metrics", "c value=1\n");
    EXPECT_THAT(look(), ElementsAre("user.c=1.00"));
}

TEST_F(MetricsFileTest, a_flood_is_bounded_in_bytes_lines_and_series) {
    std::string flood;
    for (int i = 0; i < 20'000; ++i) flood += "a value=1\n";
    append(flood);
    EXPECT_EQ(look().size(), MetricsFile::points_at_once);
    EXPECT_EQ(file_.bytes_read(), MetricsFile::bytes_at_once);

    unlink((directory_ / "metrics").c_str());
    append(std::string(10'000, 'x') + "=1 value=1\nafter value=1\n");
    EXPECT_THAT(look(), ElementsAre("user.after=1.00"));

    unlink((directory_ / "metrics").c_str());
    std::string names;
    for (int i = 0; i < 100; ++i) names += "s" + std::to_string(i) + " value=1\n";
    append(names);
    EXPECT_EQ(look().size(), MetricsFile::most_series - 2);  // two are known already
}

TEST_F(MetricsFileTest, a_line_without_end_is_not_kept) {
    append(std::string(60'000, 'x'));
    EXPECT_THAT(look(), IsEmpty());
    append(std::string(60'000, 'x'));
    EXPECT_THAT(look(), IsEmpty());
    append("\nafter value=1\n");
    EXPECT_THAT(look(), ElementsAre("user.after=1.00"));
}

TEST_F(MetricsFileTest, no_more_than_its_share_is_ever_read) {
    std::int64_t looks = 0;
    std::ofstream(directory_ / "metrics") << std::string(64 * 1024, '\n');
    ASSERT_EQ(truncate((directory_ / "metrics").c_str(), 64 << 20), 0);
    for (; file_.bytes_read() < MetricsFile::bytes_in_all && looks < 1'000; ++looks) look();
    EXPECT_EQ(file_.bytes_read(), MetricsFile::bytes_in_all);
    look(true);
    EXPECT_EQ(file_.bytes_read(), MetricsFile::bytes_in_all);
}

}  // namespace
}  // namespace windlass::worker
