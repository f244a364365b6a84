// /v1/course, /v1/job, /v1/class, /v1/teacher: who makes courses, who sees them, what a launch is.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

class Courses : public ApiTest {
  protected:
    Courses() {
        execute("insert into worker (id, name, first_seen_us) values (1, 'node', 0)");
        execute("insert into site_offer (worker, kind, name, digest) values (1, 1, 'Übung', 'x')");
        execute("insert into site_offer (worker, kind, name, digest) values (1, 2, 'Maße', '')");
        execute("insert into site_offer (worker, kind, name, digest) values (1, 2, 'mnist', '')");
        EXPECT_EQ(send("PUT", "/v1/teacher/teacher/", "", boss.token).status, 200);
    }

    static constexpr const char* whole =
        R"({"course_name":"Statistik für alle ∑","image":"Übung","dataset":["Maße","mnist"],"description":"# Woche 1\n*los*",)"
        R"("level":"basic","gpu":1,"command":"exec serve","port":8888,"check_path":"/health"})";

    std::int64_t make_course(const std::string& body = whole) {
        const auto answer = send("POST", "/v1/course/teacher", body, teacher.token);
        EXPECT_EQ(answer.status, 200) << answer.body;
        return answer.status == 200 ? answer.json()["course_id"].GetInt64() : 0;
    }
    std::int64_t make_class(std::int64_t course) {
        const auto answer = send("POST", "/v1/class/", R"({"name":"Jahrgang Ä"})", teacher.token);
        EXPECT_EQ(answer.status, 200) << answer.body;
        const auto id = answer.json()["class_id"].GetInt64();
        EXPECT_EQ(send("PUT", fmt::format("/v1/class/{}/course/{}/", id, course), "", teacher.token).status, 200);
        EXPECT_EQ(send("PUT", fmt::format("/v1/class/{}/member/student", id), "", teacher.token).status, 200);
        return id;
    }
    Answer launch(std::int64_t course, const Account& account, const std::string& name) {
        return send("POST", "/v1/course/" + name, fmt::format(R"({{"course_id":{}}})", course), account.token);
    }
    // What the scheduler records when the worker of a running job says so.
    void make_ready(JobId job, const std::string& address) {
        execute(
            fmt::format("insert into job_event (job, seq, at_us, move, state, attempt, worker, detail) values "
                        "({}, 50, 0, 12, 3, 1, 1, '{}')",
                        job.value, address));
    }
    void expect_envelope(const Answer& answer, int status) {
        EXPECT_EQ(answer.status, status) << answer.body;
        const auto json = answer.json();
        ASSERT_TRUE(json.IsObject());
        EXPECT_TRUE(json["error"].IsTrue()) << answer.body;
        EXPECT_TRUE(json["message"].IsString()) << answer.body;
    }

    Account boss = make_account("boss", Role::admin);
    Account teacher = make_account("teacher");
    Account student = make_account("student");
    Account stranger = make_account("stranger");
};

TEST_F(Courses, nobody_teaches_who_was_not_made_a_teacher) {
    expect_envelope(send("POST", "/v1/course/student", whole, student.token), 403);
    expect_envelope(send("POST", "/v1/class/", R"({"name":"k"})", student.token), 403);
    expect_envelope(send("PUT", "/v1/teacher/student/", "", teacher.token), 403);
    EXPECT_EQ(send("PUT", "/v1/teacher/student/", "", boss.token).status, 200);
    EXPECT_EQ(send("GET", "/v1/teacher/", "", boss.token).body, R"({"error":false,"teachers":["student","teacher"]})");
    EXPECT_EQ(send("POST", "/v1/course/student", whole, student.token).status, 200);
    EXPECT_EQ(send("DELETE", "/v1/teacher/student/", "", boss.token).status, 200);
    expect_envelope(send("POST", "/v1/course/student", whole, student.token), 403);
    expect_envelope(send("PUT", "/v1/teacher/nobody/", "", boss.token), 404);
    EXPECT_EQ(send("POST", "/v1/course/boss", whole, boss.token).status, 200);
}

