#include "api/images/multipart.h"

#include <gtest/gtest.h>

namespace windlass::api::test {
namespace {

struct Collected : MultipartReceiver {
    struct One {
        MultipartPart part;
        std::string data;
        std::int64_t offset = -1;
        bool ended = false;
    };
    Status begin(const MultipartPart& part) override {
        parts.push_back({part, {}, -1, false});
        return {};
    }
    Status data(std::string_view bytes, std::int64_t offset) override {
        if (parts.back().offset < 0) parts.back().offset = offset;
        EXPECT_EQ(offset, parts.back().offset + static_cast<std::int64_t>(parts.back().data.size()));
        parts.back().data.append(bytes);
        return {};
    }
    Status end() override {
        parts.back().ended = true;
        return {};
    }
    std::vector<One> parts;
};

// "" if it was taken.
std::string read(std::string_view body, std::vector<Collected::One>& parts, std::size_t cut) {
    Collected collected;
    MultipartParser parser("edge", collected);
    for (std::size_t at = 0; at < body.size(); at += cut) {
        const auto fed = parser.feed(body.substr(at, cut));
        if (!fed) return fed.error().message;
    }
    const auto finished = parser.finish();
    if (!finished) return finished.error().message;
    parts = std::move(collected.parts);
    return "";
}

const std::string good =
    "--edge\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n"
    "--edge\r\ncontent-disposition: Form-Data; name=image; filename=\"C:\\dir\\x \\\"1\\\".png\"\r\n"
    "Content-Type: image/png\r\n\r\n\r\n--edg\r\n-\r\n--edge--";

TEST(Multipart, parts_come_out_as_they_went_in_however_the_body_is_cut) {
    for (std::size_t cut = 1; cut <= good.size(); ++cut) {
        std::vector<Collected::One> parts;
        ASSERT_EQ(read(good, parts, cut), "") << cut;
        ASSERT_EQ(parts.size(), 2U);
        EXPECT_EQ(parts[0].part.name, "a");
        EXPECT_FALSE(parts[0].part.filename);
        EXPECT_EQ(parts[0].data, "one");
        EXPECT_EQ(parts[1].part.name, "image");
        EXPECT_EQ(parts[1].part.filename, "C:\\dir\\x \"1\".png");
        EXPECT_EQ(parts[1].part.content_type, "image/png");
        EXPECT_EQ(parts[1].data, "\r\n--edg\r\n-") << "what only resembles a boundary is content";
        EXPECT_EQ(good.substr(static_cast<std::size_t>(parts[1].offset), 4), "\r\n--");
        EXPECT_TRUE(parts[1].ended);
    }
}

TEST(Multipart, an_empty_part_an_empty_form_and_an_epilogue_are_taken) {
    std::vector<Collected::One> parts;
    EXPECT_EQ(read("--edge\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n\r\n--edge--\r\nbye", parts, 3), "");
    ASSERT_EQ(parts.size(), 1U);
    EXPECT_EQ(parts[0].data, "");
    for (const std::size_t cut : {std::size_t{1}, std::size_t{10}}) {
        EXPECT_EQ(read("--edge--", parts, cut), "");
        EXPECT_EQ(read("--edge--\r\n", parts, cut), "");
    }
    EXPECT_TRUE(parts.empty());
}

TEST(Multipart, what_two_readers_might_read_differently_is_refused) {
    const std::string head = "--edge\r\nContent-Disposition: form-data; name=\"a\"\r\n";
    for (const std::string& bad : {
             std::string("preamble\r\n") + good,
             std::string("--edges\r\n"),
             "--edge--\r\n" + good,
             std::string("--edge--\r\n\r\n"),
             "--edge--bye " + good,
             std::string("--edge \r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--edge--"),
             std::string("--edge\nContent-Disposition: form-data; name=\"a\"\n\nx\n--edge--"),
             head + "\r\nx\r\n--edgex\r\n--edge--",
             head + "Content-Disposition: form-data; name=\"b\"\r\n\r\nx\r\n--edge--",
             head + "Content-Transfer-Encoding: base64\r\n\r\nx\r\n--edge--",
             head + " folded: yes\r\n\r\nx\r\n--edge--",
             head + "X: a\nY: b\r\n\r\nx\r\n--edge--",
             head + "X: a\x01\r\n\r\nx\r\n--edge--",
             std::string("--edge\r\n\r\nx\r\n--edge--"),
             std::string("--edge\r\nContent-Type: a/b\r\n\r\nx\r\n--edge--"),
             std::string("--edge\r\nContent-Disposition: form-data\r\n\r\nx\r\n--edge--"),
             std::string("--edge\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n--edge--"),
             std::string("--edge\r\nContent-Disposition: form-data; name=\"a\"; name=\"b\"\r\n\r\nx\r\n--edge--"),
             std::string("--edge\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--edge--"),
             head + "\r\nx",
             head + "\r\nx\r\n--edge",
             head + "X: " + std::string(MultipartParser::most_head_bytes, 'y') + "\r\n\r\nx\r\n--edge--",
         }) {
        std::string first;
        for (const std::size_t cut : {std::size_t{1}, std::size_t{7}, bad.size()}) {
            std::vector<Collected::One> parts;
            const auto said = read(bad, parts, cut);
            EXPECT_NE(said, "") << bad.substr(0, 200);
            if (cut == 1) first = said;
            EXPECT_EQ(said, first) << "the same answer for every cut: " << bad.substr(0, 200);
        }
    }
}

TEST(Multipart, has_a_bound_on_its_parts) {
    std::string body;
    for (int i = 0; i <= MultipartParser::most_parts; ++i)
        body += "--edge\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n";
    std::vector<Collected::One> parts;
    EXPECT_EQ(read(body + "--edge--", parts, 1000), "The form has too many parts.");
}

TEST(Multipart, the_boundary_is_one_good_word_of_the_content_type) {
    EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=abc"), "abc");
    EXPECT_EQ(multipart_boundary("Multipart/Form-Data;charset=x; Boundary=\"a b\""), "a b");
    for (const char* bad :
         {"", "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
          "multipart/mixed; boundary=a", "multipart/form-data; boundary=a; boundary=b",
          "multipart/form-data; boundary=\"a\"b", "multipart/form-datax; boundary=a",
          "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary=\"a\r\""})
        EXPECT_FALSE(multipart_boundary(bad)) << bad;
    EXPECT_FALSE(multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'a')));
}

}  // namespace
}  // namespace windlass::api::test
