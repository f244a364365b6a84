// /api/schedules/, row by row.
#include <gtest/gtest.h>

#include "api_fixture.h"
#include "shared/digest.h"

namespace windlass::api::test {
namespace {

const std::string job = R"({"code":"c","data":"","running_commands":"true","tags":["t"],"files":{"a":"abc"}})";

class Schedules : public ApiTest {
  protected:
    std::string body(const std::string& members = "") {
        return R"({"name":"nightly","cron":"0 3 * * *","job":)" + job + members + "}";
    }
    Answer create(const std::string& text, const Account& as) {
        return send("POST", "/api/schedules/", text, as.token);
    }
    Account ada = make_account("ada");
    Account bob = make_account("bob");
    Account boss = make_account("boss", Role::admin);
};

TEST_F(Schedules, one_is_made_shown_and_told) {
    const auto made = create(body(R"(,"time_zone":"UTC","overlap":"queue","missed":"once")"), ada);
    ASSERT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(made.header("Location"), "/api/schedules/" + made.id() + "/");
    EXPECT_EQ(scheduler_->schedule_changes, 1u);
    const auto shown = get("/api/schedules/" + made.id() + "/", ada.token);
    EXPECT_EQ(shown.body, made.body);
    const auto json = shown.json();
    EXPECT_STREQ(json["name"].GetString(), "nightly");
    EXPECT_STREQ(json["overlap"].GetString(), "queue");
    EXPECT_STREQ(json["missed"].GetString(), "once");
    EXPECT_FALSE(json["paused"].GetBool());
    EXPECT_TRUE(json["last_job"].IsNull());
    EXPECT_STREQ(json["job"]["running_commands"].GetString(), "true") << "as it was sent";
    EXPECT_EQ(get("/api/blobs/" + sha256_hex("abc") + "/", ada.token).body, "abc") << "its files are kept";
}

TEST_F(Schedules, environments_are_shown_with_the_one_schedule_and_neither_listed_nor_kept_with_an_answer) {
    const std::string members = R"("code":"","data":"","running_commands":"true",)";
    for (const std::string secret :
         {R"("env":{"PASSWORD":"canary-4411"})", R"("array":[{"PASSWORD":"canary-4411"}])"}) {
        const auto text = R"({"name":"n","cron":"@daily","job":{)" + members + secret + "}}";
        const auto made = send("POST", "/api/schedules/", text, ada.token);
        ASSERT_EQ(made.status, 201) << made.body;
        EXPECT_EQ(made.body.find("canary"), std::string::npos);
        EXPECT_NE(get("/api/schedules/" + made.id() + "/", ada.token).body.find("canary-4411"), std::string::npos);
    }
    for (const auto& who : {ada, boss}) {
        const auto listed = get("/api/schedules/", who.token);
        EXPECT_EQ(listed.json().Size(), 2u);
        EXPECT_EQ(listed.body.find("canary"), std::string::npos) << listed.body;
    }
}

TEST_F(Schedules, what_is_stored_is_what_a_scheduler_can_read) {
    create(body(), ada);
    const auto rows = schedules_->page({}, 0, 10);
    ASSERT_TRUE(rows && rows->size() == 1);
    EXPECT_EQ(rows->front().planned, clock_.now().wall) << "from now on";
    const auto stored = parse_json(rows->front().job);
    ASSERT_TRUE(stored);
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    (*stored)["item"].Accept(json);
    const auto item = protocol::decode_item(text_of(buffer));
    ASSERT_TRUE(item) << item.error().message;
    EXPECT_EQ(item->spec.running_commands, "true");
    EXPECT_EQ(item->spec.files.at("a"), sha256_hex("abc"));
    EXPECT_EQ(item->code_size, 1);
}

TEST_F(Schedules, other_peoples_are_not_there) {
    const auto path = "/api/schedules/" + create(body(), ada).id() + "/";
    for (const char* method : {"GET", "DELETE"}) EXPECT_EQ(send(method, path, {}, bob.token).status, 404);
    EXPECT_EQ(send("PATCH", path, "{}", bob.token).status, 404);
    for (const char* verb : {"pause/", "resume/", "run/"})
        EXPECT_EQ(send("POST", path + verb, {}, bob.token).status, 404);
    EXPECT_EQ(get("/api/schedules/", bob.token).body, "[]");
    EXPECT_EQ(get("/api/schedules/", ada.token).json().Size(), 1u);
    EXPECT_EQ(get("/api/schedules/", boss.token).json().Size(), 1u);
    EXPECT_EQ(get("/api/schedules/99/", ada.token).status, 404);
    EXPECT_EQ(get("/api/schedules/x/", ada.token).status, 404);
}

TEST_F(Schedules, one_is_changed_paused_resumed_and_deleted) {
    const auto path = "/api/schedules/" + create(body(), ada).id() + "/";
    clock_.advance(Seconds{100});
    EXPECT_STREQ(send("PATCH", path, R"({"name":"weekly","missed":"all"})", ada.token).json()["name"].GetString(),
                 "weekly");
    EXPECT_LT(schedules_->page({}, 0, 1)->front().planned, clock_.now().wall) << "the plan is the same";
    EXPECT_EQ(send("PATCH", path, R"({"cron":"@weekly"})", ada.token).status, 200);
    EXPECT_EQ(schedules_->page({}, 0, 1)->front().planned, clock_.now().wall) << "a new plan begins now";
    EXPECT_TRUE(send("POST", path + "pause/", {}, ada.token).json()["paused"].GetBool());
    clock_.advance(Seconds{100});
    EXPECT_FALSE(send("POST", path + "resume/", {}, boss.token).json()["paused"].GetBool());
    EXPECT_EQ(schedules_->page({}, 0, 1)->front().planned, clock_.now().wall) << "a pause misses nothing";
    EXPECT_EQ(send("PATCH", path, R"({"job":{"code":""}})", ada.token).status, 400);
    EXPECT_EQ(send("DELETE", path, {}, ada.token).status, 204);
    EXPECT_EQ(get(path, ada.token).status, 404);
    EXPECT_EQ(scheduler_->schedule_changes, 6u);
}

TEST_F(Schedules, running_one_now_is_an_ordinary_job) {
    const auto path = "/api/schedules/" + create(body(), ada).id() + "/";
    const auto ran = send("POST", path + "run/", {}, boss.token);
    ASSERT_EQ(ran.status, 200) << ran.body;
    EXPECT_EQ(scheduler_->submits.back().owner, ada.id);
    EXPECT_EQ(scheduler_->submits.back().jobs[0].spec.tags, std::vector<std::string>{"t"});
    EXPECT_EQ(get(path, ada.token).json()["last_job"].GetString(), ran.id());
}

TEST_F(Schedules, one_is_made_once_with_a_key) {
    const auto post = [&](const std::string& text) {
        return send("POST", "/api/schedules/", text, ada.token, {{"Idempotency-Key", "k"}});
    };
    const auto first = post(body()), again = post(body());
    EXPECT_EQ(first.status, 201);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
    EXPECT_EQ(post(body(R"(,"overlap":"skip")")).status, 422);
    EXPECT_EQ(get("/api/schedules/", ada.token).json().Size(), 1u);
}

TEST_F(Schedules, without_a_scheduler_they_are_stored_all_the_same) {
    scheduler_->away = true;
    EXPECT_EQ(create(body(), ada).status, 201);
}

TEST_F(Schedules, what_is_wrong_is_named) {
    struct Bad {
        std::string body;
        std::string pointer;
        int status = 400;
    };
    const auto with_job = [](const std::string& text) { return R"({"name":"n","cron":"@daily","job":)" + text + "}"; };
    const std::string three = R"({"code":"","data":"","running_commands":"x",)";
    for (const auto& [text, pointer, status] :
         {Bad{"{}", "/name"}, Bad{R"({"name":"n","cron":"@daily"})", "/job"}, Bad{R"({"name":"n","job":{}})", "/cron"},
          Bad{body(R"(,"cron2":1)"), "/cron2"}, Bad{body(R"(,"overlap":"maybe")"), "/overlap"},
          Bad{body(R"(,"missed":1)"), "/missed"}, Bad{body(R"(,"time_zone":"Mars/Base")"), "/time_zone"},
          Bad{body(R"(,"paused":1)"), "/paused"}, Bad{R"({"name":"","cron":"@daily","job":{}})", "/name"},
          Bad{R"({"name":"n","cron":"* *","job":{}})", "/cron"}, Bad{with_job("7"), "/job"},
          Bad{with_job("{}"), "/job/code"}, Bad{with_job(three + R"("tags":[1]})"), "/job/tags/0"},
          Bad{with_job(three + R"("after":[{"job":7}]})"), "/job/after"},
          Bad{with_job(three + R"("not_before":"2030-01-01T00:00:00Z"})"), "/job/not_before"},
          Bad{with_job(three + R"("deadline":"2030-01-01T00:00:00Z"})"), "/job/deadline"},
          Bad{with_job(three + R"("files":{"a":{"sha256":")" + sha256_hex("x") + R"("}}})"), "/job/files/a/sha256",
              422}}) {
        const auto answer = create(text, ada);
        EXPECT_EQ(answer.status, status) << text;
        EXPECT_STREQ(answer.json()["errors"][0]["pointer"].GetString(), pointer.c_str()) << text;
    }
}

}  // namespace
}  // namespace windlass::api::test
