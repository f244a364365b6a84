// The rows of API.md about logging in and out, literally.
#include <gtest/gtest.h>

#include <algorithm>

#include "api/auth/base64url.h"
#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

const std::string json_type = "application/json";
const std::string form_type = "application/x-www-form-urlencoded";

rapidjson::Document parsed_json(const std::string& text) {
    auto document = parse_json(text);
    EXPECT_TRUE(document) << text;
    return std::move(document).value();
}

class Logins : public ApiTest {
  protected:
    struct Account {
        UserId id;
        std::string username;
    };
    Account account(const std::string& username, Roles roles = Role::user) {
        NewAccount fresh;
        fresh.username = username;
        fresh.email = username + "@example.org";
        fresh.name = username;
        fresh.company = "Example";
        fresh.password_hash = passwords_->hash_now("correct horse");
        fresh.roles = roles;
        const auto created = accounts_->create(fresh, clock_.now().wall);
        EXPECT_TRUE(created) << created.error().message;
        return {std::get<UserId>(*created), username};
    }
    static std::string body(const std::string& username, const std::string& password = "correct horse") {
        return R"({"username":")" + username + R"(","password":")" + password + "\"}";
    }
    Answer post(const std::string& path, const std::string& text, Headers headers = {}) {
        return send("POST", path, text, {}, std::move(headers));
    }
    static std::vector<std::string> cookies(const Answer& answer) {
        std::vector<std::string> list;
        for (const auto& [name, value] : answer.response.headers)
            if (name == "Set-Cookie") list.push_back(value);
        return list;
    }
    // "access_token=...; " and so on, as a browser sends them back; `only` names one of them.
    static std::string jar(const Answer& answer, const std::string& only = {}) {
        std::string all;
        for (const auto& cookie : cookies(answer))
            if (cookie.starts_with(only)) all += (all.empty() ? "" : "; ") + cookie.substr(0, cookie.find(';'));
        return all;
    }
    int status_with(const std::string& cookie) {
        return send("GET", "/api/jobs/", {}, {}, {{"Cookie", cookie}}).status;
    }
    std::string token_of(const std::string& username) {
        const auto answer = post("/api/users/authenticate/", body(username));
        EXPECT_EQ(answer.status, 200) << answer.body;
        return answer.json()["token"].GetString();
    }
    static void expect_session_cookies(const Answer& answer) {
        const auto list = cookies(answer);
        ASSERT_EQ(list.size(), 3u);
        EXPECT_TRUE(list[0].starts_with("access_token=ey")) << list[0];
        EXPECT_TRUE(list[0].ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax")) << list[0];
        EXPECT_TRUE(list[1].starts_with("refresh_token=")) << list[1];
        EXPECT_TRUE(list[1].ends_with("; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax")) << list[1];
        EXPECT_TRUE(list[2].starts_with("Authorization=\"Bearer ey")) << list[2];
        EXPECT_TRUE(list[2].ends_with(".\"; Path=/; Max-Age=86400; SameSite=Lax")) << list[2];
    }
    static void expect_cleared_cookies(const Answer& answer) {
        const auto list = cookies(answer);
        ASSERT_EQ(list.size(), 3u);
        for (const auto& cookie : list) EXPECT_NE(cookie.find("=; Path=/; Max-Age=0"), std::string::npos) << cookie;
    }
};

// jobs

TEST_F(Logins, of_jobs_gives_a_token_its_seconds_and_cookies) {
    account("ada");
    const auto answer = post("/api/users/authenticate/", body("ada"));
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.json().MemberCount(), 2u);
    EXPECT_EQ(answer.json()["expires_in"].GetInt64(), 3600);
    const std::string token = answer.json()["token"].GetString();
    expect_session_cookies(answer);
    EXPECT_EQ(cookies(answer)[0].find("access_token=" + token + ";"), 0u);
    EXPECT_EQ(get("/api/jobs/", token).status, 200);
    EXPECT_EQ(send("GET", "/api/jobs/", {}, {}, {{"Authorization", "Token " + token}}).status, 200);
    EXPECT_EQ(status_with(jar(answer)), 200);
    EXPECT_EQ(post("/api/users/authenticate", body("ada@EXAMPLE.org")).status, 200) << "without a slash, by address";
}

