#include "cli/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace windlass::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Script, its_first_line_says_who_runs_it) {
    EXPECT_EQ(read_script("#!/usr/bin/env python3\nprint(1)\n")->interpreter, "/usr/bin/env python3");
    EXPECT_EQ(read_script("#! /bin/bash -e\r\necho\r\n")->interpreter, "/bin/bash -e");
    EXPECT_EQ(read_script("echo\n")->interpreter, "/bin/sh");
    EXPECT_EQ(read_script("#!\necho\n")->interpreter, "/bin/sh");
    EXPECT_EQ(read_script("")->interpreter, "/bin/sh");
    EXPECT_EQ(read_script("\n#!/bin/other\n")->interpreter, "/bin/sh") << "only the first line is that";
}

TEST(Script, flags_stand_in_the_comments_above_the_first_command) {
    const auto script = read_script(
        "#!/bin/sh\n# what it is for\n#WINDLASS --memory 2GiB   --timeout 1h\n\n#WINDLASS\t--name \"the whole "
        "'thing'\"\n"
        "echo\n#WINDLASS --cpus 4\n");
    EXPECT_THAT(script->directives, ElementsAre("--memory", "2GiB", "--timeout", "1h", "--name", "the whole 'thing'"));
    EXPECT_THAT(read_script("#WINDLASSO --cpus 4\n# WINDLASS --cpus 4\n")->directives, IsEmpty());
}

TEST(Script, a_quote_that_is_not_closed_is_an_error_with_its_line) {
    const auto script = read_script("#!/bin/sh\n\n#WINDLASS --name 'a\n");
    ASSERT_FALSE(script.ok());
    EXPECT_THAT(script.error().message, HasSubstr("line 3"));
}

TEST(Script, words_are_split_as_a_shell_does_it) {
    EXPECT_THAT(*split_words(R"(a  'b c' "d\"e\n" f\ g '' h'i'j)"),
                ElementsAre("a", "b c", "d\"e\\n", "f g", "", "hij"));
    EXPECT_THAT(*split_words(" \t"), IsEmpty());
}

}  // namespace
}  // namespace windlass::cli
