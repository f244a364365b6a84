#include "api/front/repeated_refusal.h"

#include <gtest/gtest.h>

#include <string>

namespace windlass::api {
namespace {

constexpr std::time_t noon = 1'800'000'000;

// As the application would render it; counts how often it had to.
struct Rendered {
    int times = 0;
    std::atomic<bool> draining = false;
    std::vector<std::string> no_origins;
    Handler handler = [](const Request&) -> Reply { return Response{}; };
    ErrorRenderer errors = [this](int status, std::string_view detail, std::string_view path, std::string_view id) {
        ++times;
        return Response{
            status, "text/plain", std::string(detail) + "|" + std::string(path) + "|" + std::string(id), {}, nullptr};
    };
    HttplibAdapter adapter{handler, errors, no_origins, draining};
    RepeatedRefusal refusal{adapter, 503, "Too many.", draining};
};

FramedRequest asking(const std::string& path, const std::string& id) {
    FramedRequest out;
    out.request.method = "GET";
    out.request.path = out.request.target = out.raw_path = path;
    out.request.id = id;
    return out;
}

std::string without_date(std::string head) {
    const auto at = head.find("Date: ");
    return head.erase(at, head.find("\r\n", at) - at);
}

TEST(RepeatedRefusal, says_word_for_word_what_the_adapter_would_and_renders_it_once) {
    Rendered all;
    for (int i = 0; i < 10; ++i) {
        const auto framed = asking("/a", "id-" + std::to_string(i));
        const auto answer = all.refusal.about(framed, noon);
        EXPECT_EQ(all.times, 1);
        Rendered fresh;
        const auto expected = fresh.adapter.refuse(503, "Too many.", framed, true);
        EXPECT_EQ(without_date(answer.head), without_date(expected.head));
        EXPECT_EQ(answer.body, expected.body);
        EXPECT_TRUE(answer.keep_alive);
    }
}

TEST(RepeatedRefusal, is_rendered_again_where_anything_differs_that_it_depends_on) {
    Rendered all;
    int times = 0;
    const auto rendered_again = [&](const FramedRequest& framed, std::time_t now = noon) {
        const auto answer = all.refusal.about(framed, now);
        EXPECT_EQ(answer.body,
                  framed.request.method == "HEAD" ? "" : "Too many.|" + framed.request.path + "|" + framed.request.id);
        return all.times == ++times;
    };
    EXPECT_TRUE(rendered_again(asking("/a", "id-1")));
    EXPECT_TRUE(rendered_again(asking("/b", "id-2")));
    EXPECT_TRUE(rendered_again(asking("/a", "id-10"))) << "an id of another length is another Content-Length";
    auto head = asking("/a", "id-3");
    head.request.method = "HEAD";
    EXPECT_TRUE(rendered_again(head));
    auto closing = asking("/a", "id-4");
    closing.keep_alive = false;
    EXPECT_TRUE(rendered_again(closing));
    EXPECT_FALSE(all.refusal.about(closing, noon).keep_alive);
    EXPECT_TRUE(rendered_again(asking("/a", "id-5"), noon + 1)) << "the date";
    all.draining = true;
    EXPECT_TRUE(rendered_again(asking("/a", "id-6"), noon + 1));
    EXPECT_FALSE(all.refusal.about(asking("/a", "id-7"), noon + 1).keep_alive);
}

TEST(RepeatedRefusal, a_path_with_the_id_in_it_is_never_kept) {
    Rendered all;
    all.refusal.about(asking("/id-1", "id-1"), noon);
    EXPECT_EQ(all.refusal.size(), 0u);
    EXPECT_EQ(all.refusal.about(asking("/id-1", "id-2"), noon).body, "Too many.|/id-1|id-2");
}

TEST(RepeatedRefusal, keeps_few_paths) {
    Rendered all;
    for (int i = 100; i < 400; ++i)
        EXPECT_EQ(all.refusal.about(asking("/" + std::to_string(i), "id-1"), noon).body,
                  "Too many.|/" + std::to_string(i) + "|id-1");
    EXPECT_LE(all.refusal.size(), 64u);
    all.refusal.about(asking("/" + std::string(2000, 'a'), "id-1"), noon + 1);
    EXPECT_EQ(all.refusal.size(), 0u) << "nor long ones";
}

}  // namespace
}  // namespace windlass::api
