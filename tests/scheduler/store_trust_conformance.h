// Tokens and trust of workers of other machines, and what a worker may fetch: what every store must do.
#pragma once

#include "tests/scheduler/store_conformance.h"

namespace windlass::scheduler::test {

inline StoredToken a_token(const std::string& hash, const std::string& name = "node-1") {
    return {hash, name, at(0), at(900), std::nullopt, 0};
}
inline Redemption redeem(const std::string& hash, const std::string& key, const std::string& name = "node-1",
                         std::int64_t second = 1) {
    return {hash, name, key, at(second)};
}

TEST_P(EveryStore, a_token_is_good_once_and_answered_again_to_the_same_key) {
    ASSERT_TRUE(store->keep_token(a_token("hash")));
    EXPECT_EQ(store->redeem_token(redeem("hash", "key")).value(), 1);
    EXPECT_EQ(store->redeem_token(redeem("hash", "key")).value(), 1) << "the answer was lost";
    const auto other = store->redeem_token(redeem("hash", "another key"));
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().kind, ErrorKind::denied);
    EXPECT_NE(other.error().message.find("was used already"), std::string::npos);
    const auto trust = store->load().value().trust;
    EXPECT_EQ(trust, (std::vector<WorkerTrust>{{"node-1", 1, false}}));
}

TEST_P(EveryStore, a_token_ends_and_is_for_one_name) {
    ASSERT_TRUE(store->keep_token(a_token("hash")));
    const auto message = [&](const Redemption& redemption) {
        const auto refused = store->redeem_token(redemption);
        EXPECT_FALSE(refused);
        if (refused) return std::string();
        EXPECT_EQ(refused.error().kind, ErrorKind::denied);
        return refused.error().message;
    };
    EXPECT_NE(message(redeem("hash", "key", "node-2")).find("is for the worker \"node-1\" and not for \"node-2\""),
              std::string::npos);
    EXPECT_NE(message(redeem("hash", "key", "node-1", 900)).find("ended at"), std::string::npos);
    EXPECT_NE(message(redeem("other", "key")).find("is not known here"), std::string::npos);
    EXPECT_TRUE(store->load().value().trust.empty());
    EXPECT_TRUE(store->redeem_token(redeem("hash", "key", "node-1", 899)));
    EXPECT_NE(message(redeem("hash", "key", "node-1", 900)).find("ended at"), std::string::npos);
}

TEST_P(EveryStore, each_enrolment_begins_a_generation_and_ends_a_revocation) {
    ASSERT_TRUE(store->keep_token(a_token("one")));
    ASSERT_TRUE(store->keep_token(a_token("two")));
    EXPECT_EQ(store->redeem_token(redeem("one", "key")).value(), 1);
    EXPECT_EQ(store->redeem_token(redeem("two", "next key")).value(), 2);
    const auto late = store->redeem_token(redeem("one", "key"));
    ASSERT_FALSE(late) << "another machine has this name now";
    EXPECT_NE(late.error().message.find("revoked or replaced"), std::string::npos);
    ASSERT_TRUE(store->keep_token(a_token("withdrawn")));
    ASSERT_TRUE(store->revoke_worker("node-1", at(5)));
    EXPECT_TRUE(store->revoke_worker("node-1", at(6))) << "asked for twice";
    EXPECT_EQ(store->load().value().trust, (std::vector<WorkerTrust>{{"node-1", 2, true}}));
    for (const char* hash : {"two", "withdrawn"})
        EXPECT_EQ(store->redeem_token(redeem(hash, "next key")).error().kind, ErrorKind::denied) << hash;
    ASSERT_TRUE(store->keep_token(a_token("three")));
    EXPECT_EQ(store->redeem_token(redeem("three", "last key")).value(), 3);
    EXPECT_EQ(store->load().value().trust, (std::vector<WorkerTrust>{{"node-1", 3, false}}));
}

TEST_P(EveryStore, nobody_is_revoked_who_was_never_enrolled) {
    EXPECT_EQ(store->revoke_worker("node-1", at(1)).error().kind, ErrorKind::not_found);
    ASSERT_TRUE(store->keep_token(a_token("hash")));
    EXPECT_TRUE(store->revoke_worker("node-1", at(1))) << "its token is withdrawn";
    EXPECT_EQ(store->revoke_worker("node-1", at(1)).error().kind, ErrorKind::not_found);
}

TEST_P(EveryStore, trust_is_changed_by_the_leader_alone) {
    ASSERT_TRUE(store->keep_token(a_token("hash")));
    database->break_lock();
    const auto next = database->open();
    ASSERT_TRUE(next->lead());
    EXPECT_EQ(store->keep_token(a_token("late")).error().kind, ErrorKind::stale);
    EXPECT_EQ(store->redeem_token(redeem("hash", "key")).error().kind, ErrorKind::stale);
    EXPECT_EQ(store->revoke_worker("node-1", at(1)).error().kind, ErrorKind::stale);
    EXPECT_TRUE(next->redeem_token(redeem("hash", "key")));
}

TEST_P(EveryStore, says_whether_a_job_needs_a_file) {
    Batch batch = submit(100, 2);
    batch.jobs[0].spec.files = {{"in/a.txt", "00ff"}, {"b", "11ee"}};
    commit(batch);
    const std::vector<JobId> both{JobId{100}, JobId{101}};
    EXPECT_TRUE(store->needs_file(both, "00ff").value());
    EXPECT_TRUE(store->needs_file({JobId{100}}, "11ee").value());
    EXPECT_FALSE(store->needs_file({JobId{101}}, "00ff").value());
    EXPECT_FALSE(store->needs_file(both, "22dd").value());
    EXPECT_FALSE(store->needs_file({}, "00ff").value());
}

}  // namespace windlass::scheduler::test