TEST_F(Logins, of_jobs_tells_unknown_names_unless_the_site_does_not_want_that) {
    account("ada");
    EXPECT_EQ(post("/api/users/authenticate/", body("ada", "wrong")).status, 401);
    const auto unknown = post("/api/users/authenticate/", body("nobody"));
    EXPECT_EQ(unknown.status, 404);
    EXPECT_EQ(unknown.response.content_type, "application/problem+json");
    config_.api.strict_login_errors = true;
    const auto wrong = post("/api/users/authenticate/", body("ada", "wrong"));
    const auto strict = post("/api/users/authenticate/", body("nobody"));
    EXPECT_EQ(strict.status, 401);
    EXPECT_EQ(strict.body, wrong.body);
}

TEST_F(Logins, the_same_work_is_done_for_names_that_do_not_exist) {
    account("ada");
    const auto before = passwords_->hashed();
    post("/api/users/authenticate/", body("ada", "wrong"));
    const auto for_known = passwords_->hashed() - before;
    for (const char* path : {"/api/users/authenticate/", "/v1/login", "/api/login", "/api/login/",
                             "/api/user/jwt-login/", "/api/user/token/"}) {
        const auto start = passwords_->hashed();
        post(path, body("nobody"));
        EXPECT_EQ(passwords_->hashed() - start, for_known) << path;
    }
    EXPECT_GT(for_known, 0u);
}

// courses

TEST_F(Logins, of_courses_answers_in_its_envelope) {
    account("ada");
    const auto answer = post("/v1/login", body("ada"));
    ASSERT_EQ(answer.status, 200);
    const auto json = answer.json();
    EXPECT_EQ(json.MemberCount(), 3u);
    EXPECT_FALSE(json["error"].GetBool());
    EXPECT_STREQ(json["message"].GetString(), "login successfully");
    EXPECT_EQ(get("/api/jobs/", json["token"].GetString()).status, 200);
    expect_session_cookies(answer);
    for (const auto& wrong : {body("ada", "wrong"), body("nobody")}) {
        const auto refused = post("/v1/login", wrong);
        EXPECT_EQ(refused.status, 401);
        EXPECT_EQ(refused.body, R"({"error":true,"message":"Unauthorized User login"})");
        EXPECT_TRUE(cookies(refused).empty());
    }
    const auto malformed = post("/v1/login", "{}");
    EXPECT_EQ(malformed.status, 400);
    EXPECT_TRUE(malformed.json()["error"].GetBool());
}

TEST_F(Logins, logging_out_of_courses_works_with_and_without_a_session) {
    account("ada");
    const auto in = post("/v1/login", body("ada"));
    for (const std::string& cookie : {jar(in), jar(in), std::string("access_token=rubbish"), std::string("x=1")}) {
        const auto out = send("GET", "/v1/logout", {}, {}, {{"Cookie", cookie}});
        EXPECT_EQ(out.status, 200);
        EXPECT_EQ(out.body, R"({"error":false,"message":"Logout successfully"})");
        expect_cleared_cookies(out);
    }
    EXPECT_EQ(send("GET", "/v1/logout/").status, 200);
    EXPECT_EQ(status_with(jar(in)), 401) << "the session has ended";
    EXPECT_EQ(get("/api/jobs/", in.json()["token"].GetString()).status, 401);
}

TEST_F(Logins, a_link_on_a_foreign_page_logs_nobody_out) {
    account("ada");
    const auto in = post("/v1/login", body("ada"));
    send("GET", "/v1/logout", {}, {}, {{"Cookie", jar(in)}, {"Sec-Fetch-Site", "cross-site"}});
    EXPECT_EQ(status_with(jar(in)), 200);
}

// monitoring

TEST_F(Logins, of_monitoring_answers_with_nothing_but_cookies) {
    account("ada", Roles(Role::user) | Roles(Role::admin));
    for (const auto& text : {std::string(R"({"Username":"ada","Password":"correct horse","FrontendOnly":true})"),
                             std::string(R"({"userName":"ada","passWord":"correct horse","Remember":true})"),
                             std::string(R"({"username":"ada","password":"correct horse","frontendonly":null})")}) {
        const auto answer = post("/api/login", text, {{"Content-Type", "text/plain"}});
        EXPECT_EQ(answer.status, 200) << text;
        EXPECT_EQ(answer.body, "");
        expect_session_cookies(answer);
    }
    EXPECT_EQ(post("/api/login", R"({"Username":"ada","Password":"wrong"})").status, 401);
    EXPECT_EQ(post("/api/login", R"({"Username":"nobody","Password":"wrong"})").status, 401);
    for (const char* bad : {"", "[]", "{}", R"({"Username":"ada"})", R"({"Username":null,"Password":"x"})",
                            R"({"Username":1,"Password":"x"})", R"({"Username":"a","USERNAME":"b","Password":"x"})",
                            R"({"Username":"ada","Password":"x","FrontendOnly":"yes"})"}) {
        const auto answer = post("/api/login", bad);
        EXPECT_EQ(answer.status, 400) << bad;
        EXPECT_TRUE(answer.response.content_type.starts_with("text/plain"));
    }
}

