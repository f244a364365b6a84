#include "shared/audit.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "shared/digest.h"

namespace windlass {
namespace {

std::vector<AuditEntry> chain_of(int length) {
    initialise_crypto();
    std::vector<AuditEntry> chain;
    for (int i = 1; i <= length; ++i) {
        AuditEntry entry;
        entry.number = i;
        entry.at = from_unix_us(1'800'000'000'000'000 + i);
        if (i % 2 == 0) entry.account = UserId{7};
        entry.actor = "ada";
        entry.credential = "token 3";
        entry.address = "192.0.2.7";
        entry.action = "DELETE /api/jobs/{id}/";
        entry.object = "/api/jobs/" + std::to_string(i) + "/";
        entry.status = 202;
        entry.request_id = "r" + std::to_string(i);
        entry.previous_hash = chain.empty() ? "" : chain.back().hash;
        entry.hash = audit_hash(entry);
        chain.push_back(entry);
    }
    return chain;
}

std::string fault_of(const std::vector<AuditEntry>& chain) {
    AuditChain walk;
    for (const auto& entry : chain)
        if (const auto fault = walk.check(entry)) return *fault;
    return {};
}

TEST(AuditChain, as_it_was_written_it_fits_from_any_entry_on) {
    auto chain = chain_of(5);
    EXPECT_EQ(fault_of(chain), "");
    chain.erase(chain.begin(), chain.begin() + 2);
    EXPECT_EQ(fault_of(chain), "");
}

TEST(AuditChain, a_change_of_any_field_shows) {
    using Change = std::function<void(AuditEntry&)>;
    const std::vector<Change> changes = {
        [](AuditEntry& e) { e.at += Microseconds{1}; },
        [](AuditEntry& e) { e.account = UserId{8}; },
        [](AuditEntry& e) { e.account.reset(); },
        [](AuditEntry& e) { e.actor = "adb"; },
        [](AuditEntry& e) { e.credential = ""; },
        [](AuditEntry& e) { e.address = "192.0.2.8"; },
        [](AuditEntry& e) { e.action = "GET /api/jobs/{id}/"; },
        [](AuditEntry& e) { e.object = "/api/jobs/3/"; },
        [](AuditEntry& e) { e.status = 404; },
        [](AuditEntry& e) { e.request_id = "r"; },
        [](AuditEntry& e) { e.detail = "x"; },
        // The same bytes with the border between two fields elsewhere.
        [](AuditEntry& e) { e.actor = "adatoken", e.credential = " 3"; },
        [](AuditEntry& e) { e.hash[0] = e.hash[0] == '0' ? '1' : '0'; },
        [](AuditEntry& e) { e.previous_hash = ""; },
    };
    for (std::size_t i = 0; i < changes.size(); ++i) {
        auto chain = chain_of(5);
        changes[i](chain[1]);
        EXPECT_NE(fault_of(chain), "") << "change " << i;
    }
}

TEST(AuditChain, a_missing_a_moved_and_an_inserted_entry_show) {
    auto missing = chain_of(5);
    missing.erase(missing.begin() + 2);
    EXPECT_EQ(fault_of(missing), "after entry 2 comes entry 4: some are missing, or were put in another order");
    auto moved = chain_of(5);
    std::swap(moved[1], moved[2]);
    EXPECT_NE(fault_of(moved), "");
    auto inserted = chain_of(5);
    inserted.insert(inserted.begin() + 2, inserted[1]);
    EXPECT_NE(fault_of(inserted), "");
}

TEST(AuditChain, whoever_writes_an_entry_anew_has_to_write_all_after_it_anew) {
    auto chain = chain_of(5);
    chain[1].actor = "eve";
    chain[1].hash = audit_hash(chain[1]);
    EXPECT_EQ(fault_of(chain), "entry 3 names another predecessor than entry 2");
}

TEST(AuditChain, the_first_entry_has_no_predecessor) {
    auto chain = chain_of(1);
    chain[0].previous_hash = "00";
    chain[0].hash = audit_hash(chain[0]);
    EXPECT_EQ(fault_of(chain), "entry 1 names a predecessor: the first was replaced");
}

}  // namespace
}  // namespace windlass