TEST_F(Courses, a_course_is_made_listed_shown_and_deleted_with_any_unicode_text) {
    const auto created = send("POST", "/v1/course/teacher", whole, teacher.token);
    const auto id = created.json()["course_id"].GetInt64();
    EXPECT_EQ(created.body,
              fmt::format(R"({{"error":false,"message":"course {0} is create successfully","course_id":{0}}})", id));
    EXPECT_EQ(get("/v1/course/teacher", teacher.token).body,
              fmt::format(R"({{"error":false,"courses":[{{"course_id":{},"course_name":"Statistik für alle ∑",)"
                          R"("image":"Übung","dataset":["Maße","mnist"]}}]}})",
                          id));
    const auto shown = get(fmt::format("/v1/course/teacher/{}", id), teacher.token).json();
    EXPECT_STREQ(shown["course"]["description"].GetString(), "# Woche 1\n*los*");
    EXPECT_STREQ(shown["course"]["level"].GetString(), "basic");
    EXPECT_EQ(shown["course"]["gpu"].GetInt(), 1);
    EXPECT_EQ(shown["course"]["port"].GetInt(), 8888);
    EXPECT_EQ(send("DELETE", fmt::format("/v1/course/teacher/{}", id), "", teacher.token).body,
              R"({"error":false,"message":"course Statistik für alle ∑ delete successfully"})");
    EXPECT_EQ(get("/v1/course/teacher", teacher.token).body, R"({"error":false,"courses":[]})");
    expect_envelope(send("DELETE", fmt::format("/v1/course/teacher/{}", id), "", teacher.token), 404);
}

TEST_F(Courses, a_body_that_is_wrong_is_a_400_that_names_it) {
    for (const auto& [body, part] : std::vector<std::pair<std::string, std::string>>{
             {"{}", "course_name"},
             {R"({"course_name":"a","course_id":1,"image":"Übung"})", "course_id"},
             {R"({"course_name":"a"})", "image"},
             {R"({"course_name":" ","image":"Übung"})", "course_name"},
             {R"({"course_name":"a","image":"none"})", "none"},
             {R"({"course_name":"a","image":"Übung","dataset":["mnist","gone"]})", "gone"},
             {R"({"course_name":"a","image":"Übung","dataset":["mnist","mnist"]})", "dataset"},
             {R"({"course_name":"a","image":"Übung","dataset":"mnist"})", "dataset"},
             {R"({"course_name":"a","image":"Übung","gpu":-1})", "gpu"},
             {R"({"course_name":"a","image":"Übung","port":0})", "port"},
             {R"({"course_name":"a","image":"Übung","check_path":"x y"})", "check_path"},
             {R"({"course_name":"a","image":"Übung","colour":"red"})", "colour"},
             {R"({"course_id":"7"})", "course_id"},
             {"[]", ""},
             {"{", ""}}) {
        const auto answer = send("POST", "/v1/course/teacher", body, teacher.token);
        expect_envelope(answer, 400);
        EXPECT_NE(answer.body.find(part), std::string::npos) << body << " -> " << answer.body;
    }
    EXPECT_EQ(get("/v1/course/teacher", teacher.token).body, R"({"error":false,"courses":[]})");
}

TEST_F(Courses, students_see_what_was_given_to_their_class_and_nothing_else) {
    const auto id = make_course();
    EXPECT_EQ(get("/v1/course/student", student.token).body, R"({"error":false,"courses":[]})");
    expect_envelope(launch(id, student, "student"), 404);
    const auto k = make_class(id);
    EXPECT_EQ(get("/v1/course/student", student.token).json()["courses"].Size(), 1U);
    EXPECT_EQ(get("/v1/course/stranger", stranger.token).json()["courses"].Size(), 0U);
    expect_envelope(get("/v1/course/student", stranger.token), 403);
    expect_envelope(get("/v1/course/nobody", stranger.token), 403);
    expect_envelope(get(fmt::format("/v1/course/stranger/{}", id), stranger.token), 404);
    expect_envelope(send("DELETE", fmt::format("/v1/course/student/{}", id), "", student.token), 403);
    EXPECT_EQ(get("/v1/course/student", boss.token).json()["courses"].Size(), 1U);
    expect_envelope(get("/v1/course/nobody", boss.token), 404);
    EXPECT_EQ(get(fmt::format("/v1/class/{}/member/", k), teacher.token).body,
              R"({"error":false,"members":["student"]})");
    expect_envelope(get(fmt::format("/v1/class/{}/member/", k), student.token), 404);
    EXPECT_EQ(get("/v1/class/", student.token).json()["classes"][0]["own"].GetBool(), false);
    EXPECT_EQ(send("DELETE", fmt::format("/v1/class/{}/member/student", k), "", teacher.token).status, 200);
    EXPECT_EQ(get("/v1/course/student", student.token).json()["courses"].Size(), 0U);
    EXPECT_EQ(send("PUT", fmt::format("/v1/class/{}/member/student", k), "", teacher.token).status, 200);
    EXPECT_EQ(send("DELETE", fmt::format("/v1/class/{}/course/{}", k, id), "", teacher.token).status, 200);
    EXPECT_EQ(get("/v1/course/student", student.token).json()["courses"].Size(), 0U);
    EXPECT_EQ(send("DELETE", fmt::format("/v1/class/{}/", k), "", teacher.token).status, 200);
    expect_envelope(send("DELETE", fmt::format("/v1/class/{}/", k), "", teacher.token), 404);
}

