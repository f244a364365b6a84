#include "cli/course_words.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace windlass::cli {
namespace {

TEST(CourseWords, a_course_holds_what_was_said_and_nothing_else) {
    CourseWords words;
    words.name = "Statistik für alle ∑";
    words.image = "Übung";
    EXPECT_EQ(*course_body(words), R"({"course_name":"Statistik für alle ∑","image":"Übung"})");
    words.datasets = {"Maße", "mnist"};
    words.gpu = 0;
    words.port = 8888;
    words.command = "exec \"jupyter\"";
    words.check_path = "/api";
    words.level = "basic";
    words.description = "# Woche 1";
    EXPECT_EQ(*course_body(words),
              R"({"course_name":"Statistik für alle ∑","image":"Übung","dataset":["Maße","mnist"],)"
              R"("description":"# Woche 1","level":"basic","gpu":0,"command":"exec \"jupyter\"","port":8888,)"
              R"("check_path":"/api"})");
}

TEST(CourseWords, a_description_may_be_a_file) {
    const std::string path = ::testing::TempDir() + "course_words_description.md";
    std::ofstream(path) << "# Week 1\n*go*\n";
    CourseWords words;
    words.name = "a";
    words.image = "b";
    words.description = "@" + path;
    EXPECT_EQ(*course_body(words), R"({"course_name":"a","image":"b","description":"# Week 1\n*go*\n"})");
    std::remove(path.c_str());
    EXPECT_EQ(course_body(words).error().kind, ErrorKind::invalid);
}

TEST(CourseWords, a_course_is_found_by_its_id_or_its_name) {
    const auto courses = parse_json(R"({"error":false,"courses":[{"course_id":7,"course_name":"Löhne"},)"
                                    R"({"course_id":8,"course_name":"9"},{"course_id":9,"course_name":"twice"},)"
                                    R"({"course_id":10,"course_name":"twice"}]})")
                             .value();
    EXPECT_EQ(*find_course(courses, "Löhne"), 7);
    EXPECT_EQ(*find_course(courses, "8"), 8);
    EXPECT_EQ(*find_course(courses, "10"), 10);
    EXPECT_EQ(find_course(courses, "none").error().kind, ErrorKind::not_found);
    const auto ambiguous = find_course(courses, "twice");
    EXPECT_EQ(ambiguous.error().kind, ErrorKind::invalid);
    EXPECT_NE(ambiguous.error().message.find("9, 10"), std::string::npos) << ambiguous.error().message;
    EXPECT_EQ(find_course(parse_json("[]").value(), "7").error().kind, ErrorKind::internal);
}

TEST(CourseWords, a_deployment_is_found_by_its_job_its_course_or_because_it_is_the_only_one) {
    const auto two = parse_json(R"({"error":false,"jobs":[{"job_id":70,"course_name":"a","status":"Ready",)"
                                R"("address":"http://x/v1/service/70/"},)"
                                R"({"job_id":71,"course_name":"b","status":"Pending"}]})")
                         .value();
    const auto ready = find_deployment(two, "a");
    ASSERT_TRUE(ready.ok());
    EXPECT_EQ(ready->job, 70);
    EXPECT_EQ(ready->status, "Ready");
    EXPECT_EQ(ready->address, "http://x/v1/service/70/");
    EXPECT_EQ(find_deployment(two, "71")->status, "Pending");
    EXPECT_EQ(find_deployment(two, "").error().kind, ErrorKind::invalid);
    const auto one = parse_json(R"({"jobs":[{"job_id":71,"course_name":"b","status":"Pending"}]})").value();
    EXPECT_EQ(find_deployment(one, "")->job, 71);
    EXPECT_EQ(find_deployment(parse_json(R"({"jobs":[]})").value(), "").error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace windlass::cli
