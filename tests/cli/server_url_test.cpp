#include "cli/server_url.h"

#include <gtest/gtest.h>

namespace windlass::cli {
namespace {

TEST(ServerUrl, is_brought_into_normal_form) {
    EXPECT_EQ(*normal_url("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
    EXPECT_EQ(*normal_url("HTTPS://Example.org/"), "https://example.org");
    EXPECT_EQ(*normal_url("localhost:8080"), "http://localhost:8080");
    EXPECT_EQ(*normal_url("http://[::1]:8080"), "http://[::1]:8080");
}

TEST(ServerUrl, that_is_more_than_an_address_is_refused) {
    for (const char* text :
         {"", "http://", "ftp://host", "http://host/api", "http://host?x=1", "http://user:secret@host", "http://host:0",
          "http://host:99999", "http://host:80a", "http://ho st", "http://:80"})
        EXPECT_FALSE(normal_url(text).ok()) << text;
    EXPECT_FALSE(normal_url(std::string("http://ho\0st", 12)).ok());
    EXPECT_FALSE(normal_url("http://ho\x1bst").ok());
}

}  // namespace
}  // namespace windlass::cli
