// A connection that keeps what is sent, for the test to look at.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/support/idle_connection.h"

namespace windlass::worker::testing {

struct Sent {
    protocol::Message message;
    std::string body;
};

template <class T>
std::vector<T> only(const std::vector<Sent>& sent) {
    std::vector<T> found;
    for (const auto& one : sent)
        if (const auto* message = std::get_if<T>(&one.message)) found.push_back(*message);
    return found;
}

// What the scheduler would store of a stream, from chunks and tails, however often each was sent. Empty and wrong if
// the offsets leave a gap or a repeated chunk differs.
inline std::string assembled(const std::vector<Sent>& sent, AttemptRef ref, OutputStream stream) {
    std::string text;
    const auto add = [&](std::int64_t offset, std::string_view bytes) {
        const auto at = static_cast<std::size_t>(offset);
        if (at == text.size())
            text += bytes;
        else if (at > text.size() || text.compare(at, bytes.size(), bytes) != 0)
            text = "<a gap or a changed chunk>";
    };
    for (const auto& one : sent) {
        if (const auto* chunk = std::get_if<protocol::AttemptOutput>(&one.message)) {
            if (chunk->attempt == ref && chunk->stream == stream) add(chunk->offset, one.body);
        } else if (const auto* end = std::get_if<protocol::AttemptFinished>(&one.message)) {
            if (end->attempt != ref) continue;
            const auto out_size = static_cast<std::size_t>(end->stdout_size);
            const auto err_size = static_cast<std::size_t>(end->stderr_size);
            const std::string_view body = one.body;
            if (stream == OutputStream::standard_output)
                add(end->stdout_offset, body.substr(0, out_size));
            else
                add(end->stderr_offset, body.substr(out_size, err_size));
        }
    }
    return text;
}

class FakeConnection final : public windlass::test::IdleConnection {
  public:
    void send(const protocol::Message& message, std::string_view body) override {
        sent.push_back({message, std::string(body)});
        if (!peer_reads) unsent += body.size();
    }

    std::vector<Sent> sent;
    bool peer_reads = true;
};

}  // namespace windlass::worker::testing
