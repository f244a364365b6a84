// The audit: what is in it, what is not, and that a change to it shows.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/api/api_fixture.h"
#include "tests/support/patience.h"

namespace windlass::api::test {
namespace {

class Audit : public ApiTest {
  protected:
    // All entries, once there are as many as expected. Those that nobody waits for come a moment later.
    std::vector<AuditEntry> entries(std::size_t expected) {
        const auto deadline = std::chrono::steady_clock::now() + windlass::test::patience();
        for (;;) {
            auto all = audit_entries_->upwards(1, std::nullopt, 1000);
            EXPECT_TRUE(all);
            if (all->size() >= expected || std::chrono::steady_clock::now() > deadline) return *std::move(all);
            std::this_thread::yield();
        }
    }
    std::string fault() {
        AuditChain chain;
        const auto all = audit_entries_->upwards(1, std::nullopt, 1000);
        for (const auto& entry : *all)
            if (const auto found = chain.check(entry)) return *found;
        return {};
    }
    Account ada = make_account("ada");
    Account boss = make_account("boss", Role::admin);
};

TEST_F(Audit, a_change_is_recorded_with_who_what_where_and_how_it_ended) {
    const auto answer =
        send("POST", "/api/jobs/submit/", R"({"code":"","data":"","running_commands":"true"})", ada.token);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto all = entries(1);
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].number, 1);
    EXPECT_EQ(all[0].account, ada.id);
    EXPECT_EQ(all[0].actor, "ada");
    EXPECT_EQ(all[0].credential.substr(0, 6), "token ");
    EXPECT_EQ(all[0].action, "POST /api/jobs/submit/");
    EXPECT_EQ(all[0].object, "/api/jobs/" + answer.id() + "/");
    EXPECT_EQ(all[0].status, 200);
    EXPECT_FALSE(all[0].request_id.empty());
    EXPECT_EQ(fault(), "");
}

TEST_F(Audit, reading_is_not_recorded_and_neither_is_who_has_no_credential) {
    get("/api/jobs/", ada.token);
    get("/api/audit/", boss.token);
    send("DELETE", "/api/jobs/7/", {}, "not-a-token");
    send("DELETE", "/api/jobs/7/");
    send("PUT", "/api/nothing/", "{}", ada.token);
    send("DELETE", "/api/jobs/7/", {}, ada.token);  // 404: tried, and recorded
    const auto all = entries(1);
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].status, 404);
    EXPECT_EQ(all[0].object, "/api/jobs/7/");
}

TEST_F(Audit, a_refused_login_is_recorded_before_its_answer_and_without_what_was_typed) {
    const auto answer =
        send("POST", "/api/users/authenticate/", R"({"username":"hunter2-typed-as-name","password":"canary-7731"})");
    EXPECT_EQ(answer.status, 404);
    const auto all = audit_entries_->upwards(1, std::nullopt, 10);
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 1U) << "durable before the answer: no waiting here";
    EXPECT_EQ((*all)[0].status, 404);
    EXPECT_FALSE((*all)[0].account);
    for (const auto& text : {(*all)[0].actor, (*all)[0].object, (*all)[0].detail, (*all)[0].credential}) {
        EXPECT_EQ(text.find("hunter2"), std::string::npos);
        EXPECT_EQ(text.find("canary"), std::string::npos);
    }
}

TEST_F(Audit, what_a_refused_request_has_in_its_path_is_not_recorded_unless_it_is_a_number) {
    EXPECT_EQ(send("DELETE", "/api/tokens/" + boss.token + "/", {}, boss.token).status, 404);
    EXPECT_EQ(send("PATCH", "/api/users/" + ada.token, R"({"disabled":true})", boss.token).status, 404);
    EXPECT_EQ(send("PUT", "/api/quotas/canary-7731/", "{}", ada.token).status, 403);
    EXPECT_EQ(send("DELETE", "/api/tiers/Basic/", {}, boss.token).status, 409) << "a name of something that is there";
    const auto all = entries(4);
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[0].object, "/api/tokens/{id}/");
    EXPECT_EQ(all[1].object, "/api/users/{id}/");
    EXPECT_EQ(all[2].object, "/api/quotas/{subject}/");
    EXPECT_EQ(all[3].object, "/api/tiers/Basic/");
}

TEST_F(Audit, what_an_admin_changes_is_durable_before_the_answer) {
    EXPECT_EQ(send("PUT", "/api/quotas/tier:Basic/", R"({"queued":5})", boss.token).status, 200);
    const auto all = audit_entries_->upwards(1, std::nullopt, 10);
    ASSERT_EQ(all->size(), 1U);
    EXPECT_EQ((*all)[0].object, "/api/quotas/tier:Basic/");
    EXPECT_EQ((*all)[0].actor, "boss");
}

