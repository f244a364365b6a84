#include "cli/server.h"

#include <gtest/gtest.h>

#include "shared/percent_encoding.h"

#include "cli/exit_code.h"
#include "cli/job_ending.h"

namespace windlass::cli {
namespace {

TEST(ErrorOfAnswer, says_what_the_server_said_with_each_field) {
    const HttpAnswer answer{
        400, "application/problem+json",
        R"({"title":"Bad Request","detail":"the body is not acceptable","errors":[{"pointer":"/priority","detail":"must be -100 to 100"}]})"};
    const Error error = error_of_answer(answer, "POST /x", true);
    EXPECT_EQ(error.message, "the body is not acceptable; /priority: must be -100 to 100");
    EXPECT_EQ(exit_code_of(error), exit_failed);
}

TEST(ErrorOfAnswer, without_a_credential_points_to_login) {
    const Error error =
        error_of_answer({401, "application/problem+json", R"({"detail":"a credential is needed"})"}, "GET /x", false);
    EXPECT_NE(error.message.find("windlass login"), std::string::npos);
    EXPECT_EQ(exit_code_of(error), exit_denied);
}

TEST(ErrorOfAnswer, an_answer_that_is_not_json_still_makes_a_sentence) {
    const Error error = error_of_answer({503, "text/html", "<html>"}, "GET /x", true);
    EXPECT_EQ(error.message, "the server answered 503 to GET /x (try again in a moment)");
    EXPECT_EQ(exit_code_of(error), exit_unreachable);
}

JobEnding ending(const std::string& status, const std::string& results) {
    const auto document = parse_json(results);
    return ending_of(status, *document);
}

TEST(JobEnding, is_the_exit_code_of_the_job) {
    EXPECT_EQ(ending("succeeded", R"({"outcome":"exited","exit_code":0})").exit_code, 0);
    EXPECT_EQ(ending("failed", R"({"outcome":"exited","exit_code":7})").exit_code, 7);
}

TEST(JobEnding, by_a_signal_is_128_and_the_signal) {
    EXPECT_EQ(ending("failed", R"({"outcome":"signalled","signal":9})").exit_code, 137);
}

TEST(JobEnding, of_an_array_is_0_when_all_of_it_succeeded) {
    EXPECT_EQ(ending("succeeded", R"({"array":{"count":2,"succeeded":2}})").exit_code, 0);
    const auto failed = ending("failed", R"({"array":{"count":3,"succeeded":2,"failed":1}})");
    EXPECT_EQ(failed.exit_code, 1);
    EXPECT_EQ(failed.sentence, "the array ended as failed: 2 of its 3 members succeeded");
    EXPECT_EQ(ending("cancelled", R"({"array":{"count":3,"succeeded":2}})").exit_code, 125);
}

TEST(JobEnding, at_the_time_limit_is_124) {
    EXPECT_EQ(ending("timed_out", R"({"outcome":"out_of_time"})").exit_code, 124);
}

TEST(JobEnding, without_an_exit_code_is_125_and_a_sentence) {
    for (const char* results :
         {R"({"outcome":"out_of_memory"})", R"({"outcome":"setup_failed","detail":"mount /proc: no"})", "{}"}) {
        EXPECT_EQ(ending("failed", results).exit_code, 125) << results;
        EXPECT_NE(ending("failed", results).sentence, "") << results;
    }
    EXPECT_EQ(ending("cancelled", "{}").exit_code, 125);
    EXPECT_EQ(ending("lost", "{}").exit_code, 125);
}

TEST(JobPath, is_made_of_numbers_alone) {
    EXPECT_EQ(*job_path("100000042", "why/"), "/api/jobs/100000042/why/");
    for (const char* id : {"", "1/../2", "-1", "last", "99999999999999999"}) EXPECT_FALSE(job_path(id).ok()) << id;
}

TEST(NextPage, is_where_the_link_leads_on_this_server) {
    EXPECT_EQ(next_page("</api/jobs/?after=7&limit=2>; rel=\"next\""), "/api/jobs/?after=7&limit=2");
    EXPECT_EQ(next_page("</a>; rel=prev, </b>; rel=next"), "/b");
    for (const char* link : {"", "</a>; rel=\"prev\"", "<https://other.example/>; rel=\"next\"",
                             "<//other.example/>; rel=\"next\"", "</a; rel=\"next\""})
        EXPECT_EQ(next_page(link), "") << link;
}

TEST(HttpClient, a_server_that_is_not_there_is_unavailable) {
    HttpClient client("http://127.0.0.1:1");
    const auto answer = client.send({});
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().kind, ErrorKind::unavailable);
}

TEST(PercentEncoding, leaves_only_unreserved_characters) {
    EXPECT_EQ(percent_encoded("a b/ü&-._~9"), "a%20b%2F%C3%BC%26-._~9");
}

}  // namespace
}  // namespace windlass::cli
