#include "cli/job_file.h"

#include <gtest/gtest.h>

namespace windlass::cli {
namespace {

TEST(JobFile, what_the_command_line_says_goes_before_what_the_file_says) {
    const auto body = with_job_file(R"({"running_commands": "make", "code": "all:", "priority": 3, "env": {"A": "1"}})",
                                    R"({"code":"","data":"","running_commands":"","priority":7,"env":{"B":"2"}})");
    EXPECT_EQ(*body, R"({"running_commands":"make","code":"all:","priority":7,"env":{"B":"2"},"data":""})");
}

TEST(JobFile, what_is_no_object_of_json_is_refused) {
    for (const char* file : {"", "[1]", "3", "{", "{\"a\":1}{\"b\":2}"})
        EXPECT_EQ(with_job_file(file, R"({"code":""})").error().kind, ErrorKind::invalid) << file;
}

}  // namespace
}  // namespace windlass::cli