TEST_F(Logins, accounts_for_programs_do_not_log_in_to_the_front_end) {
    account("slurm", Role::job_control);
    const auto answer = post("/api/login", R"({"Username":"slurm","Password":"correct horse","FrontendOnly":true})");
    EXPECT_EQ(answer.status, 401);
    EXPECT_TRUE(cookies(answer).empty());
    EXPECT_EQ(post("/api/login", R"({"Username":"slurm","Password":"correct horse"})").status, 200);
}

TEST_F(Logins, the_front_end_reads_name_and_roles_from_a_cookie_that_opens_nothing) {
    account("ada", Roles(Role::user) | Roles(Role::admin));
    const auto in = post("/api/login", body("ada"));
    const auto claims = jar(in, "Authorization");
    const auto first = claims.find('.'), last = claims.rfind('.');
    const auto json = parsed_json(from_base64url(claims.substr(first + 1, last - first - 1)).value());
    EXPECT_STREQ(json["Username"].GetString(), "ada");
    ASSERT_EQ(json["Roles"].Size(), 2u);
    EXPECT_STREQ(json["Roles"][0].GetString(), "user");
    EXPECT_STREQ(json["Roles"][1].GetString(), "admin");
    EXPECT_EQ(json["exp"].GetInt64() * 1'000'000, to_unix_us(clock_.now().wall) + 86'400'000'000);
    EXPECT_EQ(status_with(claims), 401);
    EXPECT_EQ(send("GET", "/api/jobs/", {}, {}, {{"Cookie", claims}}).body, get("/api/jobs/", "").body)
        << "as if nothing had been sent";
    EXPECT_EQ(status_with(claims + "; " + jar(in, "access_token")), 200) << "it is stepped over";
}

TEST_F(Logins, logging_out_of_monitoring_ends_the_session) {
    account("ada");
    const auto in = post("/api/login", body("ada"));
    EXPECT_EQ(post("/api/logout", "").status, 401);
    const auto foreign = post("/api/logout", "", {{"Cookie", jar(in)}, {"Sec-Fetch-Site", "cross-site"}});
    EXPECT_EQ(foreign.status, 403);
    EXPECT_EQ(status_with(jar(in)), 200);
    const auto out = post("/api/logout", "ignored", {{"Cookie", jar(in)}, {"Sec-Fetch-Site", "same-origin"}});
    EXPECT_EQ(out.status, 200);
    EXPECT_EQ(out.body, "");
    expect_cleared_cookies(out);
    EXPECT_EQ(status_with(jar(in)), 401);
    EXPECT_EQ(status_with(jar(in, "refresh_token")), 401) << "the refresh token of an ended session does nothing";
}

// accounts

TEST_F(Logins, of_accounts_differs_from_monitoring_by_its_slash) {
    account("ada");
    const auto answer = post("/api/login/", body("ada@example.org"), {{"Content-Type", json_type}});
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.json().MemberCount(), 1u);
    EXPECT_EQ(get("/api/jobs/", answer.json()["token"].GetString()).status, 200);
    expect_session_cookies(answer);
    for (const auto& wrong : {body("ada", "wrong"), body("nobody")}) {
        const auto refused = post("/api/login/", wrong);
        EXPECT_EQ(refused.status, 400);
        EXPECT_EQ(refused.body, R"({"non_field_errors":["Unable to login with provided credentials."]})");
    }
    const auto missing = post("/api/login/", R"({"other":1})");
    EXPECT_EQ(missing.status, 400);
    EXPECT_EQ(missing.body, R"({"password":["This field is required."],"username":["This field is required."]})");
    EXPECT_EQ(post("/api/login/", R"({"username":"","password":null})").body,
              R"({"password":["This field may not be null."],"username":["This field may not be blank."]})");
    EXPECT_EQ(post("/api/login/", "username=ada&password=x", {{"Content-Type", form_type}}).status, 415);
    EXPECT_EQ(send("GET", "/api/login/").status, 405);
    EXPECT_EQ(send("GET", "/api/login").status, 405);
}

