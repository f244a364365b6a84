#include "shared/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "shared/wire/figures_listener.h"
#include "tests/support/exposition.h"
#include "tests/support/loop.h"
#include "tests/support/temporary_directory.h"

namespace windlass {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(Figures, are_text_that_prometheus_reads) {
    figures::Families families;
    figures::add_process(families, "test");
    auto jobs = figures::gauges("windlass_test_jobs", "Jobs, by state");
    figures::add(jobs, {{"state", "queued"}}, 3);
    figures::add(jobs, {{"state", "with \"quotes\" and \\"}}, 4);
    families.push_back(jobs);
    figures::Durations took;
    took.observe(Microseconds{900});
    took.observe(Microseconds{1'000});
    took.observe(Microseconds{20'000'000});
    families.push_back(took.family("windlass_test_commit_seconds", "How long it took"));
    const std::string text = figures::text(families);
    const auto read = test::read_exposition(text);
    EXPECT_THAT(read.faults, IsEmpty()) << text;
    EXPECT_EQ(test::complaints_of_promtool(text), "");
    EXPECT_EQ(read.samples.at("windlass_test_jobs{state=\"queued\"}"), 3);
    EXPECT_EQ(read.samples.at("windlass_test_commit_seconds_bucket{le=\"0.001\"}"), 2);
    EXPECT_EQ(read.samples.at("windlass_test_commit_seconds_bucket{le=\"10\"}"), 2);
    EXPECT_EQ(read.samples.at("windlass_test_commit_seconds_bucket{le=\"+Inf\"}"), 3);
    EXPECT_EQ(read.samples.at("windlass_test_commit_seconds_count"), 3);
    EXPECT_GT(read.samples.at("process_resident_memory_bytes"), 1e6);
}

TEST(Figures, the_strict_reader_finds_faults) {
    EXPECT_THAT(test::read_exposition("# HELP a_total x\n# TYPE a_total counter\na_total 1\n").faults, IsEmpty());
    EXPECT_FALSE(test::read_exposition("# HELP a x\n# TYPE a counter\na 1\n").faults.empty());
    EXPECT_FALSE(test::read_exposition("a 1\n").faults.empty());
    EXPECT_FALSE(test::read_exposition("# HELP a x\n# TYPE a gauge\na{b=c} 1\n").faults.empty());
    EXPECT_FALSE(test::read_exposition("# HELP a x\n# TYPE a gauge\na 1\na 2\n").faults.empty());
    EXPECT_FALSE(test::read_exposition("# HELP a_ms x\n# TYPE a_ms gauge\na_ms 1\n").faults.empty());
}

class FiguresListenerTest : public testing::Test {
  protected:
    void open(const std::string& text) {
        auto opened = wire::open_figures(loop_.get(), "test.metrics_listen", text, [this] {
            ++asked_;
            return body_;
        });
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        listener_ = std::move(opened).value();
    }
    ~FiguresListenerTest() override {
        listener_.reset();
        loop_.finish();
    }
    int dial() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, listener_->endpoint().unix_path.c_str());
        const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        return fd;
    }
    void say(int fd, std::string_view text) {
        EXPECT_EQ(send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }
    // All that comes until the other end closes.
    std::string hear(int fd) {
        std::string all;
        const bool ended = loop_.run_until([&] {
            char bytes[65536];
            const ssize_t got = recv(fd, bytes, sizeof bytes, 0);
            if (got > 0) all.append(bytes, static_cast<std::size_t>(got));
            return got == 0 || (got < 0 && errno == ECONNRESET);
        });
        EXPECT_TRUE(ended);
        close(fd);
        return all;
    }
    std::string ask(std::string_view request) {
        const int fd = dial();
        say(fd, request);
        return hear(fd);
    }

    test::TemporaryDirectory directory_;
    test::TestLoop loop_;
    std::string body_ = "figures\n";
    int asked_ = 0;
    std::unique_ptr<wire::FiguresListener> listener_;
};

TEST_F(FiguresListenerTest, answers_one_request_for_the_figures_and_ends) {
    open("unix:" + directory_.path() + "/figures");
    const auto answer = ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4"));
    EXPECT_THAT(answer, HasSubstr("Content-Length: 8\r\n"));
    EXPECT_TRUE(answer.ends_with("\r\n\r\nfigures\n"));
}

TEST_F(FiguresListenerTest, a_large_answer_comes_whole) {
    body_.assign(5'000'000, 'x');
    open("unix:" + directory_.path() + "/figures");
    EXPECT_TRUE(ask("GET /metrics HTTP/1.0\r\n\r\n").ends_with("\r\n\r\n" + body_));
}

TEST_F(FiguresListenerTest, everything_else_is_refused_and_asks_for_no_figures) {
    open("unix:" + directory_.path() + "/figures");
    EXPECT_THAT(ask("GET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
    EXPECT_THAT(ask("POST /metrics HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
    EXPECT_THAT(ask("hello\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nX: " + std::string(9000, 'x')), StartsWith("HTTP/1.1 431 "));
    EXPECT_EQ(asked_, 0);
}

TEST_F(FiguresListenerTest, the_seventeenth_at_the_same_time_is_turned_away_and_a_place_is_free_again_later) {
    open("unix:" + directory_.path() + "/figures");
    std::vector<int> silent;
    for (int i = 0; i < 16; ++i) silent.push_back(dial());
    EXPECT_EQ(hear(dial()), "");
    close(silent.back());
    silent.pop_back();
    // The end of that one is read in the same round or the next.
    EXPECT_TRUE(loop_.run_until([&] { return ask("GET /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"); }));
    for (const int fd : silent) close(fd);
}

TEST_F(FiguresListenerTest, takes_a_free_port_of_loopback_and_no_other_address) {
    open("127.0.0.1:0");
    EXPECT_GT(listener_->endpoint().port, 0);
    const auto refused = wire::open_figures(loop_.get(), "test.metrics_listen", "0.0.0.0:0", [] { return ""; });
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().message, HasSubstr("test.metrics_listen: 0.0.0.0:0"));
    EXPECT_EQ(*wire::open_figures(loop_.get(), "test.metrics_listen", "", [] { return ""; }), nullptr);
}

}  // namespace
}  // namespace windlass
