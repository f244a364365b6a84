#include "worker/settings.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "shared/digest.h"
#include "worker/explain.h"
#include "worker/simple_command.h"

namespace windlass::worker {
namespace {

Config example() {
    initialise_crypto();
    Config config;
    config.worker.name = "node-1";
    config.worker.slots = 3;
    return config;
}

TEST(WorkerSettings, follow_the_configuration) {
    Config config = example();
    config.worker.memory_bytes = gibibyte;
    config.worker.kill_grace_ms = 700;
    config.worker.drain_ms = 900;
    config.worker.allow_weaker = {"landlock"};
    const auto settings = derive_settings(config);
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_EQ(settings->agent.name, "node-1");
    EXPECT_EQ(settings->runner.cpu_millis, 3000);
    EXPECT_EQ(settings->runner.memory_bytes, gibibyte);
    EXPECT_EQ(settings->runner.kill_grace, Milliseconds{700});
    EXPECT_EQ(settings->agent.drain, Milliseconds{900});
    EXPECT_EQ(settings->runner.boxes, settings->sandbox.slots);
    EXPECT_GE(settings->sandbox.slots, 3);
    EXPECT_EQ(settings->sandbox.cgroup, "windlass-node-1");
    EXPECT_EQ(settings->sandbox.allow_weaker, (std::vector<Protection>{Protection::landlock}));
    EXPECT_NE(settings->sandbox.state_directory, settings->state_directory) << "the sandbox clears its own up";
}

TEST(WorkerSettings, offer_no_network_unless_told_to_and_keep_the_scheduler_out_of_it) {
    Config config = example();
    EXPECT_FALSE(derive_settings(config)->sandbox.network.full);
    config.worker.network = "full";
    config.worker.network_deny = {"198.51.100.0/24"};
    config.worker.network_allow = {"10.0.5.20"};
    config.scheduler.listen = "203.0.113.9:7070";
    const auto settings = derive_settings(config);
    ASSERT_TRUE(settings) << settings.error().message;
    const NetworkSettings& network = settings->sandbox.network;
    EXPECT_TRUE(network.full);
    EXPECT_EQ(network.egress.site, (std::vector<std::string>{"203.0.113.9"}));
    EXPECT_EQ(network.egress.deny, config.worker.network_deny);
    EXPECT_EQ(network.egress.allow, config.worker.network_allow);
    EXPECT_EQ(network.keeper_path.substr(network.keeper_path.rfind('/')), "/windlass-network");
}

TEST(WorkerSettings, labels_and_resources_are_offered_and_the_network_is_a_label) {
    Config config = example();
    config.worker.network = "full";
    config.worker.labels = {"zone=b", "fast=yes", "empty="};
    config.worker.resources = {"gpu=2"};
    config.worker.cache_bytes = 77;
    const auto settings = derive_settings(config);
    ASSERT_TRUE(settings) << settings.error().message;
    std::map<std::string, std::string> labels{{"zone", "b"}, {"fast", "yes"}, {"empty", ""}, {"network", "full"}};
    if (std::filesystem::exists("/usr/bin/vipsthumbnail")) labels["vipsthumbnail"] = "yes";
    EXPECT_EQ(settings->agent.labels, labels);
    EXPECT_EQ(settings->agent.resources, (std::map<std::string, std::int64_t>{{"gpu", 2}}));
    EXPECT_EQ(settings->cache_bytes, 77);
}

TEST(WorkerSettings, a_label_or_resource_that_cannot_be_is_named) {
    const auto refused = [](const char* setting, const std::string& word, bool label) {
        Config config = example();
        (label ? config.worker.labels : config.worker.resources) = {word};
        const auto settings = derive_settings(config);
        return !settings && settings.error().message.find(setting) != std::string::npos;
    };
    for (const char* word : {"zone", "=b", "two words=b", "network=full"})
        EXPECT_TRUE(refused("worker.labels", word, true)) << word;
    EXPECT_TRUE(refused("worker.labels", "long=" + std::string(201, 'x'), true));
    for (const char* word : {"gpu", "gpu=", "gpu=0", "gpu=-1", "gpu=two", "gpu=2x", "gpu=99999999999999999999"})
        EXPECT_TRUE(refused("worker.resources", word, false)) << word;
    Config config = example();
    config.worker.labels = {"zone=a", "zone=b"};
    EXPECT_FALSE(derive_settings(config));
}

TEST(WorkerSettings, what_is_left_open_is_asked_of_the_machine) {
    Config config = example();
    config.worker.name.clear();
    config.worker.slots = 0;
    const auto settings = derive_settings(config);
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_FALSE(settings->agent.name.empty());
    EXPECT_GE(settings->runner.cpu_millis, 1000);
    EXPECT_GT(settings->runner.memory_bytes, 64 * mebibyte);
    EXPECT_EQ(settings->sandbox.spawner_path.substr(settings->sandbox.spawner_path.rfind('/')), "/windlass-spawner");
}

TEST(WorkerSettings, each_start_is_another_instance) {
    EXPECT_NE(derive_settings(example())->agent.instance, derive_settings(example())->agent.instance);
}

TEST(WorkerSettings, refuse_what_cannot_be_and_name_it) {
    const auto refusal = [](auto&& change) {
        Config config = example();
        change(config);
        const auto settings = derive_settings(config);
        return settings ? std::string("accepted") : settings.error().message;
    };
    const auto names = [](const std::string& text, const char* word) { return text.find(word) != std::string::npos; };
    EXPECT_TRUE(names(refusal([](Config& c) { c.scheduler.listen = "somewhere"; }), "somewhere"));
    EXPECT_TRUE(names(refusal([](Config& c) { c.worker.slots = 100'000; }), "worker.slots"));
    EXPECT_TRUE(names(refusal([](Config& c) { c.worker.result_file_bytes = gibibyte; }), "worker.result_file_bytes"));
    EXPECT_TRUE(names(refusal([](Config& c) { c.worker.name.assign(300, 'n'); }), "worker.name"));
    EXPECT_TRUE(names(refusal([](Config& c) { c.worker.allow_weaker = {"everything"}; }), "everything"));
    EXPECT_TRUE(names(refusal([](Config& c) { c.worker.network = "some"; }), "worker.network"));
    EXPECT_TRUE(names(refusal([](Config& c) { c.worker.network_deny = {"example"}; }), "worker.network_deny"));
    EXPECT_TRUE(names(refusal([](Config& c) { c.worker.network_allow = {"127.0.0.1"}; }), "worker.network_allow"));
    EXPECT_TRUE(names(refusal([](Config& c) { c.scheduler.secret_file = "/no/such/file"; }), "/no/such/file"));
}

TEST(WorkerSettings, a_cgroup_name_has_only_plain_letters) {
    EXPECT_EQ(default_cgroup("a/b c\n\xc3\xa4.d"), "windlass-a_b_c___.d");
}

TEST(WorkerSettings, a_cgroup_is_a_name_or_a_place_in_which_the_name_is_the_usual_one) {
    Config config = example();
    config.worker.cgroup = "jobs";
    auto settings = derive_settings(config);
    ASSERT_TRUE(settings.ok()) << settings.error().message;
    EXPECT_EQ(settings->sandbox.cgroup, "jobs");
    EXPECT_EQ(settings->sandbox.cgroup_base, "");
    for (const char* place : {"../windlass-boxes.service", "/windlass.slice/boxes"}) {
        config.worker.cgroup = place;
        settings = derive_settings(config);
        ASSERT_TRUE(settings.ok()) << settings.error().message;
        EXPECT_EQ(settings->sandbox.cgroup, "windlass-node-1");
        EXPECT_EQ(settings->sandbox.cgroup_base, place);
    }
}

TEST(ExplainSandbox, tells_the_steps_in_their_order) {
    const auto settings = derive_settings(example());
    const auto text = explain_sandbox(settings->sandbox);
    ASSERT_TRUE(text) << text.error().message;
    const auto once = text->find("# once"), job = text->find("# for every job");
    EXPECT_LT(once, job);
    const auto shell = text->find("execute /bin/sh\n", job);
    EXPECT_NE(shell, std::string::npos);
    EXPECT_EQ(text->find("if possible\nexecute /bin/sh\n", job) != std::string::npos, shell_is_dash());
}

TEST(ExplainSandbox, shows_the_egress_rule_of_a_worker_that_offers_the_network) {
    Config config = example();
    EXPECT_EQ(explain_sandbox(derive_settings(config)->sandbox)->find("# the egress rule"), std::string::npos);
    config.worker.network = "full";
    config.worker.network_deny = {"198.51.100.0/24"};
    const auto text = explain_sandbox(derive_settings(config)->sandbox);
    ASSERT_TRUE(text) << text.error().message;
    const auto job = text->find("# for a job with network: full");
    ASSERT_NE(job, std::string::npos);
    EXPECT_NE(text->find("load the egress rule", job), std::string::npos);
    EXPECT_NE(text->find("198.51.100.0/24", job), std::string::npos);
    EXPECT_NE(text->find("join the job's own network", job), std::string::npos);
}

TEST(CheckSandbox, has_a_line_for_each_protection_and_a_verdict) {
    auto settings = derive_settings(example());
    const Check strict = check_sandbox(settings->sandbox);
    EXPECT_NE(strict.text.find("memory-limit"), std::string::npos);
    for (const Finding& finding : Sandbox::examine(settings->sandbox))
        settings->sandbox.allow_weaker.push_back(finding.protection);
    const Check lenient = check_sandbox(settings->sandbox);
    EXPECT_TRUE(lenient.good);
    EXPECT_EQ(lenient.text.find("MISSING"), std::string::npos);
    EXPECT_EQ(strict.good, strict.text.find("MISSING") == std::string::npos);
}

TEST(CheckSandbox, does_not_let_the_network_be_done_without_once_it_is_offered) {
    auto settings = derive_settings(example());
    settings->sandbox.network.full = true;
    settings->sandbox.network.nft_path = "/nowhere/nft";
    for (const Finding& finding : Sandbox::examine(settings->sandbox))
        settings->sandbox.allow_weaker.push_back(finding.protection);
    const Check check = check_sandbox(settings->sandbox);
    EXPECT_FALSE(check.good);
    EXPECT_NE(check.text.find("job-network"), std::string::npos);
    EXPECT_NE(check.text.find("MISSING"), std::string::npos);
}

}  // namespace
}  // namespace windlass::worker
