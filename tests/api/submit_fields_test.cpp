// The fields of a submit that say where, when and with what; times; and the names inside a batch.
#include "api/submit_fields.h"

#include <gtest/gtest.h>

#include <ctime>

#include "api/batch_dependencies.h"
#include "api/batch_parser.h"
#include "api/render_job.h"
#include "api/rfc3339.h"
#include "api/schedule_fields.h"
#include "shared/digest.h"

namespace windlass::api {
namespace {

struct Parsed {
    rapidjson::Document document;
    std::optional<SubmittedJob> job;
    std::optional<Problem> problem;
};

Parsed parse(const std::string& members) {
    initialise_crypto();
    Parsed parsed;
    auto document = parse_object(R"({"code":"","data":"","running_commands":"true",)" + members + "}");
    if (!document) {
        parsed.problem = document.error();
        return parsed;
    }
    parsed.document = std::move(document).value();
    auto job = parse_submit(parsed.document, {});
    if (job)
        parsed.job = *job;
    else
        parsed.problem = job.error();
    return parsed;
}

TEST(Rfc3339, moments_are_read_with_zone_and_fraction) {
    EXPECT_EQ(parse_rfc3339("2027-01-15T08:00:00Z"), WallTime{Seconds{1'800'000'000}});
    EXPECT_EQ(parse_rfc3339("2027-01-15t10:00:00.125+02:00"), WallTime{Milliseconds{1'800'000'000'125}});
    EXPECT_EQ(parse_rfc3339("2027-01-15T07:30:00.1234567-00:30"), WallTime{Microseconds{1'800'000'000'123'456}});
    EXPECT_EQ(parse_rfc3339("2028-02-29T00:00:00z"), WallTime{Seconds{1'835'395'200}});
}

TEST(Rfc3339, everything_else_is_none) {
    for (const char* text : {"",
                             "2027",
                             "2027-01-15",
                             "2027-01-15T08:00:00",
                             "2027-01-15 08:00:00Z",
                             "2027-01-15T08:00Z",
                             "2027-13-15T08:00:00Z",
                             "2027-02-29T08:00:00Z",
                             "2027-04-31T08:00:00Z",
                             "2027-01-15T24:00:00Z",
                             "2027-01-15T08:60:00Z",
                             "2027-01-15T08:00:60Z",
                             "2027-01-15T08:00:00.Z",
                             "2027-01-15T08:00:00.1234567890Z",
                             "2027-01-15T08:00:00+2:00",
                             "2027-01-15T08:00:00+0200",
                             "2027-01-15T08:00:00+24:00",
                             "2027-01-15T08:00:00Z ",
                             " 2027-01-15T08:00:00Z",
                             "27-01-15T08:00:00Z",
                             "2027-1-15T08:00:00Z",
                             "+027-01-15T08:00:00Z",
                             "2027-01-15T08:00:00ZZ"})
        EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(SubmitFields, all_of_them_are_taken) {
    const auto parsed = parse(
        R"("queue":"night","tags":["a","früh"],"retry_on":{"exit_codes":[1,75],"signals":[9],"timeout":true},
        "retry_delay_s":1.5,"after":[{"job":"7"},{"job":8,"when":"any"},{"name":"x","when":"failed"}],
        "not_before":"2027-01-15T08:00:00Z","deadline":"2027-01-16T08:00:00Z","requires":{"arch":"x86"},
        "resources":{"gpu":2},"outputs":["*.log"],
        "files":{"in/a.txt":"abc","b":{"base64":"AAE="},"c":{"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}})");
    ASSERT_TRUE(parsed.job) << parsed.problem->detail;
    const JobSpec& spec = parsed.job->spec;
    EXPECT_EQ(spec.queue, "night");
    EXPECT_EQ(spec.tags, (std::vector<std::string>{"a", "früh"}));
    EXPECT_EQ(spec.retry_on, (RetryOn{{1, 75}, {9}, true}));
    EXPECT_EQ(spec.retry_delay, Milliseconds{1500});
    EXPECT_EQ(spec.not_before, WallTime{Seconds{1'800'000'000}});
    EXPECT_EQ(spec.deadline, WallTime{Seconds{1'800'086'400}});
    EXPECT_EQ(spec.required_labels.at("arch"), "x86");
    EXPECT_EQ(spec.resources.at("gpu"), 2);
    EXPECT_EQ(spec.outputs, std::vector<std::string>{"*.log"});
    EXPECT_EQ(spec.files.at("in/a.txt"), spec.files.at("c")) << "the hash of abc";
    EXPECT_EQ(parsed.job->inline_files.at(spec.files.at("b")), std::string("\0\1", 2));
    EXPECT_EQ(parsed.job->inline_files.size(), 2u);
    EXPECT_EQ(parsed.job->after, (std::vector<SubmittedDependency>{{JobId{7}, "", DependencyCondition::ok},
                                                                   {JobId{8}, "", DependencyCondition::any},
                                                                   {{}, "x", DependencyCondition::failed}}));
}

TEST(SubmitFields, arrays_have_a_count_or_a_list) {
    auto counted = parse(R"("array":{"count":1000000,"max_fails":0})");
    ASSERT_TRUE(counted.job) << counted.problem->detail;
    EXPECT_EQ(counted.job->array, (SubmittedArray{1'000'000, 0, {}}));
    auto listed = parse(R"("array":[{"A":"1"},{}])");
    ASSERT_TRUE(listed.job) << listed.problem->detail;
    EXPECT_EQ(listed.job->array, (SubmittedArray{2, std::nullopt, {{{"A", "1"}}, {}}}));
}

TEST(SubmitFields, what_is_wrong_is_named) {
    struct Bad {
        std::string members;
        std::string pointer;
        int status = 400;
    };
    std::string many_tags = "\"tags\":[\"0\"";
    for (int i = 1; i < 21; ++i) many_tags += ",\"" + std::to_string(i) + "\"";
    const Bad table[] = {
        {R"("queue":"")", "/queue"},
        {R"("queue":"a b")", "/queue"},
        {R"("queue":1)", "/queue"},
        {R"("tags":"a")", "/tags"},
        {R"("tags":[1])", "/tags/0"},
        {R"("tags":["a","a"])", "/tags/1"},
        {R"("tags":[""])", "/tags/0"},
        {R"("tags":["a\nb"])", "/tags/0"},
        {many_tags + "]", "/tags"},
        {R"("retry_on":[])", "/retry_on"},
        {R"("retry_on":{"codes":[1]})", "/retry_on/codes"},
        {R"("retry_on":{"exit_codes":[0]})", "/retry_on/exit_codes/0"},
        {R"("retry_on":{"exit_codes":[1,256]})", "/retry_on/exit_codes/1"},
        {R"("retry_on":{"signals":[65]})", "/retry_on/signals/0"},
        {R"("retry_on":{"timeout":1})", "/retry_on/timeout"},
        {R"("retry_delay_s":0)", "/retry_delay_s"},
        {R"("retry_delay_s":86401)", "/retry_delay_s"},
        {R"("after":{})", "/after"},
        {R"("after":[7])", "/after/0"},
        {R"("after":[{}])", "/after/0"},
        {R"("after":[{"job":"7","name":"x"}])", "/after/0"},
        {R"("after":[{"job":"x"}])", "/after/0/job"},
        {R"("after":[{"job":0}])", "/after/0/job"},
        {R"("after":[{"job":"7"},{"job":7}])", "/after/1"},
        {R"("after":[{"job":"7","when":"done"}])", "/after/0/when"},
        {R"("after":[{"name":""}])", "/after/0/name"},
        {R"("after":[{"job":"7","who":1}])", "/after/0/who"},
        {R"("not_before":"tomorrow")", "/not_before"},
        {R"("deadline":1)", "/deadline"},
        {R"("not_before":"2027-01-15T08:00:00Z","deadline":"2027-01-15T08:00:00Z")", "/deadline"},
        {R"("requires":{"a b":"x"})", "/requires/a b"},
        {R"("requires":{"a":1})", "/requires/a"},
        {R"("resources":{"gpu":0})", "/resources/gpu"},
        {R"("resources":{"gpu":"1"})", "/resources/gpu"},
        {R"("resources":{"g p":1})", "/resources/g p"},
        {R"("array":3)", "/array"},
        {R"("array":[])", "/array"},
        {R"("array":{})", "/array/count"},
        {R"("array":{"count":0})", "/array/count"},
        {R"("array":{"count":1000001})", "/array/count", 422},
        {R"("array":{"count":3,"max_fails":-1})", "/array/max_fails"},
        {R"("array":{"count":3,"step":2})", "/array/step"},
        {R"("array":[1])", "/array/0"},
        {R"("array":[{"A":1}])", "/array/0/A"},
        {R"("array":[{"1A":"x"}])", "/array/0/1A"},
        {R"("files":[])", "/files"},
        {R"("files":{"":"x"})", "/files/"},
        {R"("files":{"/etc/passwd":"x"})", "/files/~1etc~1passwd"},
        {R"("files":{"a/../b":"x"})", "/files/a~1..~1b"},
        {R"("files":{"a//b":"x"})", "/files/a~1~1b"},
        {R"("files":{"code":"x"})", "/files/code"},
        {R"("files":{"data/x":"x"})", "/files/data~1x"},
        {R"("files":{"out":"x"})", "/files/out"},
        {R"("files":{".tmp/x":"x"})", "/files/.tmp~1x"},
        {R"("files":{"a":"x","a/b":"x"})", "/files/a~1b"},
        {R"("files":{"a":1})", "/files/a"},
        {R"("files":{"a":{}})", "/files/a"},
        {R"("files":{"a":{"sha256":"AB"}})", "/files/a/sha256"},
        {R"("files":{"a":{"base64":"A"}})", "/files/a/base64"},
        {R"("files":{"a":{"base64":"AAE=","sha256":"x"}})", "/files/a"},
        {R"("files":{"a":{"url":"x"}})", "/files/a/url"},
        {R"("outputs":"*.log")", "/outputs"},
        {R"("outputs":["../x"])", "/outputs/0"},
        {R"("outputs":[1])", "/outputs/0"},
        {R"("outputs":["ok/","/"])", "/outputs/1"},
        {R"("outputs":["a//"])", "/outputs/0"},
        {R"("image":"../debian")", "/image"},
        {R"("image":"a\u0007b")", "/image"},
        {R"("image":"a\u0085b")", "/image"},
        {R"("image":["debian"])", "/image"},
        {R"("datasets":"iris")", "/datasets"},
        {R"("datasets":["iris", ""])", "/datasets/1"},
        {R"("datasets":["iris", 1])", "/datasets/1"},
        {R"("datasets":["iris", "iris"])", "/datasets/1"},
        {R"("datasets":[".."])", "/datasets/0"},
        {R"("network":"half")", "/network"},
    };
    for (const auto& [members, pointer, status] : table) {
        const auto parsed = parse(members);
        ASSERT_TRUE(parsed.problem) << members;
        EXPECT_EQ(parsed.problem->status, status) << members;
        EXPECT_EQ(parsed.problem->errors.front().pointer, pointer) << members << ": " << parsed.problem->detail;
    }
}

// A batch of items without content: name, and the names it waits for.
using Wanted = std::vector<std::pair<std::string, std::vector<std::string>>>;
std::vector<OrProblem<SubmittedJob>> batch(const Wanted& wanted) {
    std::vector<OrProblem<SubmittedJob>> items;
    for (const auto& [name, after] : wanted) {
        SubmittedJob job;
        job.spec.name = name;
        for (const auto& on : after) job.after.push_back({{}, on, DependencyCondition::ok});
        items.emplace_back(std::move(job));
    }
    return items;
}

TEST(BatchNames, become_numbers_in_any_order) {
    auto items = batch({{"c", {"a", "b"}}, {"a", {}}, {"b", {"a"}}, {"", {}}});
    const auto indexes = resolve_names(items);
    for (const auto& item : items) EXPECT_TRUE(item.ok());
    EXPECT_EQ(indexes[0], (std::vector<std::optional<std::size_t>>{1, 2}));
    EXPECT_EQ(indexes[2], (std::vector<std::optional<std::size_t>>{1}));
}

TEST(BatchNames, unknown_ambiguous_and_own_names_are_refused) {
    auto items = batch({{"a", {"x"}}, {"b", {"twice"}}, {"twice", {}}, {"twice", {}}, {"c", {"c"}}, {"d", {"twice"}}});
    resolve_names(items);
    EXPECT_NE(items[0].error().detail.find("no item of this batch is named \"x\""), std::string::npos);
    EXPECT_EQ(items[0].error().errors[0].pointer, "/after/0");
    EXPECT_NE(items[1].error().detail.find("more than one item"), std::string::npos);
    EXPECT_TRUE(items[2].ok() && items[3].ok()) << "nobody is wrong to be called the same";
    EXPECT_NE(items[4].error().detail.find("itself"), std::string::npos);
    EXPECT_FALSE(items[5].ok());
}

TEST(BatchNames, a_circle_is_named_and_takes_what_waits_for_it_along) {
    auto items = batch({{"tail", {"b"}}, {"a", {"c"}}, {"b", {"a"}}, {"c", {"b"}}, {"free", {}}});
    resolve_names(items);
    for (const std::size_t i : {1u, 2u, 3u}) {
        ASSERT_FALSE(items[i].ok());
        EXPECT_NE(items[i].error().detail.find("goes round in a circle: "), std::string::npos);
        for (const char* name : {"\"a\" waits for \"c\"", "\"c\" waits for \"b\"", "\"b\" waits for \"a\""})
            EXPECT_NE((items[i].error().detail + " waits for").find(std::string(name).substr(0, 7)), std::string::npos);
    }
    EXPECT_FALSE(items[0].ok());
    EXPECT_TRUE(items[4].ok());
}

TEST(BatchNames, what_waits_for_a_bad_item_is_bad_however_far_behind) {
    auto items = batch({{"a", {"nobody"}}, {"b", {"a"}}, {"c", {"b"}}, {"d", {}}});
    resolve_names(items);
    EXPECT_FALSE(items[1].ok());
    EXPECT_FALSE(items[2].ok());
    EXPECT_NE(items[2].error().detail.find("waits for item 1"), std::string::npos);
    EXPECT_TRUE(items[3].ok());
}

TEST(BatchNames, a_chain_of_twenty_thousand_is_no_recursion_and_a_circle_of_them_is_found) {
    Wanted wanted;
    for (int i = 0; i < 20'000; ++i) {
        wanted.emplace_back(std::to_string(i), std::vector<std::string>{});
        if (i > 0) wanted.back().second.push_back(std::to_string(i - 1));
    }
    auto chain = batch(wanted);
    resolve_names(chain);
    EXPECT_TRUE(chain.back().ok());
    wanted.front().second.push_back("19999");
    auto circle = batch(wanted);
    resolve_names(circle);
    EXPECT_FALSE(circle[10'000].ok());
    EXPECT_LT(circle[10'000].error().detail.size(), 1000u);
}

TEST(ScheduleFields, cron_lines_and_zones_are_looked_at) {
    for (const char* line : {"0 3 * * *", "*/5 0-6,12 1 JAN mon-fri", "@daily"}) EXPECT_EQ(fault_of_cron(line), "");
    for (const char* line : {"", "* * * *", "* * * * * *", "@never", "0 3 * * $(x)", "60 3 * * *", "0 3 31 2 *"})
        EXPECT_NE(fault_of_cron(line), "") << line;
    EXPECT_EQ(fault_of_time_zone("UTC"), "");
    for (const char* name : {"", "Nowhere/City", "/etc/passwd", "../../etc/passwd", "Europe/"})
        EXPECT_NE(fault_of_time_zone(name), "") << name;
}

TEST(ScheduleFields, a_plan_shows_its_next_three_moments_and_none_while_it_is_paused) {
    ScheduleView schedule;
    schedule.cron = "30 4 1 1 *";
    schedule.time_zone = "Europe/Berlin";
    std::vector<std::string> shown;
    for (const WallTime at : next_runs(schedule, WallTime{})) shown.push_back(time_text(at));
    EXPECT_EQ(shown, (std::vector<std::string>{"1970-01-01T03:30:00.000Z", "1971-01-01T03:30:00.000Z",
                                               "1972-01-01T03:30:00.000Z"}));
    schedule.paused = true;
    EXPECT_TRUE(next_runs(schedule, WallTime{}).empty());
}

}  // namespace
}  // namespace windlass::api
