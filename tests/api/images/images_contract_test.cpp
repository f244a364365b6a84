// The family images over HTTP: uploads, lists, thumbnails in every state, media, links, deletion.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/front/target.h"
#include "shared/digest.h"
#include "tests/api/api_fixture.h"
#include "tests/api/images/pictures.h"

namespace windlass::api::test {
namespace {

class Images : public ApiTest {
  protected:
    Images() {
        give_tier(ada, "Premium");
        give_tier(eve, "Enterprise");
    }
    void give_tier(const Account& account, const std::string& tier) {
        execute("update account set tier = '" + tier + "' where id = " + account.id.text());
        credentials_->forget(account.id);
    }
    Answer upload(const std::string& bytes, const Account& account, Headers more = {}) {
        more.emplace_back("Content-Type", "multipart/form-data; boundary=edge");
        return send("POST", "/api/user/images/", form(bytes), account.token, more);
    }
    std::int64_t uploaded(const std::string& bytes, const Account& account) {
        const auto answer = upload(bytes, account);
        EXPECT_EQ(answer.status, 201) << answer.body;
        keeper_->turn(false);  // asks for the jobs
        keeper_->turn(false);  // notes them
        return answer.json()["id"].GetInt64();
    }
    JobId job_of(std::int64_t image, std::int64_t height) {
        return JobId{
            number(fmt::format("select job from image_thumbnail where image = {} and height = {}", image, height))};
    }
    std::int64_t number(const std::string& query) {
        auto session = pool_->lease();
        return (*session)->query(query)->front().integer(0);
    }
    // What a worker would have left.
    void make(JobId job, const std::string& bytes, JobState state = JobState::succeeded, Outcome outcome = {}) {
        AttemptResult result;
        result.outcome = outcome;
        if (state == JobState::succeeded) {
            scheduler_->store_blob(bytes);
            execute("insert into result_blob (sha256, results) values ('" + sha256_hex(bytes) +
                    "', 1) on conflict (sha256) do update set results = result_blob.results + 1");
            result.files.push_back({"thumbnail.png", static_cast<std::int64_t>(bytes.size()), sha256_hex(bytes), true});
        }
        scheduler_->start(job);
        scheduler_->finish(job, state, result);
    }
    void make_all(std::int64_t image, const std::string& bytes) {
        for (const auto height : {200, 400})
            if (number(fmt::format("select count(*) from image_thumbnail where image = {} and height = {}", image,
                                   height)) > 0)
                make(job_of(image, height), fmt::format("{} {}", bytes, height));
    }
    // What the scheduler does with jobs that are given up.
    void forget_discarded() {
        for (const char* table : {"job", "job_state"})
            execute(std::string("delete from ") + table + " where id in (select job from job_discard)");
        execute("delete from attempt_result where job in (select job from job_discard)");
        execute("delete from job_discard");
        execute("delete from result_blob");
    }
    std::string media(std::int64_t image, const std::string& rest = ".png") {
        return "/api/media/" + std::to_string(image) + rest;
    }
    static std::string path_of(const std::string& url) { return url.substr(url.find('/', url.find("://") + 3)); }

