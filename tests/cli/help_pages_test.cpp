#include "cli/help_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace windlass::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// A command with what these pages have to cope with: quotes, hyphens, a line that begins with a dot, hidden words.
class HelpPagesTest : public testing::Test {
  protected:
    HelpPagesTest() {
        app_.add_flag("--quiet,-q", quiet_, "print little");
        CLI::App* job = app_.add_subcommand("job", "look at \"jobs\"; it's all here");
        CLI::App* list = job->add_subcommand("list", ".dots at the beginning of a line");
        list->add_option("--status", status_, "only those that are 'running', …");
        CLI::App* show = job->add_subcommand("show", "one of them");
        show->add_option("id", id_, "which one")->required();
        app_.add_subcommand("login", "log in");
        app_.add_subcommand("secret", "not for people")->group("");
    }
    CLI::App app_{"It does things.", "windlass"};
    bool quiet_ = false;
    std::string status_, id_;
};

TEST_F(HelpPagesTest, the_manual_has_a_page_for_each_word_that_people_see) {
    EXPECT_THAT(man_pages(app_), ElementsAre("job", "login"));
    const std::string page = man_page(app_, "");
    EXPECT_THAT(page, HasSubstr(".TH \"windlass\" 1"));
    EXPECT_THAT(page, HasSubstr("\\fBwindlass\\-job\\fR(1)"));
    EXPECT_THAT(page, HasSubstr("\\fB\\-\\-quiet\\fR"));
    EXPECT_THAT(page, HasSubstr(".SH EXIT STATUS"));
    EXPECT_THAT(page, Not(HasSubstr("secret")));
}

TEST_F(HelpPagesTest, a_page_shows_the_words_below_with_their_flags_and_arguments) {
    const std::string page = man_page(app_, "job");
    EXPECT_THAT(page, HasSubstr("windlass job list"));
    EXPECT_THAT(page, HasSubstr("\\fB\\-\\-status\\fR \\fITEXT\\fR"));
    EXPECT_THAT(page, HasSubstr("\\fIid\\fR"));
    EXPECT_THAT(page, HasSubstr("\n\\&.dots")) << "else it would be a command of the page's language";
}

TEST_F(HelpPagesTest, every_shell_gets_every_word_and_flag) {
    for (const std::string& script : {bash_completion(app_), zsh_completion(app_), fish_completion(app_)}) {
        for (const char* word : {"job", "list", "show", "login", "status", "quiet", "windlass job"})
            EXPECT_THAT(script, HasSubstr(word));
        EXPECT_THAT(script, Not(HasSubstr("secret")));
    }
}

}  // namespace
}  // namespace windlass::cli
