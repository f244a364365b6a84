#include "shared/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "shared/json.h"
#include "shared/log_format.h"
#include "tests/support/temporary_directory.h"

namespace windlass::log {
namespace {

using testing::HasSubstr;

const std::chrono::system_clock::time_point moment{std::chrono::milliseconds{1'700'000'000'123}};

TEST(LogFormat, text_says_no_field_twice_and_stays_one_line) {
    const Fields fields = {field::job(JobId{7}), field::request("abc"), field::worker("")};
    EXPECT_EQ(as_text({moment, Level::warning, "api", "request abc: bad\nnews", fields}),
              "2023-11-14T22:13:20.123Z warning [api] request abc: bad\\nnews (job_id=7)");
    EXPECT_EQ(as_text({moment, Level::info, "worker", "plain", {}}), "2023-11-14T22:13:20.123Z info [worker] plain");
}

TEST(LogFormat, json_is_an_object_in_one_line_whatever_the_bytes) {
    const Fields fields = {field::job(JobId{7}), field::attempt({JobId{7}, 2}), field::traceparent("")};
    const std::string line = as_json({moment, Level::error, "worker", "a \"b\"\n\xff", fields});
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const auto document = parse_json(line);
    ASSERT_TRUE(document.ok()) << line;
    EXPECT_EQ(text_of((*document)["time"]), "2023-11-14T22:13:20.123Z");
    EXPECT_EQ(text_of((*document)["level"]), "error");
    EXPECT_EQ(text_of((*document)["program"]), "worker");
    EXPECT_EQ(text_of((*document)["message"]), "a \"b\"\n\xef\xbf\xbd");
    EXPECT_EQ(text_of((*document)["job_id"]), "7");
    EXPECT_EQ(text_of((*document)["attempt"]), "2");
    EXPECT_FALSE(document->HasMember("traceparent"));
}

TEST(LogFormat, an_entry_of_the_journal_has_fields_and_lengths_where_lines_end) {
    const Fields fields = {field::job(JobId{7})};
    EXPECT_EQ(as_journal_entry({moment, Level::info, "worker", "hello", fields}),
              "MESSAGE=hello\nPRIORITY=6\nSYSLOG_IDENTIFIER=windlass-worker\nWINDLASS_JOB_ID=7\n");
    using namespace std::string_literals;
    EXPECT_THAT(as_journal_entry({moment, Level::error, "api", "a\nPRIORITY=0", {}}),
                HasSubstr("MESSAGE\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\nPRIORITY=3\n"s));
}

class Log : public testing::Test {
  protected:
    ~Log() override {
        unsetenv("WINDLASS_JOURNAL_SOCKET");
        set_listener({});
        EXPECT_TRUE(configure("test", "info").ok());
    }
};

TEST_F(Log, the_journal_gets_one_datagram_for_each_line) {
    const test::TemporaryDirectory directory;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, (directory.path() + "/journal").c_str());
    const int journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(bind(journal, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    setenv("WINDLASS_JOURNAL_SOCKET", address.sun_path, 1);
    ASSERT_TRUE(configure("worker", "info", "journal").ok());
    write(Level::debug, {field::job(JobId{1})}, "too quiet");
    write(Level::info, {field::job(JobId{5})}, "job {} began", 5);
    char bytes[4096];
    const ssize_t size = recv(journal, bytes, sizeof bytes, 0);
    EXPECT_THAT(std::string(bytes, static_cast<std::size_t>(std::max<ssize_t>(size, 0))),
                AllOf(HasSubstr("MESSAGE=job 5 began\n"), HasSubstr("WINDLASS_JOB_ID=5\n")));
    close(journal);
    // Nobody there any more: the line goes to standard error instead.
    testing::internal::CaptureStderr();
    info("still said");
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("[worker] still said"));
}

TEST_F(Log, a_journal_that_is_not_there_is_an_error_when_it_was_asked_for_and_none_when_it_was_not) {
    setenv("WINDLASS_JOURNAL_SOCKET", "/nowhere/at/all", 1);
    EXPECT_THAT(configure("worker", "info", "journal").error().message, HasSubstr("/nowhere/at/all"));
    EXPECT_TRUE(configure("worker", "info", "auto").ok());
    EXPECT_THAT(configure("worker", "info", "xml").error().message, HasSubstr("log.format is \"xml\""));
    EXPECT_THAT(configure("worker", "loud").error().message, HasSubstr("log.level is \"loud\""));
}

TEST_F(Log, a_listener_hears_what_is_said_in_any_format) {
    ASSERT_TRUE(configure("api", "info", "json").ok());
    std::vector<std::string> heard;
    set_listener([&](std::string_view line) { heard.emplace_back(line); });
    testing::internal::CaptureStderr();
    write(Level::warning, {field::request("r1")}, "careful");
    set_listener({});
    info("unheard");
    const std::string shown = testing::internal::GetCapturedStderr();
    ASSERT_EQ(heard.size(), 1u);
    EXPECT_THAT(heard[0], HasSubstr("warning [api] careful (request_id=r1)"));
    EXPECT_THAT(shown, HasSubstr(R"("message":"careful","request_id":"r1"})"));
}

}  // namespace
}  // namespace windlass::log
