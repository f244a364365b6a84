// POST /api/notify/admin with a real SMTP server, and the entries for the admins.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <fstream>
#include <future>

#include "tests/api/api_fixture.h"
#include "tests/api/monitoring/played_mail_server.h"

namespace windlass::api::test {
namespace {

class NotifyAdmin : public ApiTest {
  protected:
    NotifyAdmin() {
        use({server_of_mail_.url(), "windlass@example.org", {"root@example.org", "ops@example.org"}, {}, {}});
    }
    void use(MailSettings mail) {
        monitoring_ = std::make_unique<Monitoring>(*pool_, config_.scheduler.first_job_id, std::move(mail));
        build_app();
    }
    Answer notify(const std::string& body) { return send("POST", "/api/notify/admin", body); }
    std::string notices() { return get("/api/admin/notices/", boss_.token).body; }
    PlayedMailServer server_of_mail_;
    Account boss_ = make_account("boss", Roles(Role::admin));
};

TEST_F(NotifyAdmin, sends_a_mail_and_leaves_an_entry) {
    const auto answer = notify(R"({"username":"ada","Roles":["user","job-control"]})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.body, "");
    const auto mails = server_of_mail_.mails();
    ASSERT_EQ(mails.size(), 1u);
    EXPECT_EQ(mails[0].from, "<windlass@example.org>");
    EXPECT_EQ(mails[0].to, (std::vector<std::string>{"<root@example.org>", "<ops@example.org>"}));
    EXPECT_EQ(mails[0].header("To"), "root@example.org, ops@example.org");
    EXPECT_EQ(mails[0].header("Date"), "Fri, 15 Jan 2027 08:00:00 +0000");
    const auto text = mails[0].decoded_body();
    EXPECT_NE(text.find("ada\n"), std::string::npos) << text;
    EXPECT_NE(text.find("user, job-control"), std::string::npos) << text;

    EXPECT_EQ(notices(), R"([{"id":1,"username":"ada","roles":["user","job-control"],"address":"192.0.2.1","times":1,)"
                         R"("first":"2027-01-15T08:00:00.000Z","last":"2027-01-15T08:00:00.000Z"}])");
}

TEST_F(NotifyAdmin, nothing_in_a_user_info_becomes_a_header_or_ends_the_message) {
    for (const char* name : {R"(ada\r\nBcc: everybody@example.org)", R"(ada\nX: y)", R"(ada\u0000)", R"(a\u007f)",
                             R"(ada\r\n.\r\nMAIL FROM:<x@y>)"})
        EXPECT_EQ(notify(fmt::format(R"({{"Username":"{}"}})", name)).status, 400) << name;
    EXPECT_EQ(server_of_mail_.mails().size(), 0u);
    EXPECT_EQ(notices(), "[]");

    // What is no control character passes, and stands in the body alone. U+0085 and U+2028 are line ends to some.
    const std::string names[] = {R"(Bcc: x@y.z <a@b>, ada)", R"(.)", R"(ada\u0085Bcc: x@y.z\u2028.\u2028)",
                                 "ädä ☃ =?utf-8?q?x?="};
    for (const auto& name : names) EXPECT_EQ(notify(fmt::format(R"({{"Username":"{}"}})", name)).status, 200) << name;
    const auto mails = server_of_mail_.mails();
    ASSERT_EQ(mails.size(), 4u);
    for (const auto& mail : mails) {
        EXPECT_EQ(mail.to.size(), 2u);
        EXPECT_EQ(mail.header("Bcc"), "");
        EXPECT_EQ(mail.header("Subject"), "Windlass: a user asks for access");
        for (const char c : mail.message) EXPECT_TRUE(c == '\r' || c == '\n' || (c >= ' ' && c < 0x7f));
    }
    EXPECT_NE(mails[3].decoded_body().find("ädä ☃"), std::string::npos);
}

TEST_F(NotifyAdmin, bad_bodies_are_refused_as_text) {
    for (const std::string& body :
         {std::string(""), std::string("[]"), std::string("{}"), std::string(R"({"Username":""})"),
          std::string(R"({"Username":" "})"), std::string(R"({"Username":1})"),
          std::string(R"({"Username":"a","Roles":["root"]})"), std::string(R"({"Username":"a","Roles":"user"})"),
          "{\"Username\":\"" + std::string(256, 'a') + "\"}"}) {
        const auto answer = notify(body);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_EQ(answer.response.content_type.substr(0, 10), "text/plain");
    }
    EXPECT_EQ(server_of_mail_.mails().size(), 0u);
}

TEST_F(NotifyAdmin, without_a_mail_server_is_503) {
    use({});
    const auto answer = notify(R"({"Username":"ada"})");
    EXPECT_EQ(answer.status, 503);
    EXPECT_NE(answer.header("Retry-After"), "");
    EXPECT_EQ(answer.response.content_type.substr(0, 10), "text/plain");
    EXPECT_EQ(notices(), "[]");
}

TEST_F(NotifyAdmin, when_the_mail_server_does_not_take_it_the_admins_see_it_all_the_same) {
    server_of_mail_.refuse_recipients();
    EXPECT_EQ(notify(R"({"Username":"ada"})").status, 503);
    EXPECT_NE(notices().find(R"("username":"ada")"), std::string::npos);
    use({"smtp://127.0.0.1:1", "windlass@example.org", {"root@example.org"}, {}, {}});
    const auto answer = notify(R"({"Username":"bob"})");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.body.find("127.0.0.1"), std::string::npos) << "strangers do not learn where it is";
    EXPECT_NE(notices().find(R"("username":"bob")"), std::string::npos);
}

TEST(MailCarrier, has_one_mail_on_its_way_and_is_free_again_when_it_says_what_became_of_it) {
    std::promise<void> server_answers;
    std::promise<Status> first, second;
    MailCarrier carrier({"smtp://mail.example.org", "a@b", {"c@d"}, {}, {}},
                        [&, asked = 0](const MailSettings&, const Mail& mail, WallTime) mutable -> Status {
                            if (++asked > 1) return {};
                            server_answers.get_future().wait();
                            return make_error(ErrorKind::unavailable, "not " + mail.subject);
                        });
    ASSERT_TRUE(carrier.send({"one", "text"}, WallTime{}, [&](Status sent) { first.set_value(std::move(sent)); }));
    const auto refused = carrier.send({"two", "text"}, WallTime{}, [](const Status&) { FAIL(); });
    ASSERT_FALSE(refused) << "and nobody waited";
    EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
    server_answers.set_value();
    EXPECT_EQ(first.get_future().get().error().message, "not one");
    ASSERT_TRUE(carrier.send({"three", "text"}, WallTime{}, [&](Status sent) { second.set_value(std::move(sent)); }));
    EXPECT_TRUE(second.get_future().get());
}

TEST_F(NotifyAdmin, is_throttled_by_address_and_altogether) {
    for (int i = 0; i < 5; ++i) EXPECT_EQ(notify(R"({"Username":"ada"})").status, 200);
    const auto answer = notify(R"({"Username":"ada"})");
    EXPECT_EQ(answer.status, 429);
    EXPECT_EQ(answer.header("Retry-After"), "3600");
    for (int i = 2; i < 27; ++i) {
        remote_address_ = fmt::format("192.0.2.{}", i);
        EXPECT_EQ(notify(R"({"Username":"bob"})").status, 200);
    }
    remote_address_ = "198.51.100.1";
    EXPECT_EQ(notify(R"({"Username":"carol"})").status, 429) << "thirty in an hour";
    EXPECT_EQ(server_of_mail_.mails().size(), 30u);
    clock_.advance(Seconds{3600});
    EXPECT_EQ(notify(R"({"Username":"carol"})").status, 200);
    EXPECT_NE(notices().find(R"("username":"ada","roles":[],"address":"192.0.2.1","times":5)"), std::string::npos);
}

TEST_F(NotifyAdmin, entries_are_listed_and_removed_by_admins_alone) {
    notify(R"({"Username":"ada"})");
    clock_.advance(Seconds{1});
    notify(R"({"Username":"bob"})");
    clock_.advance(Seconds{1});
    notify(R"({"Username":"ADA","Roles":["user"]})");
    const auto list = get("/api/admin/notices/", boss_.token).json();
    ASSERT_EQ(list.Size(), 2u) << "one for each name";
    EXPECT_STREQ(list[0]["username"].GetString(), "ada");
    EXPECT_EQ(list[0]["times"].GetInt(), 2);
    const std::string target = fmt::format("/api/admin/notices/{}/", list[0]["id"].GetInt64());
    const auto ada = make_account("ada");
    EXPECT_EQ(send("DELETE", target, {}, ada.token).status, 403);
    EXPECT_EQ(get("/api/admin/notices/", ada.token).status, 403);
    EXPECT_EQ(send("DELETE", target, {}, boss_.token).status, 204);
    EXPECT_EQ(send("DELETE", target, {}, boss_.token).status, 404);
    EXPECT_EQ(get("/api/admin/notices/", boss_.token).json().Size(), 1u);
}

TEST_F(NotifyAdmin, settings_of_mail_are_whole_or_refused) {
    Config config;
    EXPECT_FALSE(mail_settings(config.api)->configured());
    config.api.smtp_url = "smtp://mail.example.org";
    EXPECT_FALSE(mail_settings(config.api)) << "no sender";
    config.api.smtp_from = "windlass@example.org";
    EXPECT_FALSE(mail_settings(config.api)) << "no recipient";
    config.api.smtp_to = {"root@example.org"};
    EXPECT_TRUE(mail_settings(config.api));
    for (const char* bad : {"http://mail.example.org", "smtp://user:password@mail.example.org", "mail.example.org"}) {
        config.api.smtp_url = bad;
        EXPECT_FALSE(mail_settings(config.api)) << bad;
    }
    config.api.smtp_url = "smtps://mail.example.org";
    for (const char* bad : {"root", "a@b\r\nBcc: c@d", "<a@b>", "a@b, c@d", "@", "a@"}) {
        config.api.smtp_to = {bad};
        EXPECT_FALSE(mail_settings(config.api)) << bad;
    }
    config.api.smtp_to = {"root@example.org"};
    config.api.smtp_user = "windlass";
    EXPECT_FALSE(mail_settings(config.api)) << "no file";
    config.api.smtp_password_file = directory_ + "/smtp-password";
    std::ofstream(config.api.smtp_password_file) << "secret\n";
    ::chmod(config.api.smtp_password_file.c_str(), 0644);
    const auto refused = mail_settings(config.api);
    ASSERT_FALSE(refused) << "others may read it";
    EXPECT_EQ(refused.error().message.find("secret"), std::string::npos);
    ::chmod(config.api.smtp_password_file.c_str(), 0600);
    EXPECT_EQ(mail_settings(config.api)->password, "secret");
}

}  // namespace
}  // namespace windlass::api::test