// images

TEST_F(Logins, of_images_takes_json_and_forms) {
    account("ada");
    const std::pair<std::string, std::string> good[] = {
        {json_type, body("ada")},
        {json_type + "; charset=utf-8", body("ada")},
        {form_type, "username=ada&password=correct+horse"},
        {form_type, "username=ad%61&password=correct%20horse"},
    };
    for (const auto& [type, text] : good) {
        const auto answer = post("/api/user/jwt-login/", text, {{"Content-Type", type}});
        EXPECT_EQ(answer.status, 200) << text;
        EXPECT_EQ(answer.body, R"({"success":true})");
        expect_session_cookies(answer);
    }
    const auto wrong = post("/api/user/jwt-login/", body("ada", "wrong"), {{"Content-Type", json_type}});
    EXPECT_EQ(wrong.status, 401);
    EXPECT_EQ(wrong.body, R"({"success":false})");
    EXPECT_EQ(wrong.header("WWW-Authenticate"), "Bearer");
    EXPECT_EQ(post("/api/user/jwt-login/", body("ada"), {{"Content-Type", "text/plain"}}).status, 415);
    EXPECT_EQ(post("/api/user/jwt-login/", R"({"username":"a","password":"b","x":1})").body,
              R"({"x":["This field is not known here."]})");
    for (const char* form : {"username=ada", "username=ada&password=%zz", "username=ada&password=%ff",
                             "username=ada&username=bob&password=x", "username", "username=ada&password=%00"})
        EXPECT_EQ(post("/api/user/jwt-login/", form, {{"Content-Type", form_type}}).status, 400) << form;
}

TEST_F(Logins, logging_out_of_images_deletes_the_cookies) {
    account("ada");
    const auto in = post("/api/user/jwt-login/", body("ada"));
    EXPECT_EQ(post("/api/user/jwt-logout/", "").status, 401);
    const auto out = post("/api/user/jwt-logout/", "", {{"Cookie", jar(in)}, {"Sec-Fetch-Site", "same-origin"}});
    EXPECT_EQ(out.status, 204);
    EXPECT_EQ(out.body, "");
    expect_cleared_cookies(out);
    EXPECT_EQ(status_with(jar(in)), 401);
}

TEST_F(Logins, of_images_gives_tokens_of_forty_digits_that_stay) {
    const auto ada = account("ada");
    const auto answer = post("/api/user/token/", "username=ada&password=correct+horse", {{"Content-Type", form_type}});
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.json().MemberCount(), 1u);
    const std::string token = answer.json()["token"].GetString();
    EXPECT_EQ(token.size(), 40u);
    EXPECT_EQ(token.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_TRUE(cookies(answer).empty());
    clock_.advance(Seconds{400 * 24 * 3600});
    EXPECT_EQ(send("GET", "/api/jobs/", {}, {}, {{"Authorization", "Token " + token}}).status, 200);
    const auto wrong = post("/api/user/token/", body("ada", "wrong"));
    EXPECT_EQ(wrong.status, 400);
    EXPECT_EQ(wrong.body, R"({"non_field_errors":["Unable to authenticate with provided credentials."]})");
    EXPECT_EQ(post("/api/user/token/", "{}").body,
              R"({"password":["This field is required."],"username":["This field is required."]})");
    for (int i = 0; i < 50; ++i) post("/api/user/token/", body("ada"));
    EXPECT_EQ(tokens_->list(ada.id, clock_.now().wall).value().size(), 50u) << "the oldest make room";
    EXPECT_EQ(send("GET", "/api/jobs/", {}, {}, {{"Authorization", "Token " + token}}).status, 200) << "remembered";
    clock_.advance(Seconds{2});
    EXPECT_EQ(send("GET", "/api/jobs/", {}, {}, {{"Authorization", "Token " + token}}).status, 401);
}

// all

