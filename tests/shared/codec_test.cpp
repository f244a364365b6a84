#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "shared/json.h"
#include "tests/shared/sample_messages.h"

namespace windlass::protocol {
namespace {

using testing::HasSubstr;

template <class M>
M through_the_wire(const M& sent) {
    const auto got = decode(encode(sent));
    EXPECT_TRUE(got.ok()) << got.error().message;
    EXPECT_TRUE(std::holds_alternative<M>(*got));
    return std::get<M>(*got);
}

TEST(Codec, what_certificates_need_survives_the_wire_whole) {
    const Enrol enrol = through_the_wire(Enrol{"token", "node 1", "request\n"});
    EXPECT_EQ(enrol.token, "token");
    EXPECT_EQ(enrol.name, "node 1");
    EXPECT_EQ(enrol.signing_request, "request\n");
    EXPECT_EQ(through_the_wire(RenewCertificate{"request\n"}).signing_request, "request\n");
    const Certified certified = through_the_wire(Certified{"certificate", "authority"});
    EXPECT_EQ(certified.certificate, "certificate");
    EXPECT_EQ(certified.authority, "authority");
    EXPECT_EQ(through_the_wire(EnrolWorker{RequestId{7}, "node 1"}).worker, "node 1");
    EXPECT_EQ(through_the_wire(RevokeWorker{RequestId{8}, "node 1"}).worker, "node 1");
    const WorkerEnrolled enrolled = through_the_wire(WorkerEnrolled{RequestId{9}, "token", from_unix_us(10)});
    EXPECT_EQ(enrolled.request, RequestId{9});
    EXPECT_EQ(enrolled.token, "token");
    EXPECT_EQ(enrolled.expires, from_unix_us(10));
}

TEST(Codec, a_finished_attempt_survives_the_wire_whole) {
    const AttemptFinished sent = a_finished_attempt();
    const auto got = decode(encode(sent));
    ASSERT_TRUE(got.ok()) << got.error().message;
    const auto& m = std::get<AttemptFinished>(*got);
    EXPECT_EQ(m.attempt, sent.attempt);
    EXPECT_EQ(m.result, sent.result);
    EXPECT_EQ(m.stdout_offset, 16);
    EXPECT_EQ(m.stderr_size, 19);
}

TEST(Codec, samples_survive_the_wire_to_the_last_bit) {
    AttemptSampled sent{{JobId{5}, 2}, {}};
    sent.samples.push_back({from_unix_us(7), "cpu_used", "", "", 0.1});
    sent.samples.push_back({from_unix_us(8), "acc_mem_used", "accelerator", "GPU-1", 1e300});
    const auto got = decode(encode(sent));
    ASSERT_TRUE(got.ok()) << got.error().message;
    const auto& m = std::get<AttemptSampled>(*got);
    EXPECT_EQ(m.attempt, sent.attempt);
    ASSERT_EQ(m.samples.size(), 2u);
    EXPECT_EQ(m.samples[0].at, from_unix_us(7));
    EXPECT_EQ(m.samples[0].measurement, "cpu_used");
    EXPECT_EQ(m.samples[0].type, "");
    EXPECT_EQ(m.samples[0].value, 0.1);
    EXPECT_EQ(m.samples[1].type, "accelerator");
    EXPECT_EQ(m.samples[1].type_id, "GPU-1");
    EXPECT_EQ(m.samples[1].value, 1e300);
    EXPECT_FALSE(decode(R"({"type":"sampled","attempt":[5,2],"samples":[{"at_us":7,"m":"cpu_used","v":"1"}]})").ok());
}

TEST(Codec, a_lease_carries_the_whole_spec) {
    const auto got = decode(encode(Lease{{JobId{5}, 1}, a_spec(), 10, 20}));
    ASSERT_TRUE(got.ok()) << got.error().message;
    const auto& m = std::get<Lease>(*got);
    EXPECT_EQ(m.spec, a_spec());
    EXPECT_EQ(m.code_size, 10);
    EXPECT_EQ(m.data_size, 20);
}

TEST(Codec, the_details_of_a_spec_survive_the_table_and_defaults_take_no_room) {
    const JobSpec whole = a_spec();
    JobSpec rest = whole;
    ASSERT_TRUE(decode_details(encode_details(whole), rest).ok());
    EXPECT_EQ(rest, whole);
    JobSpec other;
    ASSERT_TRUE(decode_details(encode_details(whole), other).ok());
    EXPECT_EQ(other.retry_on, whole.retry_on);
    EXPECT_EQ(other.limits.cpu_time, whole.limits.cpu_time);
    EXPECT_EQ(encode_details(JobSpec{}), "");
    EXPECT_TRUE(decode_details("", other).ok());
    EXPECT_FALSE(decode_details("[]", other).ok());
    EXPECT_FALSE(decode_details(R"({"network":7})", other).ok());
}

TEST(Codec, a_submit_carries_arrays_and_what_jobs_wait_for) {
    const SubmitJobs sent = a_submit();
    const SubmitItem& item = sent.jobs.at(0);
    const auto got = decode(encode(sent));
    ASSERT_TRUE(got.ok()) << got.error().message;
    const auto& m = std::get<SubmitJobs>(*got);
    ASSERT_EQ(m.jobs.size(), 1u);
    EXPECT_EQ(m.jobs[0].spec, item.spec);
    EXPECT_EQ(m.jobs[0].after, item.after);
    EXPECT_EQ(m.jobs[0].array_count, 2);
    EXPECT_EQ(m.jobs[0].max_fails, item.max_fails);
    EXPECT_EQ(m.jobs[0].params, item.params);
    EXPECT_EQ(m.jobs[0].rerun_of, item.rerun_of);
    EXPECT_EQ(m.quota, sent.quota);
    EXPECT_EQ(m.key, "k");
}

TEST(Codec, every_message_is_read_back_as_what_it_was) {
    const auto all = empty_messages();
    for (std::size_t i = 0; i < std::size(all); ++i) {
        EXPECT_EQ(all[i].index(), i);
        const auto got = decode(encode(all[i]));
        ASSERT_TRUE(got.ok()) << encode(all[i]) << ": " << got.error().message;
        EXPECT_EQ(got->index(), i) << encode(all[i]);
    }
}

TEST(Codec, an_item_of_a_submit_stands_alone_too) {
    SubmitItem item;
    item.spec = a_spec();
    item.code_size = 3;
    item.array_count = 2;
    item.params = {{{"A", "1"}}, {}};
    item.max_fails = 1;
    const auto got = decode_item(encode_item(item));
    ASSERT_TRUE(got.ok()) << got.error().message;
    EXPECT_EQ(got->spec, item.spec);
    EXPECT_EQ(got->code_size, 3);
    EXPECT_EQ(got->params, item.params);
    EXPECT_EQ(got->max_fails, 1);
    EXPECT_FALSE(decode_item("[]").ok());
    EXPECT_FALSE(decode_item("{").ok());
}

TEST(Codec, unknown_fields_are_ignored_and_missing_ones_keep_their_default) {
    const auto got = decode(R"({"type":"welcome","epoch":7,"from_the_future":[1,2]})");
    ASSERT_TRUE(got.ok()) << got.error().message;
    EXPECT_EQ(std::get<Welcome>(*got).epoch, 7);
    EXPECT_EQ(std::get<Welcome>(*got).lease_ttl_ms, 0);
}

// What `old` says `now` says, too; a default may have become silence.
void expect_says(const rapidjson::Value& now, const rapidjson::Value& old, const std::string& where) {
    if (old.IsObject()) {
        ASSERT_TRUE(now.IsObject()) << where;
        for (const auto& member : old.GetObject()) {
            const std::string name = where + "/" + member.name.GetString();
            const auto found = now.FindMember(member.name);
            const auto& value = member.value;
            const bool is_default = value.IsNull() || value.IsFalse() || (value.IsNumber() && value.GetDouble() == 0) ||
                                    (value.IsString() && value.GetStringLength() == 0) ||
                                    (value.IsArray() && value.Empty()) || (value.IsObject() && value.ObjectEmpty());
            if (found == now.MemberEnd() && is_default) continue;
            ASSERT_NE(found, now.MemberEnd()) << name << " is not understood any more";
            expect_says(found->value, value, name);
        }
    } else if (old.IsArray()) {
        ASSERT_TRUE(now.IsArray() && now.Size() == old.Size()) << where;
        for (rapidjson::SizeType i = 0; i < old.Size(); ++i)
            expect_says(now[i], old[i], where + "/" + std::to_string(i));
    } else {
        EXPECT_EQ(now, old) << where;
    }
}

// tests/shared/fixtures: what the programs of each release say. Those of the next one must understand it for as long as
// both may run side by side.
TEST(Codec, messages_of_each_release_are_understood_as_they_were_meant) {
    int releases = 0;
    for (const auto& entry : std::filesystem::directory_iterator(WINDLASS_SOURCE_DIRECTORY "/tests/shared/fixtures")) {
        SCOPED_TRACE(entry.path());
        ++releases;
        std::size_t messages = 0;
        std::ifstream file(entry.path());
        for (std::string line; std::getline(file, line); ++messages) {
            const auto read = decode(line);
            ASSERT_TRUE(read.ok()) << line << ": " << read.error().message;
            const auto now = parse_json(encode(*read));
            const auto old = parse_json(line);
            ASSERT_TRUE(now.ok() && old.ok());
            expect_says(*now, *old, "");
        }
        EXPECT_GE(messages, 50u);
    }
    EXPECT_GE(releases, 1);
}

TEST(Codec, what_a_newer_program_adds_to_any_message_is_passed_over) {
    for (const Message& message : sample_messages()) {
        std::string text = encode(message);
        text.insert(text.size() - 1, R"(,"from_the_future":{"a":[1,null,"x"]})");
        const auto read = decode(text);
        ASSERT_TRUE(read.ok()) << text << ": " << read.error().message;
        EXPECT_EQ(encode(*read), encode(message));
    }
}

TEST(Codec, nonsense_is_refused_with_the_field_it_is_in) {
    EXPECT_FALSE(decode("").ok());
    EXPECT_FALSE(decode("[]").ok());
    EXPECT_FALSE(decode("{}").ok());
    EXPECT_FALSE(decode(R"({"type":"no such thing"})").ok());
    for (const char* bad : {R"({"type":"started","attempt":[1]})", R"({"type":"started","attempt":[1,2,3]})",
                            R"({"type":"started","attempt":[-1,2]})", R"({"type":"started","attempt":[1,99999999999]})",
                            R"({"type":"started","attempt":"1.2"})", R"({"type":"started","attempt":[1.5,2]})"}) {
        const auto got = decode(bad);
        ASSERT_FALSE(got.ok()) << bad;
        EXPECT_THAT(got.error().message, HasSubstr("attempt")) << bad;
    }
    EXPECT_FALSE(decode(R"({"type":"output","attempt":[1,1],"stream":0})").ok());
    EXPECT_FALSE(decode(R"({"type":"output","attempt":[1,1],"stream":3})").ok());
    EXPECT_FALSE(decode(R"({"type":"finished","result":{"outcome":{"kind":99}}})").ok());
    EXPECT_FALSE(decode(R"({"type":"renew","held":{}})").ok());
    EXPECT_FALSE(decode(R"({"type":"lease","spec":{"env":{"A":1}}})").ok());
}

TEST(Codec, a_message_cut_anywhere_is_refused_and_never_crashes) {
    const std::string whole = encode(a_finished_attempt());
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(decode(std::string_view(whole).substr(0, size)).ok());
}

}  // namespace
}  // namespace windlass::protocol