TEST_F(Courses, a_launch_is_a_job_whose_limits_the_student_did_not_choose) {
    const auto id = make_course();
    make_class(id);
    const auto launched = launch(id, student, "student");
    ASSERT_EQ(launched.status, 200) << launched.body;
    const JobId job{launched.json()["job_id"].GetInt64()};
    EXPECT_EQ(std::string(launched.json()["message"].GetString()),
              "Launch deployment Statistik für alle ∑-1 successfully");
    ASSERT_EQ(scheduler_->submits.size(), 1U);
    const auto& sent = scheduler_->submits.front();
    EXPECT_EQ(sent.owner, student.id);
    const JobSpec& spec = sent.jobs.front().spec;
    EXPECT_EQ(spec.image, "Übung");
    EXPECT_EQ(spec.running_commands, "exec serve");
    ASSERT_TRUE(spec.service.has_value());
    EXPECT_EQ(spec.service->port, 8888);
    EXPECT_EQ(spec.service->check_path, "/health");
    EXPECT_EQ(spec.service->idle, Seconds{config_.api.course_idle_s});
    EXPECT_EQ(spec.deadline, clock_.now().wall + Seconds{config_.api.course_life_s});
    EXPECT_EQ(spec.resources.at("gpu"), 1);
    EXPECT_EQ(spec.limits.memory_bytes, config_.api.course_memory_bytes);
    EXPECT_EQ(spec.network, Network::none);
    EXPECT_NE(get("/api/jobs/", student.token).body.find(job.text()), std::string::npos);

    const auto status = [&] {
        const auto jobs = get("/v1/job/student", student.token).json();
        return jobs["jobs"].Size() == 1 ? std::string(jobs["jobs"][0]["status"].GetString()) : "none";
    };
    EXPECT_EQ(status(), "Created");
    scheduler_->start(job);
    EXPECT_EQ(status(), "Pending");
    make_ready(job, "unix:/nowhere");
    EXPECT_EQ(status(), "Ready");
    const auto jobs = get("/v1/job/student", student.token).json();
    EXPECT_EQ(jobs["jobs"][0]["job_id"].GetInt64(), job.value);
    EXPECT_EQ(std::string(jobs["jobs"][0]["dataset"][1].GetString()), "mnist");
    EXPECT_TRUE(std::string(jobs["jobs"][0]["address"].GetString()).ends_with("/v1/service/" + job.text() + "/"));
    EXPECT_EQ(get("/api/jobs/" + job.text() + "/events/", student.token).body.find("nowhere"), std::string::npos);
    expect_envelope(get("/v1/job/student", stranger.token), 403);
}

TEST_F(Courses, what_is_for_some_only_is_so_in_a_course_too) {
    const auto allow = [this](const std::string& dataset, const std::string& entry) {
        EXPECT_EQ(send("PUT", "/api/environments/datasets/" + dataset + "/",
                       fmt::format(R"({{"visible_to":["{}"]}})", entry), boss.token)
                      .status,
                  200);
    };
    allow("mnist", "user:student");
    const auto hidden = send("POST", "/v1/course/teacher", whole, teacher.token);
    expect_envelope(hidden, 400);
    EXPECT_NE(hidden.body.find("mnist"), std::string::npos) << hidden.body;
    allow("mnist", "user:teacher");
    const auto id = make_course();
    const auto k = make_class(id);
    const auto refused = launch(id, student, "student");
    expect_envelope(refused, 403);
    EXPECT_NE(refused.body.find("mnist"), std::string::npos) << refused.body;
    EXPECT_TRUE(scheduler_->submits.empty());
    allow("mnist", fmt::format("class:{}", k));
    EXPECT_EQ(launch(id, student, "student").status, 200) << "the refused launch took no place";
    EXPECT_EQ(launch(id, teacher, "teacher").status, 200) << "whose class it is";
}

