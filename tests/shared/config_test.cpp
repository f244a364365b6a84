#include "shared/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace windlass {
namespace {

using testing::HasSubstr;

class ConfigTest : public testing::Test {
  protected:
    ConfigTest() {
        char name[] = "/tmp/windlass-config-XXXXXX";
        directory_ = mkdtemp(name);
    }
    ~ConfigTest() override {
        std::filesystem::remove_all(directory_);
        unsetenv("WINDLASS_WORKER_SLOTS");
        unsetenv("WINDLASS_CONFIG");
        unsetenv("CREDENTIALS_DIRECTORY");
    }
    // As systemd hands it over.
    void hand_over(const std::string& name, const std::string& text) {
        const std::string path = directory_ + "/" + name;
        std::ofstream(path) << text;
        chmod(path.c_str(), 0440);
        setenv("CREDENTIALS_DIRECTORY", directory_.c_str(), 1);
    }
    std::string file(const std::string& text) {
        const std::string path = directory_ + "/windlass.toml";
        std::ofstream(path) << text;
        return path;
    }
    static Result<LoadedConfig> load(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "program");
        std::vector<char*> argv;
        for (std::string& argument : arguments) argv.push_back(argument.data());
        return load_config(static_cast<int>(argv.size()), argv.data(), "program", "a test");
    }
    std::string directory_;
};

TEST_F(ConfigTest, without_anything_the_defaults_hold) {
    const auto loaded = load({});
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(loaded->config.api.listen, "127.0.0.1:8080");
    EXPECT_EQ(loaded->config.scheduler.lease_ttl_ms, 15'000);
    EXPECT_FALSE(loaded->done);
}

// In a build with assertions too: toml++ has one that "[.api]" breaks.
TEST(Settings, a_text_that_is_no_toml_is_refused_with_its_line) {
    Config config;
    for (const char* text :
         {"\n[.api]\n", "\n[api]x", "\nslots", "\n[worker]]\n", "\n= 1", "\nä = 1", "\nslots ä", "\n\u048e"}) {
        const auto status = read_settings(config, text, "some.toml");
        ASSERT_FALSE(status.ok()) << text;
        EXPECT_THAT(status.error().message, testing::StartsWith("some.toml: line 2: ")) << text;
    }
}

TEST_F(ConfigTest, a_file_that_cannot_be_read_is_named) {
    EXPECT_THAT(load({"--config", directory_ + "/none.toml"}).error().message, HasSubstr("none.toml: No such file"));
    EXPECT_THAT(load({"--config", directory_}).error().message, HasSubstr("is it a file?"));
}

TEST_F(ConfigTest, a_flag_wins_over_a_variable_and_a_variable_over_the_file) {
    const std::string path =
        file("[worker]\nslots = 2\nname = \"n\"\nallow_weaker = [\"memory-limit\", \"cpu-limit\"]\n");
    EXPECT_EQ(load({"--config", path})->config.worker.slots, 2);
    EXPECT_EQ(load({"--config", path})->config.worker.allow_weaker,
              (std::vector<std::string>{"memory-limit", "cpu-limit"}));
    setenv("WINDLASS_WORKER_SLOTS", "3", 1);
    EXPECT_EQ(load({"--config", path})->config.worker.slots, 3);
    EXPECT_EQ(load({"--config", path, "--worker-slots", "4"})->config.worker.slots, 4);
    EXPECT_EQ(load({"--config", path, "--worker-slots", "4"})->config.worker.name, "n");
}

TEST_F(ConfigTest, a_setting_that_nobody_knows_is_an_error_that_names_it) {
    EXPECT_THAT(load({"--config", file("[worker]\nslotts = 2\n")}).error().message,
                HasSubstr("no setting worker.slotts"));
    EXPECT_FALSE(load({"--worker-slotts", "2"}).ok());
}

TEST_F(ConfigTest, values_of_the_wrong_kind_are_errors_that_name_the_setting) {
    EXPECT_THAT(load({"--config", file("[worker]\nslots = \"two\"\n")}).error().message,
                HasSubstr("worker.slots must be a whole number"));
    EXPECT_THAT(load({"--config", file("[api]\nlisten = 8080\n")}).error().message,
                HasSubstr("api.listen must be a string"));
    EXPECT_THAT(load({"--worker-slots", "two"}).error().message, HasSubstr("--worker-slots"));
    EXPECT_THAT(load({"--worker-slots=-1"}).error().message, HasSubstr("--worker-slots"));
    EXPECT_THAT(load({"--worker-slots", "2x"}).error().message, HasSubstr("whole number"));
    setenv("WINDLASS_WORKER_SLOTS", "many", 1);
    EXPECT_THAT(load({}).error().message, HasSubstr("WINDLASS_WORKER_SLOTS"));
}

TEST_F(ConfigTest, a_file_with_an_error_is_named_with_its_line) {
    EXPECT_THAT(load({"--config", file("[worker]\nslots = = 2\n")}).error().message, HasSubstr("line 2"));
    EXPECT_FALSE(load({"--config", directory_ + "/absent.toml"}).ok());
}

TEST_F(ConfigTest, a_secret_that_others_may_read_is_refused) {
    Config config;
    EXPECT_EQ(read_secret(config).value(), "");
    config.scheduler.secret_file = directory_ + "/secret";
    std::ofstream(config.scheduler.secret_file) << "0123456789abcdef\n";
    chmod(config.scheduler.secret_file.c_str(), 0644);
    EXPECT_THAT(read_secret(config).error().message, HasSubstr("chmod 600"));
    chmod(config.scheduler.secret_file.c_str(), 0600);
    EXPECT_EQ(read_secret(config).value(), "0123456789abcdef");
    std::ofstream(config.scheduler.secret_file) << "short\n";
    EXPECT_FALSE(read_secret(config).ok());
}

TEST_F(ConfigTest, a_credential_of_systemd_gives_its_setting) {
    hand_over("windlass.database.url", "postgresql://windlass:hunter2@db/windlass\n");
    hand_over("windlass.api.tls_key_file", "a key\n");
    const auto loaded = load({"--config", file("[database]\nurl = \"sqlite:/file\"\n[api]\nsmtp_user = \"ada\"\n")});
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(loaded->config.database.url, "postgresql://windlass:hunter2@db/windlass");
    EXPECT_EQ(loaded->config.api.tls_key_file, directory_ + "/windlass.api.tls_key_file");
    EXPECT_EQ(loaded->config.api.tls_certificate_file, "");
    EXPECT_EQ(loaded->config.api.smtp_user, "ada");
    EXPECT_EQ(load({"--database-url", "sqlite:/flag"})->config.database.url, "sqlite:/flag");
}

TEST_F(ConfigTest, a_file_is_found_among_the_credentials_by_their_variable) {
    const std::string text = "[scheduler]\nsecret_file = \"${CREDENTIALS_DIRECTORY}/site\"\n";
    EXPECT_THAT(load({"--config", file(text)}).error().message, HasSubstr("LoadCredential="));
    hand_over("site", "0123456789abcdef\n");
    const auto loaded = load({"--config", file(text)});
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(read_secret(loaded->config).value(), "0123456789abcdef");
}

}  // namespace
}  // namespace windlass