TEST_F(Audit, admins_read_it_from_either_end) {
    for (int i = 0; i < 5; ++i) send("DELETE", "/api/jobs/" + std::to_string(100 + i) + "/", {}, ada.token);
    send("DELETE", "/api/jobs/200/", {}, boss.token);
    ASSERT_EQ(entries(6).size(), 6U);
    const auto numbers = [&](const std::string& query) {
        std::string text;
        const auto answer = get("/api/audit/" + query, boss.token);
        EXPECT_EQ(answer.status, 200) << answer.body;
        const auto json = answer.json();
        for (const auto& entry : json.GetArray()) text += std::to_string(entry["number"].GetInt64()) + " ";
        return text;
    };
    EXPECT_EQ(numbers(""), "6 5 4 3 2 1 ");
    EXPECT_EQ(numbers("?limit=2"), "6 5 ");
    EXPECT_EQ(numbers("?limit=2&before=5"), "4 3 ");
    EXPECT_EQ(numbers("?from=4"), "4 5 6 ");
    EXPECT_EQ(numbers("?from=2&limit=1"), "2 ");
    EXPECT_EQ(numbers("?account=" + boss.id.text()), "6 ");
    EXPECT_EQ(get("/api/audit/", ada.token).status, 403);
    for (const char* bad :
         {"?limit=0", "?limit=x", "?account=", "?from=", "?from=-1", "?from=1&before=2", "?account=ada", "?x=1"})
        EXPECT_EQ(get("/api/audit/" + std::string(bad), boss.token).status, 400) << bad;
}

TEST_F(Audit, what_is_read_carries_all_that_the_hash_covers) {
    send("DELETE", "/api/jobs/100/", {}, ada.token);
    ASSERT_EQ(entries(1).size(), 1U);
    const auto json = get("/api/audit/?from=1", boss.token).json();
    AuditEntry entry;
    const auto& row = json[0];
    entry.number = row["number"].GetInt64();
    entry.at = from_unix_us(row["at_us"].GetInt64());
    entry.account = UserId{std::stoll(row["account"].GetString())};
    entry.actor = row["actor"].GetString();
    entry.credential = row["credential"].GetString();
    entry.address = row["address"].GetString();
    entry.action = row["action"].GetString();
    entry.object = row["object"].GetString();
    entry.status = row["status"].GetInt();
    entry.request_id = row["request_id"].GetString();
    entry.detail = row["detail"].GetString();
    entry.previous_hash = row["previous_hash"].GetString();
    EXPECT_EQ(audit_hash(entry), row["hash"].GetString());
}

TEST_F(Audit, a_row_changed_in_the_table_shows) {
    for (int i = 0; i < 3; ++i) send("DELETE", "/api/jobs/" + std::to_string(100 + i) + "/", {}, ada.token);
    ASSERT_EQ(entries(3).size(), 3U);
    EXPECT_EQ(fault(), "");
    execute("update audit_entry set object = '/api/jobs/1/' where number = 2");
    EXPECT_EQ(fault(), "entry 2 was changed after it was written");
    execute("delete from audit_entry where number = 2");
    EXPECT_EQ(fault(), "after entry 1 comes entry 3: some are missing, or were put in another order");
}

TEST_F(Audit, two_processes_write_one_chain) {
    AuditRepository other_repository(*pool_);
    AuditLog other(other_repository, {.gather = Milliseconds{0}});
    AuditLog own(*audit_entries_, {.gather = Milliseconds{0}});
    constexpr int each = 200;
    std::atomic<int> durable{0};
    std::thread one([&] {
        for (int i = 0; i < each; ++i) own.record({}, [&] { ++durable; });
    });
    std::thread two([&] {
        for (int i = 0; i < each; ++i) other.record({}, [&] { ++durable; });
    });
    one.join();
    two.join();
    EXPECT_EQ(entries(2 * each).size(), static_cast<std::size_t>(2 * each));
    EXPECT_EQ(fault(), "");
    EXPECT_EQ(audit_entries_->head()->number, 2 * each);
}

TEST_F(Audit, an_append_whose_end_is_not_known_can_be_repeated) {
    std::vector<AuditEntry> batch(3);
    ASSERT_TRUE(audit_entries_->append(batch));
    ASSERT_TRUE(audit_entries_->append(batch)) << "the answer of the first commit was lost";
    EXPECT_EQ(entries(3).size(), 3U);
    EXPECT_EQ(fault(), "");
}

TEST_F(Audit, a_full_queue_refuses_what_it_could_not_record) {
    AuditRepository repository(*pool_);
    execute("alter table audit_head rename to audit_head_away");
    {
        AuditLog log(repository, {.gather = Milliseconds{0}, .retry = Milliseconds{1}, .most_waiting = 3});
        EXPECT_TRUE(log.has_room());
        for (int i = 0; i < 3; ++i) log.record({});
        EXPECT_FALSE(log.has_room());
        execute("alter table audit_head_away rename to audit_head");
        EXPECT_EQ(entries(3).size(), 3U) << "nothing was lost meanwhile";
    }
    EXPECT_EQ(fault(), "");
}

}  // namespace
}  // namespace windlass::api::test
