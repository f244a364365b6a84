#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "cli/doctor/checks.h"
#include "cli/doctor/finding.h"
#include "shared/json.h"

namespace windlass::cli::doctor {
namespace {

using testing::HasSubstr;

constexpr const char* v2_line = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

std::string v1_line(const std::string& controllers) {
    return "31 23 0:27 / /sys/fs/cgroup/x rw - cgroup cgroup rw," + controllers + "\n";
}

TEST(Cgroups, are_told_apart_by_their_mounts) {
    EXPECT_THAT(judge_cgroups(v2_line).text, HasSubstr("version 2"));
    EXPECT_EQ(judge_cgroups(v2_line).verdict, Verdict::ok);
    const Finding hybrid = judge_cgroups(v1_line("memory") + v1_line("cpu,cpuacct") + v1_line("pids") +
                                         v1_line("xattr,name=systemd") + v2_line);
    EXPECT_EQ(hybrid.verdict, Verdict::ok);
    EXPECT_THAT(hybrid.text, HasSubstr("hybrid"));
    EXPECT_THAT(hybrid.text, HasSubstr("cpu, memory, pids"));
    const Finding old = judge_cgroups(v1_line("memory"));
    EXPECT_EQ(old.verdict, Verdict::warning);
    EXPECT_NE(old.fix, "");
    EXPECT_EQ(judge_cgroups("22 1 0:20 / / rw - ext4 /dev/vda rw\n").verdict, Verdict::bad);
    EXPECT_EQ(judge_cgroups("").verdict, Verdict::bad);
    EXPECT_EQ(judge_cgroups(v1_line("cpuset,cpuacct")).verdict, Verdict::bad) << "neither is cpu";
}

TEST(Room, is_judged_by_bytes_by_part_and_by_files) {
    constexpr double gib = 1024.0 * 1024 * 1024;
    EXPECT_EQ(judge_room("/d", 50 * gib, 100 * gib, 1000, 2000).verdict, Verdict::ok);
    EXPECT_EQ(judge_room("/d", 1.9 * gib, 3 * gib, 0, 0).verdict, Verdict::warning);
    EXPECT_EQ(judge_room("/d", 4 * gib, 100 * gib, 1000, 2000).verdict, Verdict::warning);
    EXPECT_EQ(judge_room("/d", 0.05 * gib, 1 * gib, 1000, 2000).verdict, Verdict::bad);
    EXPECT_EQ(judge_room("/d", 50 * gib, 100 * gib, 10, 2000).verdict, Verdict::bad);
}

TEST(Skew, counts_beyond_what_measuring_may_be_wrong_by) {
    const auto verdict = [](Microseconds ahead) { return judge_skew("x", ahead, Milliseconds{500}).verdict; };
    EXPECT_EQ(verdict(Seconds{0}), Verdict::ok);
    EXPECT_EQ(verdict(Milliseconds{-2500}), Verdict::ok);
    EXPECT_EQ(verdict(Milliseconds{2501}), Verdict::warning);
    EXPECT_EQ(verdict(Seconds{-31}), Verdict::bad);
    EXPECT_THAT(judge_skew("x", Seconds{-200}, {}).text, HasSubstr("3 min 20 s behind"));
}

// Of the PEM kind, valid from `from` to `until` seconds after the epoch.
struct Pair {
    std::string certificate, key;
};

std::string taken(BIO* bio) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(bio, &bytes);
    std::string text(bytes, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
}

Pair make_pair_of(std::time_t from, std::time_t until) {
    EVP_PKEY* const key = EVP_EC_gen("P-256");
    X509* const certificate = X509_new();
    ASN1_TIME_set(X509_getm_notBefore(certificate), from);
    ASN1_TIME_set(X509_getm_notAfter(certificate), until);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    BIO* const certificate_out = BIO_new(BIO_s_mem());
    BIO* const key_out = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(certificate_out, certificate);
    PEM_write_bio_PrivateKey(key_out, key, nullptr, nullptr, 0, nullptr, nullptr);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return {taken(certificate_out), taken(key_out)};
}

TEST(Certificate, is_well_when_it_is_valid_and_the_key_its_own) {
    constexpr std::time_t day = 24 * 3600;
    const Pair one = make_pair_of(100 * day, 200 * day), other = make_pair_of(100 * day, 200 * day);
    const auto at = [](std::time_t seconds) { return from_unix_us(seconds * 1'000'000); };
    const auto findings = [&](const Pair& pair, std::time_t now) {
        return judge_certificate(pair.certificate, pair.key, at(now));
    };
    EXPECT_THAT(findings_text(findings(one, 150 * day), false),
                HasSubstr("ok   certificate: it expires in 50 d\nok   certificate: the key is its own"));
    EXPECT_EQ(findings(one, 190 * day)[0].verdict, Verdict::warning);
    EXPECT_EQ(findings(one, 201 * day)[0].verdict, Verdict::bad);
    EXPECT_THAT(findings(one, 201 * day)[0].text, HasSubstr("expired 1 d ago"));
    EXPECT_EQ(findings(one, 99 * day)[0].verdict, Verdict::bad);
    const Findings strange = findings({one.certificate, other.key}, 150 * day);
    EXPECT_EQ(strange[1].verdict, Verdict::bad);
    EXPECT_THAT(strange[1].text, HasSubstr("another certificate"));
    EXPECT_FALSE(all_well(findings({"nonsense", one.key}, 150 * day)));
    EXPECT_FALSE(all_well(findings({one.certificate, "nonsense"}, 150 * day)));
}

TEST(Findings, say_what_to_do_below_each_fault) {
    const Findings findings = {ok("a", "fine"), warning("b", "odd", "look"), bad("c", "broken", "mend")};
    EXPECT_EQ(findings_text(findings, false),
              "ok   a: fine\nwarn b: odd\n     to mend it: look\nBAD  c: broken\n     to mend it: mend\n");
    EXPECT_EQ(findings_text(findings, true),
              "warn b: odd\n     to mend it: look\nBAD  c: broken\n     to mend it: mend\n");
    EXPECT_FALSE(all_well(findings));
    EXPECT_TRUE(all_well({findings[0], findings[1]})) << "a warning is no fault";
    const auto document = parse_json(findings_json(findings));
    ASSERT_TRUE(document);
    EXPECT_FALSE((*document)["ok"].GetBool());
    EXPECT_STREQ((*document)["findings"][1]["result"].GetString(), "warning");
    EXPECT_STREQ((*document)["findings"][2]["fix"].GetString(), "mend");
}

}  // namespace
}  // namespace windlass::cli::doctor
