#include "api/links/signed_link.h"

#include <gtest/gtest.h>

#include "api/auth/signing_keys.h"
#include "shared/digest.h"

namespace windlass::api {
namespace {

class SignedLink : public ::testing::Test {
  protected:
    SignedLink() { initialise_crypto(); }
    SigningKeys keys = SigningKeys::random();
    const WallTime now{Seconds{1'800'000'000}};
    const std::string link = signed_target(keys, "/api/results/7/files/a%20b.png", UserId{3}, now + Seconds{300});
};

TEST_F(SignedLink, opens_what_its_account_may_see_until_it_expires) {
    EXPECT_TRUE(looks_signed(link));
    EXPECT_EQ(check_signed(keys, link, now), UserId{3});
    EXPECT_EQ(check_signed(keys, link, now + Seconds{299}), UserId{3});
    EXPECT_FALSE(check_signed(keys, link, now + Seconds{300}));
    EXPECT_FALSE(looks_signed("/api/results/7/"));
}

TEST_F(SignedLink, a_changed_byte_anywhere_closes_it) {
    for (std::size_t i = 0; i < link.size(); ++i)
        for (const int flip : {0x01, 0x20, 0x80}) {
            std::string altered = link;
            altered[i] = static_cast<char>(altered[i] ^ flip);
            EXPECT_FALSE(check_signed(keys, altered, now)) << i << " " << flip;
        }
}

TEST_F(SignedLink, nothing_can_be_added_left_out_or_moved) {
    EXPECT_FALSE(check_signed(keys, link + "&account=4", now));
    EXPECT_FALSE(check_signed(keys, link + "A", now));
    EXPECT_FALSE(check_signed(keys, link.substr(0, link.size() - 1), now));
    EXPECT_FALSE(check_signed(keys, "/x" + link, now));
    std::string twice = link;
    twice.insert(twice.find("&signature="), "&account=4");
    EXPECT_FALSE(check_signed(keys, twice, now));
    std::string without = link;
    without.erase(without.find("&expires="), std::string("&expires=1800000300").size());
    EXPECT_FALSE(check_signed(keys, without, now));
}

TEST_F(SignedLink, a_key_that_is_gone_closes_its_links_and_a_second_one_keeps_them) {
    EXPECT_FALSE(check_signed(SigningKeys::random(), link, now));
    const std::string a(64, 'a'), b(64, 'b');
    const auto old_site = SigningKeys::parse(a + "\n");
    const auto rotated = SigningKeys::parse(b + "\n" + a + "\n");
    ASSERT_TRUE(old_site && rotated);
    const auto old_link = signed_target(*old_site, "/x", UserId{3}, now + Seconds{300});
    EXPECT_EQ(check_signed(*rotated, old_link, now), UserId{3});
    EXPECT_FALSE(check_signed(*old_site, signed_target(*rotated, "/x", UserId{3}, now + Seconds{300}), now));
}

TEST_F(SignedLink, a_query_of_its_own_is_part_of_it) {
    const auto log = signed_target(keys, "/api/jobs/7/log/?stream=stderr", UserId{3}, now + Seconds{300});
    EXPECT_EQ(log.find("?stream=stderr&account=3"), std::string("/api/jobs/7/log/").size());
    EXPECT_EQ(check_signed(keys, log, now), UserId{3});
}

}  // namespace
}  // namespace windlass::api
