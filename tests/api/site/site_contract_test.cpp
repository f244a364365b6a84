// Images and data sets of the site over HTTP: who sees which, and which submits name what cannot be used.
#include <gtest/gtest.h>

#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

class Site : public ApiTest {
  protected:
    // As the scheduler writes it when a worker connects.
    void offer(int worker, int kind, const std::string& name, const std::string& digest) {
        auto session = pool_->lease();
        ASSERT_TRUE(session.ok());
        ASSERT_TRUE(
            (*session)
                ->execute("insert into worker (id, name, first_seen_us) values (:id, :name, 0) on conflict (id) "
                          "do nothing",
                          worker, "node-" + std::to_string(worker))
                .ok());
        ASSERT_TRUE((*session)
                        ->execute("insert into site_offer (worker, kind, name, digest) values (:w, :k, :n, :d)", worker,
                                  kind, name, digest)
                        .ok());
    }
    Answer submit_with(const std::string& members, const std::string& token) {
        return send("POST", "/api/jobs/submit/", R"({"code":"","data":"","running_commands":"true",)" + members + "}",
                    token);
    }
    Answer allow(const std::string& path, const std::string& body) {
        return send("PUT", "/api/environments/" + path + "/", body, boss.token);
    }
    Account ada = make_account("Ada");
    Account bob = make_account("bob");
    Account boss = make_account("boss", Roles(Role::admin) | Roles(Role::user));
};

TEST_F(Site, lists_what_workers_have_or_an_admin_declared) {
    EXPECT_EQ(get("/v1/images/", ada.token).body, R"({"error":false,"images":[]})");
    offer(1, 1, "Übung 3", "sha256:aa");
    offer(2, 1, "Übung 3", "sha256:bb");
    offer(1, 2, "Löhne 2026", "");
    EXPECT_EQ(allow("images/planned", R"({"label":"Coming soon"})").status, 200);
    EXPECT_EQ(
        get("/v1/images/", ada.token).body,
        R"({"error":false,"images":[{"label":"Coming soon","value":"planned"},{"label":"Übung 3","value":"Übung 3"}]})");
    EXPECT_EQ(get("/v1/datasets", ada.token).body,
              R"({"error":false,"datasets":[{"label":"Löhne 2026","value":"Löhne 2026"}]})");
    EXPECT_EQ(
        get("/api/environments/", boss.token).body,
        R"([{"kind":"image","name":"planned","label":"Coming soon","declared":true,"visible_to":[],"workers":[]},)"
        R"({"kind":"image","name":"Übung 3","label":"","declared":false,"visible_to":[],)"
        R"("workers":[{"name":"node-1","digest":"sha256:aa"},{"name":"node-2","digest":"sha256:bb"}]},)"
        R"({"kind":"dataset","name":"Löhne 2026","label":"","declared":false,"visible_to":[],"workers":[{"name":"node-1"}]}])");
    const auto nobody = get("/v1/images/", "");
    EXPECT_EQ(nobody.status, 401);
    EXPECT_TRUE(nobody.json()["error"].GetBool());
    EXPECT_EQ(get("/api/environments/", ada.token).status, 403);
}

TEST_F(Site, a_submit_that_names_what_nobody_knows_is_refused_and_changes_nothing) {
    offer(1, 1, "tiny", "sha256:aa");
    offer(1, 2, "iris", "");
    const auto image = submit_with(R"("image":"huge")", ada.token);
    EXPECT_EQ(image.status, 422);
    EXPECT_STREQ(image.json()["errors"][0]["pointer"].GetString(), "/image");
    EXPECT_STREQ(image.json()["errors"][0]["detail"].GetString(), "there is no image \"huge\" here");
    const auto dataset = submit_with(R"("image":"tiny","datasets":["iris","wages"])", ada.token);
    EXPECT_EQ(dataset.status, 422);
    EXPECT_STREQ(dataset.json()["errors"][0]["pointer"].GetString(), "/datasets/1");
    EXPECT_EQ(submit_with(R"("image":"iris")", ada.token).status, 422) << "a data set is no image";
    EXPECT_TRUE(scheduler_->submits.empty());

    const auto good = submit_with(R"("image":"tiny","datasets":["iris"])", ada.token);
    ASSERT_EQ(good.status, 200) << good.body;
    const auto& spec = scheduler_->submits.at(0).jobs.at(0).spec;
    EXPECT_EQ(spec.image, "tiny");
    EXPECT_EQ(spec.datasets, std::vector<std::string>{"iris"});
    const auto shown = get("/api/jobs/" + std::string(good.json()["id"].GetString()) + "/", ada.token).json();
    EXPECT_STREQ(shown["image"].GetString(), "tiny");
    EXPECT_STREQ(shown["datasets"][0].GetString(), "iris");
}