TEST_F(Courses, one_deployment_of_a_course_runs_for_a_user_at_a_time) {
    const auto id = make_course();
    make_class(id);
    const JobId job{launch(id, student, "student").json()["job_id"].GetInt64()};
    expect_envelope(launch(id, student, "student"), 409);
    expect_envelope(
        send("POST", "/v1/job/launch", fmt::format(R"({{"user":"student","course_id":{}}})", id), student.token), 409);
    EXPECT_EQ(launch(id, teacher, "teacher").status, 200);
    expect_envelope(send("DELETE", "/v1/job/teacher/" + job.text(), "", teacher.token), 404);
    expect_envelope(send("DELETE", "/v1/job/student/" + job.text(), "", stranger.token), 403);
    EXPECT_EQ(send("DELETE", "/v1/job/student/" + job.text(), "", student.token).body,
              fmt::format(R"({{"error":false,"message":"job {} delete successfully"}})", job.value));
    EXPECT_EQ(scheduler_->cancels.back().jobs, std::vector{job});
    EXPECT_EQ(get("/v1/job/student", student.token).body, R"({"error":false,"jobs":[]})");
    const auto again =
        send("POST", "/v1/job/launch", fmt::format(R"({{"user":"student","course_id":{}}})", id), student.token);
    EXPECT_EQ(again.status, 200) << again.body;
    EXPECT_NE(again.json()["job_id"].GetInt64(), job.value);
}

TEST_F(Courses, a_launch_whose_answer_was_lost_is_taken_up_and_not_made_twice) {
    const auto id = make_course();
    make_class(id);
    const auto first = launch(id, student, "student").json()["job_id"].GetInt64();
    execute("update course_deployment set job = null");  // the api died before it had noted the job
    EXPECT_EQ(get("/v1/job/student", student.token).body, R"({"error":false,"jobs":[]})");
    EXPECT_EQ(launch(id, student, "student").json()["job_id"].GetInt64(), first);
    EXPECT_EQ(get("/v1/job/student", student.token).json()["jobs"].Size(), 1U);
}

TEST_F(Courses, a_place_is_free_again_when_the_scheduler_refused_or_was_away) {
    const auto id = make_course();
    make_class(id);
    scheduler_->away = true;
    expect_envelope(launch(id, student, "student"), 503);
    scheduler_->away = false;
    scheduler_->refusal = protocol::SubmitRefused{{}, protocol::SubmitRefused::Why::queued_quota, "too many", 1000};
    expect_envelope(launch(id, student, "student"), 429);
    scheduler_->refusal.reset();
    EXPECT_EQ(launch(id, student, "student").status, 200);
}

TEST_F(Courses, more_than_one_deployment_where_the_site_says_so) {
    config_.api.course_deployments = 2;
    const auto id = make_course();
    make_class(id);
    EXPECT_EQ(launch(id, student, "student").status, 200);
    EXPECT_EQ(launch(id, student, "student").status, 200);
    expect_envelope(launch(id, student, "student"), 409);
    EXPECT_EQ(get("/v1/job/student", student.token).json()["jobs"].Size(), 2U);
}

TEST_F(Courses, deleting_a_course_ends_its_deployments_first) {
    const auto id = make_course();
    make_class(id);
    const JobId job{launch(id, student, "student").json()["job_id"].GetInt64()};
    scheduler_->away = true;
    expect_envelope(send("DELETE", fmt::format("/v1/course/teacher/{}", id), "", teacher.token), 503);
    scheduler_->away = false;
    EXPECT_EQ(get("/v1/course/teacher", teacher.token).json()["courses"].Size(), 1U);
    EXPECT_EQ(send("DELETE", fmt::format("/v1/course/teacher/{}", id), "", teacher.token).status, 200);
    EXPECT_EQ(scheduler_->cancels.back().jobs, std::vector{job});
    EXPECT_EQ(get("/v1/job/student", student.token).body, R"({"error":false,"jobs":[]})");
    expect_envelope(launch(id, student, "student"), 404);
}

TEST_F(Courses, an_idempotency_key_makes_a_course_and_a_launch_once) {
    const Headers key = {{"Idempotency-Key", "k1"}};
    const auto first = send("POST", "/v1/course/teacher", whole, teacher.token, key);
    const auto again = send("POST", "/v1/course/teacher", whole, teacher.token, key);
    EXPECT_EQ(first.body, again.body);
    const auto id = first.json()["course_id"].GetInt64();
    const std::string body = fmt::format(R"({{"course_id":{}}})", id);
    const Headers other = {{"Idempotency-Key", "k2"}};
    const auto launched = send("POST", "/v1/course/teacher", body, teacher.token, other);
    EXPECT_EQ(launched.status, 200) << launched.body;
    EXPECT_EQ(send("POST", "/v1/course/teacher", body, teacher.token, other).body, launched.body);
}

}  // namespace
}  // namespace windlass::api::test