TEST_F(Logins, one_throttle_is_behind_all_of_them_and_answers_in_each_ones_words) {
    account("ada");
    const std::string paths[] = {"/api/users/authenticate/", "/v1/login",       "/api/login", "/api/login/",
                                 "/api/user/jwt-login/",     "/api/user/token/"};
    for (int i = 0; i < 10; ++i) EXPECT_NE(post(paths[i % 6], body("ada", "wrong")).status, 429);
    for (const auto& path : paths) {
        const auto answer = post(path, body("ada"));
        EXPECT_EQ(answer.status, 429) << path;
        EXPECT_EQ(answer.header("Retry-After"), "1");
    }
    EXPECT_EQ(post("/v1/login", body("ada")).body,
              R"({"error":true,"message":"Too many failed logins. Wait before you try again."})");
    EXPECT_EQ(post("/api/login", body("ada")).body, "Too many failed logins. Wait before you try again.");
    EXPECT_EQ(post("/api/user/token/", body("ada")).body,
              R"({"detail":"Too many failed logins. Wait before you try again."})");
    clock_.advance(Seconds{1});
    EXPECT_EQ(post("/v1/login", body("ada")).status, 200);
}

TEST_F(Logins, a_foreign_page_cannot_log_its_visitors_in) {
    account("ada");
    for (const char* path : {"/api/users/authenticate/", "/v1/login", "/api/login", "/api/login/",
                             "/api/user/jwt-login/", "/api/user/token/"}) {
        const auto answer = post(path, body("ada"), {{"Sec-Fetch-Site", "cross-site"}});
        EXPECT_EQ(answer.status, 403) << path;
        EXPECT_TRUE(cookies(answer).empty());
        EXPECT_EQ(post(path, body("ada"), {{"Origin", "http://evil.example"}, {"Host", "here.example"}}).status, 403);
        EXPECT_EQ(post(path, body("ada"), {{"Origin", "http://here.example"}, {"Host", "here.example"}}).status, 200);
    }
}

TEST_F(Logins, a_disabled_account_neither_comes_in_nor_stays) {
    const auto ada = account("ada");
    const auto token = token_of("ada");
    ASSERT_EQ(get("/api/jobs/", token).status, 200);
    execute("update account set disabled_us = 1");
    credentials_->forget(ada.id);
    EXPECT_EQ(get("/api/jobs/", token).status, 401);
    EXPECT_EQ(post("/v1/login", body("ada")).status, 401);
    EXPECT_EQ(post("/api/users/authenticate/", body("ada")).status, 404);
}

TEST_F(Logins, are_in_the_audit_with_whose_they_were) {
    const auto ada = account("ada");
    post("/v1/login", body("ada"));
    post("/v1/login", body("ada", "wrong"));
    post("/v1/login", body("my secret password typed as a name", "x"));
    auto session = pool_->lease();
    const auto rows = (*session)->query("select account, actor, status, detail from audit_entry order by number");
    ASSERT_TRUE(rows);
    ASSERT_EQ(rows->size(), 3u);
    EXPECT_EQ((*rows)[0].integer_or_null(0), ada.id.value);
    EXPECT_EQ((*rows)[0].integer(2), 200);
    EXPECT_EQ((*rows)[1].text(1), "ada");
    EXPECT_EQ((*rows)[1].integer(2), 401);
    EXPECT_EQ((*rows)[1].text(3), "wrong password");
    EXPECT_EQ((*rows)[2].text(1), "");
    EXPECT_EQ((*rows)[2].text(3), "unknown name");
}

// sessions and renewal

TEST_F(Logins, an_expired_access_token_is_renewed_by_the_answer_that_needed_it) {
    account("ada");
    const auto in = post("/v1/login", body("ada"));
    clock_.advance(Seconds{3700});
    EXPECT_EQ(get("/api/jobs/", in.json()["token"].GetString()).status, 401) << "a header is not renewed";
    EXPECT_EQ(status_with(jar(in, "access_token")), 401) << "nor a cookie alone";
    for (const std::string& cookie : {jar(in), jar(in, "refresh_token")}) {
        const auto answer = send("GET", "/api/jobs/", {}, {}, {{"Cookie", cookie}});
        EXPECT_EQ(answer.status, 200);
        const auto fresh = cookies(answer);
        ASSERT_EQ(fresh.size(), 2u);
        EXPECT_TRUE(fresh[0].starts_with("access_token=ey"));
        EXPECT_TRUE(fresh[1].starts_with("Authorization=\"Bearer ey"));
        const auto renewed = send("GET", "/api/jobs/", {}, {}, {{"Cookie", jar(answer, "access_token")}});
        EXPECT_EQ(renewed.status, 200);
        EXPECT_TRUE(cookies(renewed).empty());
    }
    const auto refused = send("GET", "/api/users/", {}, {}, {{"Cookie", jar(in)}});
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(cookies(refused).size(), 2u) << "also an answer that refuses";
    EXPECT_EQ(post("/api/jobs/cancel/", "{}", {{"Cookie", jar(in)}, {"Sec-Fetch-Site", "cross-site"}}).status, 403);
}

