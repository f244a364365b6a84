#include "api/batch_parser.h"

#include <gtest/gtest.h>

#include <string>

#include "api/field_reader.h"

namespace windlass::api {
namespace {

struct Parsed {
    rapidjson::Document document;  // the job's views point into it
    std::optional<SubmittedJob> job;
    std::optional<Problem> problem;
};

Parsed parse(const std::string& body, const Config::Api& settings = {}) {
    Parsed parsed;
    auto document = parse_object(body);
    if (!document) {
        parsed.problem = document.error();
        return parsed;
    }
    parsed.document = std::move(document).value();
    auto job = parse_submit(parsed.document, settings);
    if (job)
        parsed.job = *job;
    else
        parsed.problem = job.error();
    return parsed;
}

// A good body with these members added.
std::string with(const std::string& members) {
    return R"({"code":"c","data":"d","running_commands":"true",)" + members + "}";
}

TEST(SubmitParser, three_strings_are_enough) {
    const auto parsed = parse(R"({"code":"","data":"","running_commands":"echo hello"})");
    ASSERT_TRUE(parsed.job) << parsed.problem->detail;
    EXPECT_EQ(parsed.job->spec, (JobSpec{.running_commands = "echo hello"}));
    EXPECT_EQ(parsed.job->code, "");
}

TEST(SubmitParser, with_an_image_there_may_be_nothing_to_run_but_its_entry_point) {
    const auto entry_point =
        parse(R"j({"code":"","data":"","running_commands":"","image":"Übung 3","datasets":["iris","Löhne 2026"]})j");
    ASSERT_TRUE(entry_point.job) << entry_point.problem->detail;
    EXPECT_EQ(entry_point.job->spec, (JobSpec{.image = "Übung 3", .datasets = {"iris", "Löhne 2026"}}));
    const auto nothing = parse(R"({"code":"","data":"","running_commands":"","datasets":["iris"]})");
    ASSERT_TRUE(nothing.problem);
    EXPECT_EQ(nothing.problem->errors.front().pointer, "/running_commands");
}

TEST(SubmitParser, every_optional_field_is_taken) {
    const auto parsed =
        parse(R"j({"code":"print(1)","data":"1,2","running_commands":"sh code","name":"früh ✓","priority":-100,
        "timeout_s":1.5,"limits":{"cpus":0.5,"memory_bytes":4194304,"disk_bytes":65536,"processes":1,"output_bytes":0,"open_files":16,
        "cpu_s":0.0305,"file_bytes":1,"inodes":7},
        "env":{"A":"1","_b2":"x y"},"max_attempts":100,"network":"none"})j");
    ASSERT_TRUE(parsed.job) << parsed.problem->detail;
    JobSpec expected;
    expected.name = "früh ✓";
    expected.running_commands = "sh code";
    expected.priority = -100;
    expected.timeout = Milliseconds{1500};
    expected.max_attempts = 100;
    expected.limits = {500, 4 * mebibyte, 64 * kibibyte, 1, 0, 16, Milliseconds{31}, 1, 7};
    expected.env = {{"A", "1"}, {"_b2", "x y"}};
    EXPECT_EQ(parsed.job->spec, expected);
    EXPECT_EQ(parsed.job->code, "print(1)");
    EXPECT_EQ(parsed.job->data, "1,2");
}

TEST(SubmitParser, a_short_timeout_is_rounded_up_never_to_nothing) {
    EXPECT_EQ(parse(with(R"("timeout_s":0.0001)")).job->spec.timeout, Milliseconds{1});
}

TEST(SubmitParser, bad_bodies_are_refused_with_status_and_pointer) {
    struct Bad {
        std::string body;
        int status;
        std::string pointer;
    };
    const std::string deep = std::string(200, '[') + std::string(200, ']');
    const Bad table[] = {
        // not JSON, or not an object
        {"", 400, ""},
        {"   \n", 400, ""},
        {"{", 400, ""},
        {R"({"code":"c")", 400, ""},
        {R"({"code":"c","data":"d","running_commands":"tr)", 400, ""},
        {R"({"code":"c","data":"d","running_commands":"true"}})", 400, ""},
        {R"({"code":"c","data":"d","running_commands":"true"} {})", 400, ""},
        {"{'code':'c'}", 400, ""},
        {R"({"code":"c",})", 400, ""},
        {"null", 400, ""},
        {"[]", 400, ""},
        {"\"text\"", 400, ""},
        {"42", 400, ""},
        {"true", 400, ""},
        {deep, 400, ""},
        {with("\"env\":" + deep), 400, ""},
        {with(R"("code":"again")"), 400, ""},
        {with(R"("env":{"A":"1","A":"2"})"), 400, ""},
        {with("\"name\":\"\xff\xfe\""), 400, ""},
        {with("\"name\":\"\xc3\""), 400, ""},
        {with("\"name\":\"\xed\xa0\x80\""), 400, ""},
        {with(R"("name":"\ud800")"), 400, ""},
        {with(R"("name":"a\u0000b")"), 400, ""},
        {with(R"("env":{"A":"\u0000"})"), 400, ""},
        {std::string(R"({"code":"a)") + '\0' + R"(b","data":"","running_commands":"x"})", 400, ""},
        {with(R"("priority":NaN)"), 400, ""},
        {with(R"("timeout_s":Infinity)"), 400, ""},
        {with(R"("timeout_s":1e999)"), 400, ""},
        {with(R"("priority":01)"), 400, ""},
        // required
        {"{}", 400, "/code"},
        {R"({"data":"d","running_commands":"true"})", 400, "/code"},
        {R"({"code":"c","running_commands":"true"})", 400, "/data"},
        {R"({"code":"c","data":"d"})", 400, "/running_commands"},
        {R"({"code":null,"data":"d","running_commands":"true"})", 400, "/code"},
        {R"({"code":1,"data":"d","running_commands":"true"})", 400, "/code"},
        {R"({"code":"c","data":{},"running_commands":"true"})", 400, "/data"},
        {R"({"code":"c","data":["d"],"running_commands":"true"})", 400, "/data"},
        {R"({"code":"c","data":"d","running_commands":false})", 400, "/running_commands"},
        {R"({"code":"c","data":"d","running_commands":["true"]})", 400, "/running_commands"},
        {R"({"code":"c","data":"d","running_commands":""})", 400, "/running_commands"},
        {R"({"code":"c","data":"d","running_commands":")" + std::string(65 * 1024, 'x') + "\"}", 400,
         "/running_commands"},
        // keys
        {with(R"("Name":"x")"), 400, "/Name"},
        {with(R"("nmae":"x")"), 400, "/nmae"},
        {with(R"("a/b~c":1)"), 400, "/a~1b~0c"},
        {with(R"("":1)"), 400, "/"},
        {with(R"("network":"some")"), 400, "/network"},
        {with(R"("network":null)"), 400, "/network"},
        {with(R"("image":"a/b")"), 400, "/image"},
        {with(R"("image":null)"), 400, "/image"},
        // values
        {with(R"("name":7)"), 400, "/name"},
        {with("\"name\":\"" + std::string(201, 'n') + "\""), 400, "/name"},
        {with(R"("priority":"high")"), 400, "/priority"},
        {with(R"("priority":101)"), 400, "/priority"},
        {with(R"("priority":-101)"), 400, "/priority"},
        {with(R"("priority":1.5)"), 400, "/priority"},
        {with(R"("priority":99999999999999999999)"), 400, "/priority"},
        {with(R"("priority":null)"), 400, "/priority"},
        {with(R"("max_attempts":0)"), 400, "/max_attempts"},
        {with(R"("max_attempts":-1)"), 400, "/max_attempts"},
        {with(R"("max_attempts":101)"), 400, "/max_attempts"},
        {with(R"("max_attempts":18446744073709551615)"), 400, "/max_attempts"},
        {with(R"("timeout_s":0)"), 400, "/timeout_s"},
        {with(R"("timeout_s":-5)"), 400, "/timeout_s"},
        {with(R"("timeout_s":"60")"), 400, "/timeout_s"},
        {with(R"("timeout_s":1e300)"), 422, "/timeout_s"},
        {with(R"("timeout_s":2592001)"), 422, "/timeout_s"},
        {with(R"("limits":[])"), 400, "/limits"},
        {with(R"("limits":null)"), 400, "/limits"},
        {with(R"("limits":{"cpu":1})"), 400, "/limits/cpu"},
        {with(R"("limits":{"cpus":0})"), 400, "/limits/cpus"},
        {with(R"("limits":{"cpus":-1})"), 400, "/limits/cpus"},
        {with(R"("limits":{"cpus":"2"})"), 400, "/limits/cpus"},
        {with(R"("limits":{"cpus":64.001})"), 422, "/limits/cpus"},
        {with(R"("limits":{"cpus":1e18})"), 422, "/limits/cpus"},
        {with(R"("limits":{"memory_bytes":0})"), 400, "/limits/memory_bytes"},
        {with(R"("limits":{"memory_bytes":-1})"), 400, "/limits/memory_bytes"},
        {with(R"("limits":{"memory_bytes":1e9})"), 400, "/limits/memory_bytes"},
        {with(R"("limits":{"memory_bytes":9223372036854775807})"), 422, "/limits/memory_bytes"},
        {with(R"("limits":{"memory_bytes":9223372036854775808})"), 400, "/limits/memory_bytes"},
        {with(R"("limits":{"disk_bytes":1})"), 400, "/limits/disk_bytes"},
        {with(R"("limits":{"disk_bytes":17179869185})"), 422, "/limits/disk_bytes"},
        {with(R"("limits":{"processes":0})"), 400, "/limits/processes"},
        {with(R"("limits":{"processes":4097})"), 422, "/limits/processes"},
        {with(R"("limits":{"processes":4294967297})"), 422, "/limits/processes"},
        {with(R"("limits":{"output_bytes":-1})"), 400, "/limits/output_bytes"},
        {with(R"("limits":{"output_bytes":67108865})"), 422, "/limits/output_bytes"},
        {with(R"("limits":{"open_files":3})"), 400, "/limits/open_files"},
        {with(R"("limits":{"open_files":true})"), 400, "/limits/open_files"},
        {with(R"("limits":{"open_files":5000})"), 422, "/limits/open_files"},
        {with(R"("limits":{"cpu_s":0})"), 400, "/limits/cpu_s"},
        {with(R"("limits":{"cpu_s":-2})"), 400, "/limits/cpu_s"},
        {with(R"("limits":{"cpu_s":"2"})"), 400, "/limits/cpu_s"},
        {with(R"("limits":{"cpu_s":1e300})"), 422, "/limits/cpu_s"},
        {with(R"("limits":{"file_bytes":0})"), 400, "/limits/file_bytes"},
        {with(R"("limits":{"file_bytes":17179869185})"), 422, "/limits/file_bytes"},
        {with(R"("limits":{"inodes":0})"), 400, "/limits/inodes"},
        {with(R"("limits":{"inodes":4194305})"), 422, "/limits/inodes"},
        {with(R"("env":[])"), 400, "/env"},
        {with(R"("env":{"1A":"x"})"), 400, "/env/1A"},
        {with(R"("env":{"A=B":"x"})"), 400, "/env/A=B"},
        {with(R"("env":{"":"x"})"), 400, "/env/"},
        {with(R"("env":{"A":1})"), 400, "/env/A"},
        {with(R"("env":{"A":null})"), 400, "/env/A"},
        {with("\"env\":{\"A\":\"" + std::string(64 * 1024, 'x') + "\"}"), 400, "/env"},
    };
    for (const auto& bad : table) {
        const auto parsed = parse(bad.body);
        const std::string shown = bad.body.substr(0, 200);
        ASSERT_TRUE(parsed.problem) << shown;
        EXPECT_EQ(parsed.problem->status, bad.status) << shown << "\n" << parsed.problem->detail;
        ASSERT_FALSE(parsed.problem->errors.empty()) << shown;
        EXPECT_EQ(parsed.problem->errors.front().pointer, bad.pointer) << shown << "\n" << parsed.problem->detail;
        EXPECT_FALSE(parsed.problem->errors.front().detail.empty()) << shown;
    }
}

TEST(SubmitParser, all_faults_are_told_at_once) {
    const auto parsed = parse(R"({"code":1,"data":2,"priority":1000,"colour":"red"})");
    ASSERT_TRUE(parsed.problem);
    ASSERT_EQ(parsed.problem->errors.size(), 5u);
    EXPECT_EQ(parsed.problem->errors[2].pointer, "/running_commands");
    EXPECT_EQ(parsed.problem->errors[2].detail, "is required");
    EXPECT_EQ(parsed.problem->errors[4].pointer, "/colour");
}

TEST(SubmitParser, what_is_malformed_outweighs_what_is_too_much) {
    const auto parsed = parse(with(R"("timeout_s":1e300,"priority":"x")"));
    EXPECT_EQ(parsed.problem->status, 400);
    EXPECT_EQ(parsed.problem->errors.size(), 1u);
}

TEST(SubmitParser, a_limit_above_the_sites_is_named) {
    Config::Api settings;
    settings.max_processes = 10;
    const auto parsed = parse(with(R"("limits":{"processes":11})"), settings);
    ASSERT_TRUE(parsed.problem);
    EXPECT_EQ(parsed.problem->status, 422);
    EXPECT_EQ(parsed.problem->errors.front().detail, "limits.processes is at most 10 here");
    EXPECT_TRUE(parse(with(R"("limits":{"processes":10})"), settings).job);
}

TEST(SubmitParser, a_flood_of_unknown_keys_gives_a_short_answer) {
    std::string body = R"({"code":"c","data":"d","running_commands":"true")";
    for (int i = 0; i < 5000; ++i) body += ",\"k" + std::to_string(i) + "\":1";
    const auto parsed = parse(body + "}");
    ASSERT_TRUE(parsed.problem);
    EXPECT_EQ(parsed.problem->errors.size(), 50u);
}

constexpr auto item = R"({"code":"c","data":"d","running_commands":"true"})";

TEST(BatchParser, an_array_and_lines_mean_the_same) {
    const std::string array = std::string("[") + item + "," + item + "]";
    const std::string lines = std::string(item) + "\r\n\n  " + item + "\n";
    for (const auto& [body, type] :
         {std::pair{array, ""}, std::pair{lines, ""}, std::pair{lines, "application/x-ndjson; charset=utf-8"}}) {
        auto batch = parse_batch(body, type, {});
        ASSERT_TRUE(batch);
        ASSERT_EQ(batch->items.size(), 2u);
        ASSERT_TRUE(batch->items[1]);
        EXPECT_EQ(batch->items[1]->code, "c");
        EXPECT_EQ(batch->items[1]->spec.running_commands, "true");
    }
}

TEST(BatchParser, a_broken_line_spoils_only_itself) {
    auto batch = parse_batch(std::string(item) + "\n{\"code\":\n[1]\n" + item, "", {});
    ASSERT_TRUE(batch);
    ASSERT_EQ(batch->items.size(), 4u);
    EXPECT_TRUE(batch->items[0]);
    EXPECT_FALSE(batch->items[1]);
    EXPECT_FALSE(batch->items[2]);
    EXPECT_TRUE(batch->items[3]);
}

TEST(BatchParser, a_broken_array_is_refused_as_a_whole) {
    for (const char* body : {"", "[", "[{}", "42", "\"x\"", "[{}],", "null"}) {
        const auto batch = parse_batch(body, "", {});
        ASSERT_FALSE(batch) << body;
        EXPECT_EQ(batch.error().status, 400) << body;
    }
}

TEST(BatchParser, more_items_than_the_site_allows_are_413) {
    Config::Api settings;
    settings.batch_jobs = 2;
    const std::string two = std::string("[") + item + "," + item + "]";
    const std::string three = std::string("[") + item + "," + item + "," + item + "]";
    EXPECT_TRUE(parse_batch(two, "", settings));
    EXPECT_EQ(parse_batch(three, "", settings).error().status, 413);
    EXPECT_EQ(parse_batch(std::string(item) + "\n" + item + "\n" + item, "", settings).error().status, 413);
}

}  // namespace
}  // namespace windlass::api