TEST_F(Site, what_is_not_for_somebody_is_unknown_to_him) {
    offer(1, 1, "tiny", "sha256:aa");
    offer(1, 2, "wages", "");
    EXPECT_EQ(allow("images/tiny", R"({"visible_to":["user:ADA"]})").status, 200);
    EXPECT_EQ(allow("datasets/wages", R"({"visible_to":["tier:Gold","role:job-control"]})").status, 200);
    EXPECT_EQ(get("/v1/images/", ada.token).json()["images"].Size(), 1u);
    EXPECT_EQ(get("/v1/images/", bob.token).json()["images"].Size(), 0u);
    EXPECT_EQ(get("/v1/datasets/", ada.token).json()["datasets"].Size(), 0u);
    EXPECT_EQ(get("/v1/datasets/", boss.token).json()["datasets"].Size(), 1u);
    const auto hidden = submit_with(R"("image":"tiny")", bob.token);
    auto unknown = submit_with(R"("image":"none")", bob.token);
    EXPECT_EQ(hidden.status, 422);
    const auto at = unknown.body.find("none");
    ASSERT_NE(at, std::string::npos);
    EXPECT_STREQ(hidden.json()["errors"][0]["detail"].GetString(), "there is no image \"tiny\" here");
    EXPECT_EQ(submit_with(R"("image":"tiny")", ada.token).status, 200);
    EXPECT_EQ(submit_with(R"("datasets":["wages"])", ada.token).status, 422);
    EXPECT_EQ(submit_with(R"("datasets":["wages"])", boss.token).status, 200);

    EXPECT_EQ(send("DELETE", "/api/environments/images/tiny/", {}, boss.token).status, 204);
    EXPECT_EQ(submit_with(R"("image":"tiny")", bob.token).status, 200) << "everybody, as a worker has it";
    EXPECT_EQ(send("DELETE", "/api/environments/images/tiny/", {}, boss.token).status, 404);
}

TEST_F(Site, what_is_for_a_class_is_for_its_teacher_and_its_members) {
    offer(1, 2, "wages", "");
    EXPECT_EQ(send("PUT", "/v1/teacher/Ada/", "", boss.token).status, 200);
    const auto id =
        std::to_string(send("POST", "/v1/class/", R"({"name":"k"})", ada.token).json()["class_id"].GetInt64());
    EXPECT_EQ(allow("datasets/wages", R"({"visible_to":["class:)" + id + R"("]})").status, 200);
    const auto sees = [this](const Account& who) {
        const auto listed = get("/v1/datasets/", who.token).json()["datasets"].Size();
        const auto status = submit_with(R"("datasets":["wages"])", who.token).status;
        EXPECT_EQ(status, listed == 1 ? 200 : 422);
        return listed == 1;
    };
    EXPECT_TRUE(sees(ada));
    EXPECT_FALSE(sees(bob));
    EXPECT_TRUE(sees(boss));
    EXPECT_EQ(send("PUT", "/v1/class/" + id + "/member/bob/", "", ada.token).status, 200);
    EXPECT_TRUE(sees(bob));
    EXPECT_EQ(send("DELETE", "/v1/class/" + id + "/member/bob/", "", ada.token).status, 200);
    EXPECT_FALSE(sees(bob));
    EXPECT_EQ(send("DELETE", "/v1/class/" + id + "/", "", ada.token).status, 200);
    EXPECT_FALSE(sees(ada)) << "nobody is in a class that is gone";
}

TEST_F(Site, admins_see_in_the_list_which_worker_has_what) {
    offer(1, 1, "tiny", "sha256:aa");
    EXPECT_EQ(
        get("/v1/images/", boss.token).body,
        R"({"error":false,"images":[{"label":"tiny","value":"tiny","workers":[{"name":"node-1","digest":"sha256:aa"}]}]})");
    EXPECT_EQ(get("/v1/images/", ada.token).body, R"({"error":false,"images":[{"label":"tiny","value":"tiny"}]})");
}

TEST_F(Site, names_and_entries_that_cannot_be_are_refused) {
    const std::pair<const char*, const char*> bad[] = {
        {R"({"visible_to":"everybody"})", "/visible_to"},
        {R"({"visible_to":[1]})", "/visible_to/0"},
        {R"({"visible_to":["everybody","tier:"]})", "/visible_to/1"},
        {R"({"visible_to":["role:king"]})", "/visible_to/0"},
        {R"({"visible_to":["ada"]})", "/visible_to/0"},
        {R"({"visible_to":["class:"]})", "/visible_to/0"},
        {R"({"visible_to":["class:0"]})", "/visible_to/0"},
        {R"({"visible_to":["class:7b"]})", "/visible_to/0"},
        {R"({"label":7})", "/label"},
        {R"({"name":"x"})", "/name"},
    };
    for (const auto& [body, pointer] : bad) {
        const auto answer = allow("images/tiny", body);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_STREQ(answer.json()["errors"][0]["pointer"].GetString(), pointer) << body;
    }
    EXPECT_EQ(allow("datasets/" + std::string(201, 'a'), "{}").status, 400);
    EXPECT_EQ(allow("datasets/a%2Fb", "{}").status, 404) << "a slash in a name is a path of its own";
    EXPECT_EQ(get("/v1/datasets/", boss.token).json()["datasets"].Size(), 0u);
}

TEST_F(Site, an_image_brings_something_to_run) {
    offer(1, 1, "tiny", "sha256:aa");
    const auto entry_point =
        send("POST", "/api/jobs/submit/", R"({"code":"","data":"","running_commands":"","image":"tiny"})", ada.token);
    EXPECT_EQ(entry_point.status, 200) << entry_point.body;
    const auto nothing = send("POST", "/api/jobs/submit/", R"({"code":"","data":"","running_commands":""})", ada.token);
    EXPECT_EQ(nothing.status, 400);
    const std::string rerun = "/api/jobs/" + std::string(entry_point.json()["id"].GetString()) + "/rerun/";
    EXPECT_EQ(send("POST", rerun, R"({"image":""})", ada.token).status, 400) << "then nothing is left to run";
    EXPECT_EQ(send("POST", rerun, R"({"image":"other"})", ada.token).status, 422);
    EXPECT_EQ(send("POST", rerun, R"({"image":"","running_commands":"true"})", ada.token).status, 200);
}

}  // namespace
}  // namespace windlass::api::test
