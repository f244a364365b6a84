// /api/blobs/, row by row.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "api_fixture.h"
#include "shared/digest.h"

namespace windlass::api::test {
namespace {

class Blobs : public ApiTest {
  protected:
    std::string path(const std::string& bytes) { return "/api/blobs/" + sha256_hex(bytes) + "/"; }
    Answer put(const std::string& of, const std::string& piece, Headers headers) {
        return send("PUT", path(of), piece, ada.token, std::move(headers));
    }
    Account ada = make_account("ada");
    Account bob = make_account("bob");
    Account boss = make_account("boss", Role::admin);
};

TEST_F(Blobs, a_whole_one_is_stored_checked_and_ones_own) {
    const std::string bytes("any\0bytes\xff", 10);
    const auto made = send("PUT", path(bytes), bytes, ada.token);
    EXPECT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(made.json()["size"].GetInt(), 10);
    EXPECT_EQ(send("PUT", path(bytes), bytes, ada.token).status, 200) << "it is there";
    const auto got = get(path(bytes), ada.token);
    EXPECT_EQ(got.body, bytes);
    EXPECT_EQ(got.header("Upload-Offset"), "10");
    EXPECT_EQ(get(path(bytes), bob.token).status, 404);
    EXPECT_EQ(get(path(bytes), boss.token).status, 404) << "an upload is its owner's";
    EXPECT_EQ(send("PUT", path(bytes), bytes, bob.token).status, 201) << "he has the bytes";
    EXPECT_EQ(send("DELETE", path(bytes), {}, ada.token).status, 204);
    EXPECT_EQ(get(path(bytes), ada.token).status, 404);
    EXPECT_EQ(get(path(bytes), bob.token).body, bytes) << "his is not touched";
    EXPECT_EQ(send("DELETE", path(bytes), {}, ada.token).status, 404);
}

TEST_F(Blobs, other_bytes_than_the_hash_says_are_refused) {
    EXPECT_EQ(send("PUT", path("abc"), "abd", ada.token).status, 422);
    EXPECT_EQ(get("/api/blobs/", ada.token).body, "[]");
    for (const char* name : {"abc", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"})
        EXPECT_EQ(send("PUT", std::string("/api/blobs/") + name + "/", "abc", ada.token).status, 404);
}

TEST_F(Blobs, pieces_can_be_resumed_where_they_broke_off) {
    const std::string whole = "0123456789";
    EXPECT_EQ(get(path(whole), ada.token).header("Upload-Offset"), "0");
    const auto first = put(whole, "0123", {{"Content-Range", "bytes 0-3/10"}});
    EXPECT_EQ(first.status, 202) << first.body;
    EXPECT_EQ(first.header("Upload-Offset"), "4");
    EXPECT_EQ(send("HEAD", path(whole), {}, ada.token).header("Upload-Offset"), "4");
    EXPECT_EQ(send("HEAD", path(whole), {}, bob.token).header("Upload-Offset"), "0");
    const auto gap = put(whole, "6789", {{"Content-Range", "bytes 6-9/10"}});
    EXPECT_EQ(gap.status, 409);
    EXPECT_EQ(gap.header("Upload-Offset"), "4");
    EXPECT_EQ(put(whole, "0123", {{"Content-Range", "bytes 0-3/10"}}).status, 409) << "sent twice";
    EXPECT_EQ(put(whole, "45", {{"Upload-Offset", "4"}}).status, 202);
    const auto last = put(whole, "6789", {{"Upload-Offset", "6"}, {"Upload-Length", "10"}});
    EXPECT_EQ(last.status, 201) << last.body;
    EXPECT_EQ(get(path(whole), ada.token).body, whole);
    EXPECT_EQ(put(whole, "6789", {{"Upload-Offset", "6"}, {"Upload-Length", "10"}}).status, 200)
        << "the last one again";
}

TEST_F(Blobs, pieces_that_make_something_else_are_dropped) {
    put("abcdef", "abc", {{"Content-Range", "bytes 0-2/6"}});
    EXPECT_EQ(put("abcdef", "xyz", {{"Content-Range", "bytes 3-5/6"}}).status, 422);
    EXPECT_EQ(get(path("abcdef"), ada.token).header("Upload-Offset"), "0");
}

TEST_F(Blobs, malformed_pieces_are_400_and_too_large_ones_413) {
    for (const char* range : {"0-2/3", "bytes 0-2", "bytes 0-3/4", "bytes 1-0/3", "bytes 0-2/2", "bytes -2/3",
                              "bytes a-2/3", "bytes 0-2/x"})
        EXPECT_EQ(put("abc", "abc", {{"Content-Range", range}}).status, 400) << range;
    EXPECT_EQ(put("abc", "abc", {{"Upload-Offset", "-1"}}).status, 400);
    EXPECT_EQ(put("abc", "abc", {{"Upload-Offset", "0"}, {"Upload-Length", "2"}}).status, 400);
    EXPECT_EQ(put("abc", "abc", {{"Upload-Offset", "0"}, {"Content-Range", "bytes 0-2/3"}}).status, 400);
    EXPECT_EQ(put("abc", "abc", {{"Content-Range", "bytes 0-2/99999999999"}}).status, 413);
}

TEST_F(Blobs, the_list_is_ones_own_in_pages) {
    for (const char* bytes : {"a", "b", "c"}) send("PUT", path(bytes), bytes, ada.token);
    send("PUT", path("d"), "d", bob.token);
    EXPECT_EQ(get("/api/blobs/", ada.token).json().Size(), 3u);
    std::vector<std::string> seen;
    std::string target = "/api/blobs/?limit=2";
    for (int pages = 0; !target.empty() && pages < 5; ++pages) {
        const auto page = get(target, ada.token);
        const auto list = page.json();
        for (const auto& blob : list.GetArray()) seen.emplace_back(blob["sha256"].GetString());
        const auto link = page.header("Link");
        target = link.empty() ? "" : link.substr(1, link.find('>') - 1);
    }
    EXPECT_EQ(seen.size(), 3u);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    for (const char* query : {"limit=0", "limit=", "limit=1001", "limit=x", "after=x", "q=x"})
        EXPECT_EQ(get(std::string("/api/blobs/?") + query, ada.token).status, 400) << query;
}

TEST_F(Blobs, the_quota_counts_what_is_there_and_what_is_on_its_way) {
    send("PUT", "/api/quotas/tier:Basic/", R"({"stored_bytes":6})", boss.token);
    EXPECT_EQ(send("PUT", path("abc"), "abc", ada.token).status, 201);
    EXPECT_EQ(put("0123456789", "01", {{"Upload-Offset", "0"}}).status, 202);
    const auto more = put("0123456789", "23", {{"Upload-Offset", "2"}});
    EXPECT_EQ(more.status, 429);
    EXPECT_STREQ(more.json()["type"].GetString(), "urn:windlass:problem:stored-quota");
    EXPECT_EQ(get("/api/quotas/me/", ada.token).json()["usage"]["stored_bytes"].GetInt(), 5);
    EXPECT_EQ(send("DELETE", path("0123456789"), {}, ada.token).status, 204) << "an upload that was given up";
    EXPECT_EQ(get("/api/quotas/me/", ada.token).json()["usage"]["stored_bytes"].GetInt(), 3);
}

// As if every one of them had been looked at before any was stored.
TEST_F(Blobs, of_uploads_at_the_same_time_no_more_are_stored_than_the_quota_has_room_for) {
    std::atomic<int> kept = 0, refused = 0;
    const auto store = [&](int number, bool in_pieces) {
        const std::string bytes = "upload number " + std::to_string(100 + number);  // 17 bytes
        const auto most = std::optional<std::int64_t>(17 * 4);
        const auto done = in_pieces ? blobs_->add_piece(ada.id, sha256_hex(bytes), 0, bytes, most, clock_.now().wall)
                                    : blobs_->keep(ada.id, {{sha256_hex(bytes), bytes}}, most, clock_.now().wall);
        ASSERT_TRUE(done.ok()) << done.error().message;
        ++(*done == BlobKeeping::kept ? kept : refused);
    };
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
        threads.emplace_back([&, thread] {
            for (int i = 0; i < 5; ++i) store(thread * 5 + i, thread % 2 == 1);
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(kept, 4);
    EXPECT_EQ(refused, 16);
    EXPECT_EQ(get("/api/quotas/me/", ada.token).json()["usage"]["stored_bytes"].GetInt(), 17 * 4);
}

TEST_F(Blobs, what_jobs_refer_to_stays) {
    send("PUT", path("abc"), "abc", ada.token);
    execute("update blob_owner set jobs = 1");
    EXPECT_EQ(send("DELETE", path("abc"), {}, ada.token).status, 409);
    EXPECT_EQ(get(path("abc"), ada.token).body, "abc");
}

}  // namespace
}  // namespace windlass::api::test
