#include "api/front/exchange.h"

#include <gtest/gtest.h>

namespace windlass::api {
namespace {

TEST(Request, headers_are_found_whatever_their_case_and_the_first_one_counts) {
    Request request;
    request.headers = {{"X-Kind", "first"}, {"x-kind", "second"}};
    EXPECT_EQ(request.header("x-KIND"), "first");
    EXPECT_EQ(request.header("X-Kin"), "");
    EXPECT_EQ(request.header("absent"), "");
}

TEST(Request, cookies_are_found_by_exact_name_and_keep_their_quotes) {
    Request request;
    request.headers = {{"Cookie", "a=1; Authorization=\"Bearer x.y=\"; b"}, {"cookie", "c=3"}};
    EXPECT_EQ(request.cookie("a"), "1");
    EXPECT_EQ(request.cookie("Authorization"), "\"Bearer x.y=\"");
    EXPECT_EQ(request.cookie("authorization"), "");
    EXPECT_EQ(request.cookie("b"), "");
    EXPECT_EQ(request.cookie("c"), "3");
}

}  // namespace
}  // namespace windlass::api
