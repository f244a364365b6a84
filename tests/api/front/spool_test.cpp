#include "api/front/spool.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "api/front/http_framer.h"
#include "tests/support/temporary_directory.h"

namespace windlass::api {
namespace {

class SpoolTest : public ::testing::Test {
  protected:
    FrontLimits limits(std::int64_t total = 1'000) {
        FrontLimits limits;
        limits.body_bytes = 10;
        limits.spool = std::make_shared<const Spool>(SpoolSettings{directory.path(), 100, total, {"/up"}});
        return limits;
    }
    // Status of a refusal; 0: whole or not yet.
    static int feed(HttpFramer& framer, const std::string& bytes) {
        return framer.feed(bytes).progress == HttpFramer::Progress::refused ? framer.refusal().status : 0;
    }
    static std::string post(const std::string& path, const std::string& body) {
        return "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
               body;
    }
    windlass::test::TemporaryDirectory directory;
};

TEST_F(SpoolTest, a_body_that_it_takes_lies_on_disk_and_not_in_memory) {
    const auto all = limits();
    for (const char* path : {"/up", "/up/", "/up/?a=b"}) {
        HttpFramer framer(all);
        EXPECT_EQ(feed(framer, post(path, std::string(60, 'a') + "end")), 0);
        const auto framed = framer.take();
        EXPECT_EQ(framed.request.body, "");
        ASSERT_TRUE(framed.request.spooled);
        EXPECT_EQ(framed.request.spooled->size(), 63);
        EXPECT_EQ(framed.request.spooled->read(60, 100).value(), "end");
        EXPECT_EQ(framed.request.spooled->read(0, 2).value(), "aa");
        EXPECT_EQ(framed.request.spooled->read(99, 2).value(), "");
        EXPECT_TRUE(std::filesystem::is_empty(directory.path())) << "without a name: nothing is left by a crash";
    }
    EXPECT_EQ(all.spool->occupied(), 0);
}

TEST_F(SpoolTest, pieces_and_chunks_come_together) {
    const auto all = limits();
    HttpFramer framer(all);
    const std::string bytes =
        "POST /up HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n2\r\nfg\r\n0\r\n\r\n";
    for (const char c : bytes) EXPECT_EQ(feed(framer, std::string(1, c)), 0);
    EXPECT_EQ(framer.take().request.spooled->read(0, 100).value(), "abcdefg");
}

TEST_F(SpoolTest, other_paths_and_methods_keep_their_bodies_and_their_limit) {
    const auto all = limits();
    for (const char* path : {"/", "/upp", "/up/1", "/UP"}) {
        HttpFramer framer(all);
        EXPECT_EQ(feed(framer, post(path, "0123456789")), 0) << path;
        EXPECT_EQ(framer.take().request.body, "0123456789");
        HttpFramer second(all);
        EXPECT_EQ(feed(second, post(path, "0123456789a")), 413) << path;
    }
    HttpFramer framer(all);
    EXPECT_EQ(feed(framer, "PUT /up HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n"), 413);
}

TEST_F(SpoolTest, has_a_limit_for_one_body_and_one_for_all_together) {
    const auto all = limits(150);
    HttpFramer too_large(all);
    EXPECT_EQ(feed(too_large, post("/up", std::string(101, 'x'))), 413);
    HttpFramer chunked(all);
    EXPECT_EQ(feed(chunked, "POST /up HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n"), 413);
    HttpFramer first(all), second(all);
    EXPECT_EQ(feed(first, post("/up", std::string(100, 'x'))), 0);
    EXPECT_EQ(feed(second, post("/up", std::string(51, 'x'))), 503);
    EXPECT_EQ(all.spool->occupied(), 100) << "what was refused is gone";
    first.take();
    HttpFramer third(all);
    EXPECT_EQ(feed(third, post("/up", std::string(51, 'x'))), 0);
}

TEST_F(SpoolTest, a_directory_that_is_not_there_is_503_and_no_body_is_taken_into_memory) {
    FrontLimits all = limits();
    all.spool = std::make_shared<const Spool>(SpoolSettings{directory.path() + "/none", 100, 1'000, {"/up"}});
    HttpFramer framer(all);
    EXPECT_EQ(feed(framer, post("/up", "x")), 503);
    HttpFramer empty(all);
    EXPECT_EQ(feed(empty, post("/up", "")), 0) << "without a body there is nothing to store";
}

}  // namespace
}  // namespace windlass::api