TEST_F(Logins, renewal_works_for_streams_too) {
    account("ada");
    const auto in = post("/v1/login", body("ada"));
    const auto job = submit({UserId{}, in.json()["token"].GetString()});
    clock_.advance(Seconds{3700});
    const auto stream =
        open("/api/jobs/" + job.text() + "/events/", "", {{"Cookie", jar(in)}, {"Accept", "text/event-stream"}});
    EXPECT_EQ(stream.status, 200);
    EXPECT_TRUE(stream.response.stream);
    EXPECT_EQ(cookies(stream).size(), 2u);
}

TEST_F(Logins, a_session_ends_with_its_time_whatever_renews_it) {
    account("ada");
    const auto in = post("/v1/login", body("ada"));
    clock_.advance(Seconds{86'400 - 600});
    const auto answer = send("GET", "/api/jobs/", {}, {}, {{"Cookie", jar(in)}});
    ASSERT_EQ(cookies(answer).size(), 2u);
    EXPECT_NE(cookies(answer)[0].find("Max-Age=600;"), std::string::npos) << "never longer than the session";
    clock_.advance(Seconds{601});
    EXPECT_EQ(status_with(jar(in)), 401);
    EXPECT_EQ(status_with(jar(answer, "access_token")), 401);
}

TEST_F(Logins, a_bad_access_token_is_not_saved_by_a_good_refresh_token) {
    account("ada");
    const auto in = post("/v1/login", body("ada"));
    const auto refresh = jar(in, "refresh_token");
    for (const char* bad : {"access_token=a.b.c", "access_token=rubbish", "access_token=a b", "access_token=..",
                            "Authorization=Bearer rubbish", "Authorization=Basic eA=="})
        EXPECT_EQ(status_with(bad + ("; " + refresh)), 401) << bad;
    EXPECT_EQ(get("/api/jobs/", refresh.substr(refresh.find('=') + 1)).status, 401) << "it is no access token";
}

TEST_F(Logins, cookies_of_scripts_may_be_quoted_or_raw) {
    account("ada");
    const auto token = token_of("ada");
    for (const std::string& cookie :
         {"Authorization=Bearer " + token, "Authorization=\"Bearer " + token + "\"", "Authorization=Bearer%20" + token,
          "Authorization=Token " + token, "access_token=" + token, "access_token=\"" + token + "\""})
        EXPECT_EQ(status_with(cookie), 200) << cookie;
}

TEST_F(Logins, every_changed_character_of_a_token_closes_it) {
    account("ada");
    const auto token = token_of("ada");
    for (std::size_t at = 0; at < token.size(); ++at) {
        std::string changed = token;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        ASSERT_EQ(get("/api/jobs/", changed).status, 401) << at;
    }
}

TEST_F(Logins, the_use_of_a_session_is_noted_once_a_minute) {
    const auto ada = account("ada");
    const auto token = token_of("ada");
    const auto last_used = [&] { return sessions_->list(ada.id, clock_.now().wall).value().front().last_used; };
    const auto opened = last_used();
    clock_.advance(Seconds{59});
    get("/api/jobs/", token);
    EXPECT_EQ(last_used(), opened);
    clock_.advance(Seconds{2});
    get("/api/jobs/", token);
    EXPECT_EQ(last_used(), opened + Seconds{61});
}

TEST_F(Logins, tables_hold_neither_refresh_tokens_nor_access_tokens) {
    account("ada");
    const auto in = post("/v1/login", body("ada"));
    const auto refresh = jar(in, "refresh_token").substr(std::string("refresh_token=").size());
    auto session = pool_->lease();
    const auto rows = (*session)->query("select id, refresh_hash, label, address from session");
    ASSERT_EQ(rows->size(), 1u);
    for (std::size_t column = 0; column < 4; ++column)
        EXPECT_EQ(rows->front().text(column).find(refresh), std::string::npos);
    EXPECT_EQ(status_with("refresh_token=" + rows->front().text(1)), 401);
}

}  // namespace
}  // namespace windlass::api::test
