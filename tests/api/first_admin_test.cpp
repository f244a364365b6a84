#include "api/first_admin.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "api_fixture.h"

namespace windlass::api::test {
namespace {

class FirstAdmin : public ApiTest {
  protected:
    Status ensure() { return ensure_first_admin(*accounts_, *tokens_, *passwords_, credentials_directory_, clock_.now().wall); }
    std::string line(const std::string& name) {
        std::ifstream in(credentials_directory_ + "/" + name);
        std::string text;
        std::getline(in, text);
        return text;
    }
    unsigned mode(const std::string& name) {
        struct stat info {};
        EXPECT_EQ(stat((credentials_directory_ + "/" + name).c_str(), &info), 0) << name;
        return info.st_mode & 0777;
    }
    std::string credentials_directory_ = directory_ + "/credentials";
};

TEST_F(FirstAdmin, gets_a_password_and_a_token_in_private_files) {
    ASSERT_TRUE(ensure());
    EXPECT_EQ(mode("admin.password"), 0600u);
    EXPECT_EQ(mode("admin.token"), 0600u);
    EXPECT_EQ(get("/api/users/", line("admin.token")).status, 200);
    const auto login = send("POST", "/api/users/authenticate/",
                            R"({"username":"admin","password":")" + line("admin.password") + "\"}");
    EXPECT_EQ(login.status, 200) << login.body;
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(credentials_directory_),
                            std::filesystem::directory_iterator()),
              2);
}

TEST_F(FirstAdmin, a_second_start_changes_nothing) {
    ASSERT_TRUE(ensure());
    const auto password = line("admin.password"), token = line("admin.token");
    ASSERT_TRUE(ensure());
    EXPECT_EQ(line("admin.password"), password);
    EXPECT_EQ(line("admin.token"), token);
    EXPECT_EQ(get("/api/users/", token).json().Size(), 1u);
}

TEST_F(FirstAdmin, a_missing_or_dead_token_is_made_anew_and_the_password_left_alone) {
    ASSERT_TRUE(ensure());
    const auto password = line("admin.password"), token = line("admin.token");
    std::filesystem::remove(credentials_directory_ + "/admin.token");
    ASSERT_TRUE(ensure());
    const auto second = line("admin.token");
    EXPECT_NE(second, token);
    EXPECT_EQ(get("/api/users/", second).status, 200);
    std::ofstream(credentials_directory_ + "/admin.token") << "not a token\n";
    ASSERT_TRUE(ensure());
    EXPECT_EQ(get("/api/users/", line("admin.token")).status, 200);
    EXPECT_EQ(line("admin.password"), password);
}

TEST_F(FirstAdmin, a_site_that_has_admins_gets_no_other_one) {
    make_account("boss", Role::admin);
    ASSERT_TRUE(ensure());
    EXPECT_FALSE(std::filesystem::exists(credentials_directory_ + "/admin.password"));
    EXPECT_EQ(get("/api/users/", line("admin.token")).json().Size(), 1u);
}

TEST_F(FirstAdmin, a_link_at_the_place_of_the_file_is_replaced_and_not_followed) {
    const std::string target = directory_ + "/elsewhere";
    std::ofstream(target) << "precious\n";
    std::filesystem::create_directories(credentials_directory_);
    std::filesystem::create_symlink(target, credentials_directory_ + "/admin.password");
    ASSERT_TRUE(ensure());
    std::ifstream in(target);
    std::string text;
    std::getline(in, text);
    EXPECT_EQ(text, "precious");
    EXPECT_FALSE(std::filesystem::is_symlink(credentials_directory_ + "/admin.password"));
}

TEST_F(FirstAdmin, a_directory_that_cannot_be_made_is_named) {
    std::ofstream(directory_ + "/file") << "x";
    credentials_directory_ = directory_ + "/file/below";
    const auto failed = ensure();
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().message.find(credentials_directory_), std::string::npos);
}

}  // namespace
}  // namespace windlass::api::test
