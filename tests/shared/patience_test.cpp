#include "shared/patience.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tests/support/temporary_directory.h"

namespace windlass {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr Milliseconds at_once{0};
const Error away{ErrorKind::unavailable, "the database is away"};

// Plays the service manager, and reads the log.
class PatienceTest : public testing::Test {
  protected:
    PatienceTest() : manager_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        const std::string path = directory_.path() + "/manager";
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, path.c_str());
        EXPECT_EQ(bind(manager_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        setenv("NOTIFY_SOCKET", path.c_str(), 1);
        EXPECT_TRUE(log::configure("test", "info"));
        log::set_listener([this](std::string_view line) { lines.emplace_back(line); });
    }
    ~PatienceTest() override {
        log::set_listener({});
        unsetenv("NOTIFY_SOCKET");
        close(manager_);
    }

    // What the manager has heard since it was last asked.
    std::vector<std::string> heard() const {
        std::vector<std::string> all;
        char text[512];
        for (ssize_t size = 0; (size = recv(manager_, text, sizeof text, 0)) > 0;) all.emplace_back(text, size);
        return all;
    }

    std::vector<std::string> lines;

  private:
    const test::TemporaryDirectory directory_;
    const int manager_;
};

TEST_F(PatienceTest, what_is_away_is_waited_for_and_the_manager_hears_why_and_that_this_process_is_well) {
    int tries = 0;
    const Status done = patiently(
        "open the database", [&] { return ++tries < 4 ? Status(away) : Status(); }, at_once);
    EXPECT_TRUE(done.ok());
    EXPECT_EQ(tries, 4);
    EXPECT_THAT(heard(),
                ElementsAre("STATUS=the database is away", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "STATUS="));
    EXPECT_THAT(lines, ElementsAre(HasSubstr("warning [test] waiting to open the database: the database is away"),
                                   HasSubstr("waited long enough to open the database")));
}

TEST_F(PatienceTest, each_reason_is_said_once_in_a_row) {
    const std::vector<std::string> reasons = {"away", "away", "starting", "starting", "away"};
    std::size_t tries = 0;
    EXPECT_TRUE(patiently(
        "lead",
        [&] {
            return tries < reasons.size() ? Status(make_error(ErrorKind::unavailable, reasons[tries++])) : Status();
        },
        at_once));
    EXPECT_THAT(lines, ElementsAre(HasSubstr("lead: away"), HasSubstr("lead: starting"), HasSubstr("lead: away"),
                                   HasSubstr("waited long enough")));
}

TEST_F(PatienceTest, what_waiting_does_not_mend_ends_it_with_its_reason) {
    int tries = 0;
    const Result<int> failed = patiently(
        "open the database",
        [&]() -> Result<int> {
            if (++tries == 1) return away;
            return make_error(ErrorKind::invalid, "the password is wrong");
        },
        at_once);
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().message, "the password is wrong");
    EXPECT_EQ(tries, 2);
}

TEST_F(PatienceTest, success_at_the_first_try_says_nothing) {
    const Result<int> seven = patiently(
        "open the database", [] { return Result<int>(7); }, at_once);
    EXPECT_EQ(seven.value(), 7);
    EXPECT_TRUE(heard().empty());
    EXPECT_TRUE(lines.empty());
}

}  // namespace
}  // namespace windlass
