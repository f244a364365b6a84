#include "cli/job_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace windlass::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<std::vector<std::string>> ids(const std::vector<std::string>& words) {
    return job_ids(words, []() -> Result<std::string> { return std::string("77"); });
}

TEST(JobWords, an_id_is_itself_and_last_is_asked_for) {
    EXPECT_THAT(*ids({"100000042"}), ElementsAre("100000042"));
    EXPECT_THAT(*ids({"last", "3"}), ElementsAre("77", "3"));
    const auto none = job_ids(
        {"last"}, []() -> Result<std::string> { return make_error(ErrorKind::not_found, "none was submitted"); });
    EXPECT_EQ(none.error().kind, ErrorKind::not_found);
}

TEST(JobWords, ranges_may_have_steps_and_each_job_is_named_once) {
    EXPECT_THAT(*ids({"1,3,5-8"}), ElementsAre("1", "3", "5", "6", "7", "8"));
    EXPECT_THAT(*ids({"10-20:5", "15"}), ElementsAre("10", "15", "20"));
    EXPECT_THAT(*ids({"4-4"}), ElementsAre("4"));
}

TEST(JobWords, what_names_no_job_is_refused_with_what_it_was) {
    for (const char* word :
         {"", "x", "1,", ",1", "8-5", "1-", "-1", "0", "1:2", "1-5:0", "99999999999999999999", "last-5"}) {
        const auto found = ids({word});
        ASSERT_FALSE(found.ok()) << word;
        EXPECT_EQ(found.error().kind, ErrorKind::invalid);
    }
    EXPECT_THAT(ids({"12x"}).error().message, HasSubstr("12x"));
}

TEST(JobWords, more_than_the_server_takes_at_once_are_refused_without_being_counted_out) {
    EXPECT_EQ(ids({"1-10000"})->size(), most_jobs);
    EXPECT_FALSE(ids({"1-10001"}).ok());
    EXPECT_FALSE(ids({"1-9007199254740991"}).ok());
    EXPECT_FALSE(ids({"1-6000", "6001-12000"}).ok());
    EXPECT_EQ(ids({"1-9007199254740991:1000000000000"})->size(), 9008u);
}

}  // namespace
}  // namespace windlass::cli
