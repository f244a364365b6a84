// Messages of the wire protocol as samples: for tests of the codec, and for the fixture of a release.
#pragma once

#include <utility>
#include <vector>

#include "shared/protocol.h"

namespace windlass::protocol {

// Every field set to something that is not its default.
inline AttemptFinished a_finished_attempt() {
    AttemptFinished m;
    m.attempt = {JobId{100000042}, 3};
    m.result.outcome = {OutcomeKind::signalled, 0, 11, "segmentation fault"};
    m.result.usage = {Microseconds{1204000}, Microseconds{7}, Microseconds{8}, 9, true, 10, 11};
    m.result.stdout_bytes = 12;
    m.result.stderr_bytes = 13;
    m.result.stdout_truncated = true;
    m.result.stderr_truncated = true;
    m.result.files = {{"a/b.txt", 14, "00ff", true}, {"c", 15, "", false}};
    m.result.files_truncated = true;
    m.result.value_json = R"({"x":1})";
    m.stdout_offset = 16;
    m.stdout_size = 17;
    m.stderr_offset = 18;
    m.stderr_size = 19;
    return m;
}

// Likewise.
inline JobSpec a_spec() {
    JobSpec spec;
    spec.name = "näme";
    spec.running_commands = "echo \"hi\"\n";
    spec.priority = -7;
    spec.timeout = Milliseconds{1500};
    spec.max_attempts = 4;
    spec.limits = {2500, 1, 2, 3, 4, 5};
    spec.limits.cpu_time = Milliseconds{6};
    spec.limits.file_bytes = 7;
    spec.limits.inodes = 8;
    spec.env = {{"A", "1"}, {"B", "zwei"}};
    spec.queue = "night";
    spec.tags = {"a", "b"};
    spec.network = Network::full;
    spec.retry_on = RetryOn{{1, 2}, {9}, true};
    spec.retry_delay = Milliseconds{250};
    spec.files = {{"in/a.txt", "00ff"}};
    spec.outputs = {"*.png"};
    spec.not_before = from_unix_us(5);
    spec.deadline = from_unix_us(6);
    spec.required_labels = {{"zone", "b"}};
    spec.resources = {{"gpu", 2}};
    spec.image = "python";
    spec.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    return spec;
}

inline SubmitJobs a_submit() {
    SubmitJobs submit;
    submit.owner = UserId{3};
    submit.key = "k";
    submit.route = "r";
    submit.body_sha256 = "00";
    submit.quota = {1, 2, Microseconds{3}, 4};
    SubmitItem& item = submit.jobs.emplace_back();
    item.spec = a_spec();
    item.after = {{JobId{8}, 0, DependencyCondition::failed}, {JobId{}, 1, DependencyCondition::any}};
    item.array_count = 2;
    item.max_fails = 0;
    item.rerun_of = JobId{7};
    item.params = {{{"X", "1"}}, {{"X", "2"}}};
    return submit;
}

// One of each kind, with nothing in it.
inline std::vector<Message> empty_messages() {
    return []<std::size_t... I>(std::index_sequence<I...>) {
        return std::vector<Message>{Message(std::in_place_index<I>)...};
    }
    (std::make_index_sequence<std::variant_size_v<Message>>());
}

// And those that carry much, with something in every field.
inline std::vector<Message> sample_messages() {
    std::vector<Message> all = empty_messages();
    Hello hello;
    hello.role = "worker";
    hello.name = "node1";
    hello.instance = "0011";
    hello.secret = "secret";
    hello.dial = 2;
    hello.cpu_millis = 4000;
    hello.memory_bytes = 5;
    hello.prefetch = 6;
    hello.software = "0.1.0";
    hello.labels = {{"zone", "b"}};
    hello.resources = {{"gpu", 2}};
    hello.images = {{"python", "sha256:00"}};
    hello.datasets = {{"mnist", ""}};
    hello.held = {{JobId{7}, 1}};
    all.insert(all.end(),
               {hello, Welcome{version, 7, 15'000, 5'000, 10'000}, Renew{{{JobId{5}, 1}, {JobId{6}, 2}}},
                Lease{{JobId{5}, 1}, a_spec(), 10, 20}, a_finished_attempt(), a_submit(),
                AttemptOutput{{JobId{5}, 1}, OutputStream::standard_error, 9},
                AttemptSampled{{JobId{5}, 2}, {{from_unix_us(7), "cpu_used", "accelerator", "GPU-1", 0.5}}}});
    return all;
}

}  // namespace windlass::protocol