    Account bob = make_account("bob");  // Basic
    Account ada = make_account("ada");
    Account eve = make_account("eve");
    Account boss = make_account("boss", Roles(Role::admin) | Roles(Role::user));
    const std::string picture = png(400, 300);
};

TEST_F(Images, an_upload_is_there_at_once_and_its_thumbnails_when_their_jobs_have_ended) {
    const auto answer = upload(picture, ada, {{"Host", "pictures.example"}});
    ASSERT_EQ(answer.status, 201) << answer.body;
    const auto id = answer.json()["id"].GetInt64();
    EXPECT_EQ(answer.header("Location"), fmt::format("/api/user/images/{}/", id));
    EXPECT_EQ(path_of(answer.json()["image"].GetString()), media(id));
    EXPECT_EQ(get("/api/user/images/", ada.token).body, "[" + answer.body + "]");
    EXPECT_EQ(get("/api/user/thumbnails/", ada.token).body, "[]");

    keeper_->turn(false);
    ASSERT_EQ(scheduler_->submits.size(), 2U) << "one job for each height";
    for (const auto& submit : scheduler_->submits) {
        EXPECT_EQ(submit.owner, system_owner);
        const JobSpec& spec = submit.jobs.at(0).spec;
        EXPECT_EQ(spec.queue, system_queue);
        EXPECT_EQ(spec.network, Network::none);
        EXPECT_EQ(spec.files, (std::map<std::string, std::string>{{"image.png", sha256_hex(picture)}}));
        EXPECT_EQ(spec.required_labels.at("vipsthumbnail"), "yes");
    }
    EXPECT_NE(scheduler_->submits[0].jobs[0].spec.running_commands.find("--size '267x200!'"), std::string::npos);
    EXPECT_NE(scheduler_->submits[1].jobs[0].spec.running_commands.find("--size '533x400!'"), std::string::npos);

    keeper_->turn(false);
    EXPECT_EQ(scheduler_->watched(), 2U);
    make(job_of(id, 200), "small");
    const auto list = get("/api/user/thumbnails/", ada.token);
    ASSERT_EQ(list.json().Size(), 1U) << "whoever looks sees it, also when nobody has told this process: " << list.body;
    EXPECT_EQ(list.json()[0]["image_id"].GetInt64(), id);
    EXPECT_EQ(list.json()[0]["height"].GetInt(), 200);
    EXPECT_EQ(path_of(list.json()[0]["thumbnail"].GetString()), media(id, "-200.png"));
    EXPECT_EQ(get(media(id, "-200.png"), ada.token).body, "small");
    make(job_of(id, 400), "large");
    keeper_->turn(false);
    EXPECT_EQ(number("select count(*) from image_thumbnail where state = 1"), 2) << "the watch brought the other";
    EXPECT_EQ(scheduler_->watched(), 0U);
}

TEST_F(Images, neither_the_name_nor_the_type_of_the_file_is_believed) {
    const auto image = send("POST", "/api/user/images/", form(jpeg(40, 30), "image", "../../etc/passwd\\\".svg"),
                            ada.token, {{"Content-Type", "multipart/form-data; boundary=edge"}});
    ASSERT_EQ(image.status, 201) << image.body;
    EXPECT_EQ(path_of(image.json()["image"].GetString()), media(image.json()["id"].GetInt64(), ".jpg"));
}

TEST_F(Images, what_is_no_good_upload_is_refused_with_the_reason_at_the_field) {
    config_.api.image_bytes = 2'000;
    config_.api.image_pixels = 1'000'000;
    struct Case {
        std::string body, type;
        int status;
        std::string said;
    };
    const std::string type = "multipart/form-data; boundary=edge";
    for (const auto& [body, content_type, status, said] : std::vector<Case>{
             {form("<svg/>"), type, 400, "neither a PNG nor a JPEG"},
             {form(""), type, 400, "The submitted file is empty."},
             {form(picture.substr(0, 40)), type, 400, "not whole"},
             {form(png(1001, 1000)), type, 400, "1001 x 1000 pixels"},
             {form(png(0x7fffffff, 0x7fffffff)), type, 400, "pixels"},
             {form(png(4, 3, {.after = std::string(3'000, 'x')})), type, 413, "larger than 2000 bytes"},
             {form(picture, "picture"), type, 400, "\"picture\""},
             {"--edge--", type, 400, "No file was submitted."},
             {"--edge\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nx\r\n--edge--", type, 400,
              "was not a file"},
             {form(picture).substr(0, 150), type, 400, "ends before its last boundary"},
             {form(picture).substr(0, form(picture).size() - 10) + "\r\n" + form(picture), type, 400, ""},
             {form(picture), "multipart/form-data", 400, "boundary"},
             {"{}", "application/json", 415, "form"},
             {"", "", 415, "form"},
         }) {
        Headers headers;
        if (!content_type.empty()) headers.emplace_back("Content-Type", content_type);
        const auto answer = send("POST", "/api/user/images/", body, ada.token, headers);
        EXPECT_EQ(answer.status, status) << answer.body << body.substr(0, 100);
        EXPECT_NE(answer.body.find(said == "\"picture\"" ? "picture" : said), std::string::npos) << answer.body;
    }
    EXPECT_EQ(number("select count(*) from image"), 0);
    EXPECT_EQ(number("select count(*) from blob"), 0) << "nothing was stored";
}

TEST_F(Images, without_the_right_to_the_original_there_is_its_name_alone) {
    const auto id = uploaded(picture, bob);
    EXPECT_EQ(get(fmt::format("/api/user/images/{}/", id), bob.token).body,
              fmt::format(R"({{"id":{},"image":"{}.png"}})", id, id));
    EXPECT_EQ(get(media(id), bob.token).status, 403);
    ASSERT_EQ(scheduler_->submits.size(), 1U) << "Basic has one height";
    give_tier(bob, "Premium");
    EXPECT_EQ(get(media(id), bob.token).body, picture);
}

TEST_F(Images, of_staff_every_height_of_any_tier_is_made) {
    EXPECT_EQ(send("PUT", "/api/tiers/Poster/", R"({"heights":[50,1600]})", boss.token).status, 201);
    uploaded(picture, boss);
    EXPECT_EQ(scheduler_->submits.size(), 4U);
    EXPECT_EQ(get("/api/user/thumbnails/", boss.token).status, 200);
}

TEST_F(Images, a_tier_without_thumbnails_is_told_so) {
    EXPECT_EQ(send("PUT", "/api/tiers/Plain/", R"({"original":true})", boss.token).status, 201);
    give_tier(bob, "Plain");
    const auto id = uploaded(picture, bob);
    EXPECT_EQ(scheduler_->submits.size(), 0U);
    for (const char* path : {"/api/user/thumbnails/", "/api/user/thumbnails/1/"})
        EXPECT_EQ(get(path, bob.token).status, 403) << path;
    EXPECT_EQ(send("DELETE", "/api/user/thumbnails/1/", "", bob.token).status, 403);
    EXPECT_EQ(get(media(id), bob.token).body, picture);
}

TEST_F(Images, media_has_parts_a_tag_and_headers_that_keep_it_a_picture) {
    const auto id = uploaded(picture, ada);
    const auto whole = get(media(id), ada.token);
    EXPECT_EQ(whole.response.content_type, "image/png");
    EXPECT_EQ(whole.header("X-Content-Type-Options"), "nosniff");
    EXPECT_TRUE(whole.header("Content-Security-Policy").starts_with("sandbox"));
    EXPECT_TRUE(whole.header("Cache-Control").starts_with("private"));
    const auto tag = whole.header("ETag");
    const auto ask = [&](Headers headers) { return send("GET", media(id), "", ada.token, std::move(headers)); };
    EXPECT_EQ(ask({{"If-None-Match", tag}}).status, 304);
    EXPECT_EQ(ask({{"If-None-Match", "\"x\", W/" + tag}}).status, 304);
    const auto part = ask({{"Range", "bytes=1-3"}});
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.body, "PNG");
    EXPECT_EQ(part.header("Content-Range"), fmt::format("bytes 1-3/{}", picture.size()));
    EXPECT_EQ(ask({{"Range", "bytes=1-3"}, {"If-Range", "\"other\""}}).body, picture);
    const auto beyond = ask({{"Range", "bytes=99999-"}});
    EXPECT_EQ(beyond.status, 416);
    EXPECT_EQ(beyond.header("Content-Range"), fmt::format("bytes */{}", picture.size()));
}

TEST_F(Images, nobody_else_sees_changes_or_deletes_them_not_even_an_admin) {
    const auto id = uploaded(picture, ada);
    make_all(id, "t");
    const auto thumbnail = get("/api/user/thumbnails/", ada.token).json()[0]["id"].GetInt64();
    for (const auto& other : {eve, boss}) {
        EXPECT_EQ(get("/api/user/images/", other.token).body, "[]");
        EXPECT_EQ(get("/api/user/thumbnails/", other.token).body, "[]");
        for (const auto& path : {fmt::format("/api/user/images/{}/", id),
                                 fmt::format("/api/user/thumbnails/{}/", thumbnail), fmt::format("/api/images/{}/", id),
                                 media(id), media(id, "-200.png"), fmt::format("/api/user/link/{}/?time=300", id)})
            EXPECT_EQ(get(path, other.token).status, 404) << path;
        EXPECT_EQ(send("DELETE", fmt::format("/api/user/images/{}/", id), "", other.token).status, 404);
        EXPECT_EQ(send("DELETE", fmt::format("/api/user/thumbnails/{}/", thumbnail), "", other.token).status, 404);
        EXPECT_EQ(send("POST", fmt::format("/api/images/{}/rebuild/", id), "", other.token).status, 404);
    }
    EXPECT_EQ(get(media(id), "").status, 401);
    EXPECT_EQ(get(media(id), ada.token).status, 200);
}

TEST_F(Images, a_link_opens_the_image_for_anybody_until_it_expires) {
    const auto id = uploaded(picture, eve);
    const auto answer = get(fmt::format("/api/user/link/{}/?time=300", id), eve.token);
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.json()["expires_in"].GetInt(), 300);
    const auto link = path_of(answer.json()["url"].GetString());
    EXPECT_EQ(get(link, "").body, picture);
    EXPECT_EQ(get(link, bob.token).body, picture) << "whoever has it";
    clock_.advance(Seconds{299});
    EXPECT_EQ(get(link, "").status, 200);
    clock_.advance(Seconds{1});
    EXPECT_EQ(get(link, "").status, 404);
}

TEST_F(Images, a_link_with_any_byte_changed_is_404) {
    const auto id = uploaded(picture, eve);
    const auto link =
        path_of(get(fmt::format("/api/user/link/{}/?time=30000", id), eve.token).json()["url"].GetString());
    ASSERT_EQ(get(link, "").status, 200);
    std::size_t tried = 0;
    for (std::size_t at = 1; at < link.size(); ++at)
        for (int bit = 0; bit < 8; ++bit) {
            auto altered = link;
            altered[at] = static_cast<char>(altered[at] ^ (1 << bit));
            const auto parsed = parse_target(altered);
            if (!parsed) continue;  // the front answers 400: it is no address at all
            EXPECT_EQ(get(altered, "").status, 404) << altered;
            ++tried;
        }
    EXPECT_GT(tried, link.size() * 5);
    for (std::size_t size = media(id).size() + 1; size < link.size(); ++size)
        EXPECT_EQ(get(link.substr(0, size), "").status, 404) << size;
}

TEST_F(Images, links_have_bounds_and_belong_to_tiers) {
    const auto id = uploaded(picture, eve);
    for (const char* time : {"", "?time=", "?time=299", "?time=30001", "?time=abc", "?time=300.5", "?time=-300",
                             "?time=99999999999999999999"})
        EXPECT_EQ(get(fmt::format("/api/user/link/{}/{}", id, time), eve.token).status, 400) << time;
    for (const char* time : {"?time=300", "?time=30000"})
        EXPECT_EQ(get(fmt::format("/api/user/link/{}/{}", id, time), eve.token).status, 200) << time;
    const auto adas = uploaded(picture, ada);
    EXPECT_EQ(get(fmt::format("/api/user/link/{}/?time=300", adas), ada.token).status, 403);
    EXPECT_EQ(get("/api/user/link/999/?time=300", ada.token).status, 404);
    const auto link = path_of(get(fmt::format("/api/user/link/{}/?time=300", id), eve.token).json()["url"].GetString());
    give_tier(eve, "Premium");
    EXPECT_EQ(get(link, "").status, 404) << "it opens no more than its account may hand out now";
    EXPECT_EQ(send("POST", "/api/links/", R"({"path":")" + media(adas) + R"("})", ada.token).status, 400)
        << "and there is no way around";
}

TEST_F(Images, a_failed_thumbnail_says_why_and_is_tried_again_on_request) {
    const auto id = uploaded(picture, bob);
    const auto path = fmt::format("/api/images/{}/", id);
    scheduler_->explanation = "No worker has the label vipsthumbnail=yes.";
    auto thumbnail = get(path, bob.token).json();
    EXPECT_STREQ(thumbnail["thumbnails"][0]["state"].GetString(), "waiting");
    EXPECT_STREQ(thumbnail["thumbnails"][0]["why"].GetString(), "No worker has the label vipsthumbnail=yes.");

    const std::vector<std::pair<Outcome, std::string>> ends = {
        {{OutcomeKind::exited, 1, 0, {}}, "The decoder gave up, with exit code 1."},
        {{OutcomeKind::signalled, 0, 11, {}}, "The decoder crashed, by signal 11."},
        {{OutcomeKind::out_of_memory, 0, 0, {}}, "The decoder needed more memory than an image of this size may take."},
        {{OutcomeKind::out_of_time, 0, 0, {}}, "The decoder took too long."},
    };
    for (const auto& [outcome, sentence] : ends) {
        make(job_of(id, 200), "", JobState::failed, outcome);
        keeper_->turn(false);
        const auto failed = get(path, bob.token).json();
        EXPECT_STREQ(failed["thumbnails"][0]["state"].GetString(), "failed");
        EXPECT_EQ(failed["thumbnails"][0]["detail"].GetString(), sentence);
        EXPECT_EQ(get("/api/user/thumbnails/", bob.token).body, "[]");
        EXPECT_EQ(send("POST", path + "rebuild/", "", bob.token).status, 202);
        keeper_->turn(false);
        keeper_->turn(false);
    }
    make_all(id, "at last");
    EXPECT_EQ(get("/api/user/thumbnails/", bob.token).json().Size(), 1U);
    EXPECT_EQ(scheduler_->submits.size(), 5U);
}

TEST_F(Images, a_new_tier_counts_for_new_uploads_and_rebuild_makes_the_rest) {
    const auto old = uploaded(picture, bob);
    make_all(old, "old");
    give_tier(bob, "Premium");
    const auto fresh = uploaded(jpeg(40, 30), bob);
    EXPECT_EQ(number(fmt::format("select count(*) from image_thumbnail where image = {}", fresh)), 2);
    EXPECT_EQ(number(fmt::format("select count(*) from image_thumbnail where image = {}", old)), 1);
    EXPECT_EQ(send("POST", fmt::format("/api/images/{}/rebuild/", old), "", bob.token).status, 202);
    keeper_->turn(false);
    keeper_->turn(false);
    EXPECT_EQ(scheduler_->submits.size(), 4U) << "the one that was made stays";
    make(job_of(old, 400), "new");
    give_tier(bob, "Basic");
    EXPECT_EQ(get("/api/user/thumbnails/", bob.token).json().Size(), 2U) << "nothing is taken away";
}

TEST_F(Images, a_thumbnail_that_would_be_a_bomb_itself_is_not_made) {
    const auto answer = upload(png(10'000, 1), ada);
    ASSERT_EQ(answer.status, 201);
    keeper_->turn(false);
    EXPECT_EQ(scheduler_->submits.size(), 0U);
    const auto details = get(fmt::format("/api/images/{}/", answer.json()["id"].GetInt64()), ada.token);
    EXPECT_NE(details.body.find("It would be 2000000 x 200 pixels: too large."), std::string::npos) << details.body;
}

TEST_F(Images, deleting_takes_thumbnails_files_links_and_jobs_along) {
    const auto id = uploaded(picture, eve);
    make(job_of(id, 200), "small");
    keeper_->turn(false);
    const JobId under_way = job_of(id, 400);
    const auto link = path_of(get(fmt::format("/api/user/link/{}/?time=300", id), eve.token).json()["url"].GetString());
    const auto gone = send("DELETE", fmt::format("/api/user/images/{}/", id), "", eve.token);
    EXPECT_EQ(gone.status, 204);
    EXPECT_EQ(gone.header("Content-Location"), "/api/user/images/");
    ASSERT_EQ(scheduler_->cancels.size(), 1U);
    EXPECT_EQ(scheduler_->cancels[0].jobs, std::vector<JobId>{under_way});
    forget_discarded();
    for (const char* table : {"image", "image_thumbnail", "image_blob", "job"})
        EXPECT_EQ(number(std::string("select count(*) from ") + table), 0) << table;
    EXPECT_EQ(get(link, "").status, 404);
    EXPECT_EQ(get("/api/user/images/", eve.token).body, "[]");
    EXPECT_EQ(get("/api/user/thumbnails/", eve.token).body, "[]");
    EXPECT_EQ(send("DELETE", fmt::format("/api/user/images/{}/", id), "", eve.token).status, 404);
}

TEST_F(Images, the_same_bytes_are_stored_once_and_go_with_the_last_who_has_them) {
    const auto first = uploaded(picture, ada), second = uploaded(picture, ada), third = uploaded(picture, eve);
    for (const auto id : {first, second, third}) make_all(id, "same");
    EXPECT_EQ(get("/api/user/thumbnails/", ada.token).json().Size(), 4U);
    EXPECT_EQ(get("/api/user/thumbnails/", eve.token).json().Size(), 2U);
    forget_discarded();
    const auto blobs = [&] { return number("select count(*) from blob"); };
    EXPECT_EQ(blobs(), 3) << "the image and two thumbnails";
    EXPECT_EQ(send("DELETE", fmt::format("/api/user/images/{}/", first), "", ada.token).status, 204);
    EXPECT_EQ(send("DELETE", fmt::format("/api/user/images/{}/", third), "", eve.token).status, 204);
    EXPECT_EQ(get(media(second), ada.token).body, picture);
    EXPECT_EQ(get(media(second, "-400.png"), ada.token).body, "same 400");
    EXPECT_EQ(blobs(), 3);
    EXPECT_EQ(send("DELETE", fmt::format("/api/user/images/{}/", second), "", ada.token).status, 204);
    EXPECT_EQ(blobs(), 0);
}

TEST_F(Images, bytes_that_somebody_uploaded_for_jobs_stay_when_the_image_goes) {
    EXPECT_EQ(send("PUT", "/api/blobs/" + sha256_hex(picture) + "/", picture, ada.token).status, 201);
    const auto id = uploaded(picture, ada);
    EXPECT_EQ(send("DELETE", "/api/blobs/" + sha256_hex(picture) + "/", "", ada.token).status, 204);
    EXPECT_EQ(get(media(id), ada.token).body, picture) << "and the other way round";
    EXPECT_EQ(send("PUT", "/api/blobs/" + sha256_hex(picture) + "/", picture, eve.token).status, 201);
    EXPECT_EQ(send("DELETE", fmt::format("/api/user/images/{}/", id), "", ada.token).status, 204);
    EXPECT_EQ(get("/api/blobs/" + sha256_hex(picture) + "/", eve.token).body, picture);
}

TEST_F(Images, a_thumbnail_can_be_deleted_alone_and_made_again) {
    const auto id = uploaded(picture, bob);
    make_all(id, "t");
    const auto thumbnail = get("/api/user/thumbnails/", bob.token).json()[0]["id"].GetInt64();
    const auto path = fmt::format("/api/user/thumbnails/{}/", thumbnail);
    EXPECT_EQ(get(path, bob.token).status, 200);
    EXPECT_EQ(send("DELETE", path, "", bob.token).status, 204);
    EXPECT_EQ(get(path, bob.token).status, 404);
    EXPECT_EQ(get(media(id, "-200.png"), bob.token).status, 404);
    EXPECT_EQ(send("POST", fmt::format("/api/images/{}/rebuild/", id), "", bob.token).status, 202);
    keeper_->turn(false);
    keeper_->turn(false);
    make_all(id, "t");
    EXPECT_EQ(get("/api/user/thumbnails/", bob.token).json().Size(), 1U);
}

TEST_F(Images, lists_may_be_kept_by_their_reader_alone) {
    for (const char* path : {"/api/user/images/", "/api/user/thumbnails/"}) {
        const auto answer = get(path, ada.token);
        EXPECT_EQ(answer.header("Cache-Control"), "private, max-age=15");
        EXPECT_EQ(answer.header("Vary"), "Authorization, Cookie");
    }
}

TEST_F(Images, while_the_scheduler_is_away_uploads_are_taken_and_thumbnails_wait) {
    scheduler_->away = true;
    const auto answer = upload(picture, bob);
    EXPECT_EQ(answer.status, 201);
    keeper_->turn(false);
    EXPECT_EQ(get(fmt::format("/api/images/{}/", answer.json()["id"].GetInt64()), bob.token).status, 200);
    scheduler_->away = false;
    clock_.advance(Seconds{60});
    keeper_->turn(true);
    keeper_->turn(false);
    EXPECT_EQ(scheduler_->submits.size(), 1U);
}

TEST_F(Images, another_process_finishes_what_one_that_died_had_begun) {
    const auto fresh = [&] {
        keeper_ = std::make_unique<ThumbnailKeeper>(*images_, *making_, *scheduler_, config_.api, clock_);
        build_app();
        clock_.advance(Seconds{60});
    };
    // Died before it asked; after it asked, before it noted the job; after that; and when the job had ended.
    const auto answer = upload(picture, bob);
    fresh();
    keeper_->turn(true);
    fresh();
    keeper_->turn(true);
    keeper_->turn(false);
    EXPECT_EQ(scheduler_->submits.size(), 1U) << "asked twice by the same key, made once";
    make(job_of(answer.json()["id"].GetInt64(), 200), "t");
    fresh();
    keeper_->turn(true);
    EXPECT_EQ(number("select count(*) from image_thumbnail where state = 1"), 1);
    EXPECT_EQ(number("select count(*) from job_discard"), 1);
}

TEST_F(Images, a_job_that_was_forgotten_before_anybody_looked_is_asked_for_again) {
    const auto id = uploaded(picture, bob);
    const auto job = job_of(id, 200);
    execute("delete from job_state where id = " + job.text());
    keeper_->turn(true);
    clock_.advance(Seconds{60});
    keeper_->turn(true);
    keeper_->turn(false);
    EXPECT_EQ(scheduler_->submits.size(), 2U);
    EXPECT_NE(job_of(id, 200), job);
}

TEST_F(Images, a_job_that_no_thumbnail_knows_is_given_up) {
    upload(picture, bob);
    keeper_->turn(false);  // asked, and the image goes before the answer is noted
    execute("delete from image_thumbnail");
    keeper_->turn(false);
    EXPECT_EQ(number("select count(*) from job_discard"), 1);
    EXPECT_EQ(scheduler_->cancels.size(), 1U);
    execute("delete from job_discard");
    clock_.advance(std::chrono::hours{1});
    keeper_->turn(true);
    EXPECT_EQ(number("select count(*) from job_discard"), 1) << "also when the process that asked for it died";
}

TEST_F(Images, images_of_a_deleted_account_go_too) {
    uploaded(picture, bob);
    EXPECT_EQ(send("DELETE", "/api/users/delete/" + bob.id.text() + "/", "", boss.token).status, 200);
    keeper_->turn(true);
    EXPECT_EQ(number("select count(*) from image"), 0);
}

TEST_F(Images, count_against_the_stored_bytes_of_their_owner) {
    EXPECT_EQ(
        send("PUT", "/api/quotas/user:ada/", fmt::format(R"({{"stored_bytes":{}}})", picture.size() + 5), boss.token)
            .status,
        200);
    clock_.advance(Seconds{2});
    uploaded(picture, ada);
    const auto second = upload(picture, ada);
    EXPECT_EQ(second.status, 429) << second.body;
    EXPECT_EQ(number("select count(*) from image"), 1);
}

TEST_F(Images, an_upload_with_a_key_is_done_once) {
    const Headers key = {{"Idempotency-Key", "k"}};
    const auto first = upload(picture, ada, key), again = upload(picture, ada, key);
    EXPECT_EQ(first.status, 201);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
    EXPECT_EQ(upload(jpeg(4, 3), ada, key).status, 422);
    EXPECT_EQ(number("select count(*) from image"), 1);
}

TEST_F(Images, jobs_of_people_do_not_get_into_the_queue_of_the_site) {
    EXPECT_EQ(send("POST", "/api/jobs/submit/", R"({"code":"","data":"","running_commands":"true","queue":"system"})",
                   ada.token)
                  .status,
              400);
}

TEST_F(Images, names_of_media_that_we_would_not_give_are_nothing) {
    const auto id = uploaded(picture, ada);
    for (const auto& rest : {".jpg", ".PNG", "", ".png.png", "-0.png", "-.png", "-200.png", "-0200.png", ".gif"})
        EXPECT_EQ(get(media(id, rest), ada.token).status, 404) << rest;
    EXPECT_EQ(get("/api/media/0" + std::to_string(id) + ".png", ada.token).status, 404);
    EXPECT_EQ(get(media(id, ".png/"), ada.token).status, 200) << "both slash forms";
}

}  // namespace
}  // namespace windlass::api::test
