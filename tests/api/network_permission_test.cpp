#include "api/network_permission.h"

#include <gtest/gtest.h>

namespace windlass::api {
namespace {

const Principal ada{UserId{7}, Role::user, "Premium"};
const Principal boss{UserId{1}, Roles(Role::user) | Role::admin, "Basic"};

TEST(NetworkPermission, is_nobodys_by_default) {
    EXPECT_FALSE(may_have_full_network("default", ada, {}));
    EXPECT_FALSE(may_have_full_network("default", boss, {})) << "not even an admin's";
}

TEST(NetworkPermission, goes_by_tier_queue_or_role) {
    EXPECT_TRUE(may_have_full_network("default", ada, {"tier:Premium"}));
    EXPECT_FALSE(may_have_full_network("default", boss, {"tier:Premium"}));
    EXPECT_FALSE(may_have_full_network("default", ada, {"tier:premium", "tier:Prem", "tier:"}));
    EXPECT_TRUE(may_have_full_network("web", ada, {"queue:web"}));
    EXPECT_FALSE(may_have_full_network("default", ada, {"queue:web"}));
    EXPECT_TRUE(may_have_full_network("default", boss, {"role:admin"}));
    EXPECT_FALSE(may_have_full_network("default", ada, {"role:admin", "role:job-control"}));
    EXPECT_TRUE(may_have_full_network("default", ada, {"role:user"}));
    EXPECT_TRUE(may_have_full_network("default", Principal{UserId{8}, {}, ""}, {"everybody"}));
    EXPECT_TRUE(may_have_full_network("default", ada, {"queue:web", "role:admin", "tier:Premium"})) << "one is enough";
}

TEST(NetworkPermission, names_are_never_taken_for_each_other) {
    EXPECT_FALSE(may_have_full_network("Premium", boss, {"tier:Premium"}));
    EXPECT_FALSE(may_have_full_network("web", Principal{UserId{8}, Role::user, "web"}, {"queue:other", "role:web"}));
    EXPECT_TRUE(may_have_full_network("a:b", ada, {"queue:a:b"}));
}

TEST(NetworkPermission, list_of_an_operator_is_checked_word_by_word) {
    EXPECT_TRUE(check_network_permissions({"tier:Premium", "queue:web", "role:job-control", "everybody"}));
    EXPECT_TRUE(check_network_permissions({}));
    for (const char* text : {"Premium", "tier:", "queue:", "role:root", "user:7", "", "everybody:", "all"}) {
        const auto checked = check_network_permissions({"role:admin", text});
        ASSERT_FALSE(checked) << text;
        EXPECT_NE(checked.error().message.find("'" + std::string(text) + "'"), std::string::npos);
    }
}

TEST(NetworkRefusal, names_the_field_and_what_to_ask_for) {
    Config::Api settings;
    JobSpec spec;
    spec.queue = "web";
    EXPECT_FALSE(network_refusal(spec, ada, settings)) << "it does not ask";
    spec.network = Network::full;
    const auto refused = network_refusal(spec, ada, settings);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status, 422);
    ASSERT_EQ(refused->errors.size(), 1u);
    EXPECT_EQ(refused->errors[0].pointer, "/network");
    for (const char* word : {"api.network_full", "Premium", "web"})
        EXPECT_NE(refused->detail.find(word), std::string::npos) << word;
    settings.network_full = {"tier:Premium"};
    EXPECT_FALSE(network_refusal(spec, ada, settings));
}

}  // namespace
}  // namespace windlass::api
