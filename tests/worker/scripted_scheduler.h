// A scheduler that does what the test says, on a real unix socket and the same loop as the agent under test.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "shared/loop_timer.h"
#include "shared/wire/connection.h"
#include "tests/support/patience.h"
#include "tests/worker/fake_connection.h"

namespace windlass::worker::testing {

// Runs the loop until something has come true. Nothing in these tests waits otherwise.
class TestLoop {
  public:
    TestLoop() { uv_loop_init(&loop_); }
    TestLoop(const TestLoop&) = delete;
    TestLoop& operator=(const TestLoop&) = delete;
    ~TestLoop() {
        uv_run(&loop_, UV_RUN_DEFAULT);
        WINDLASS_CHECK(uv_loop_close(&loop_) == 0, "a test left handles on its loop");
    }
    uv_loop_t* get() { return &loop_; }

    // False after `patience`: the test fails then, so it may be long.
    bool until(const std::function<bool()>& condition, Seconds patience = windlass::test::patience()) {
        bool late = false;
        LoopTimer deadline(&loop_, [&] { late = true; });
        deadline.start(patience);
        while (!condition() && !late) uv_run(&loop_, UV_RUN_ONCE);
        return condition();
    }

  private:
    uv_loop_t loop_{};
};

class ScriptedScheduler {
  public:
    ScriptedScheduler(TestLoop& loop, std::string socket_path) : loop_(loop), endpoint_{std::move(socket_path), "", 0} {
        listen();
    }

    void listen() {
        auto listener =
            wire::Listener::open(loop_.get(), endpoint_, [this](auto connection) { accept(std::move(connection)); });
        WINDLASS_CHECK(listener.ok(), "the test's scheduler cannot listen");
        listener_ = std::move(listener).value();
    }
    void stop_listening() { listener_.reset(); }
    // As if the scheduler had died: nothing more is read or sent.
    void cut() {
        if (const auto connection = std::exchange(connection_, nullptr)) connection->close("cut by the test");
    }
    const wire::Endpoint& endpoint() const { return endpoint_; }
    bool connected() const { return connection_ != nullptr; }
    void send(const protocol::Message& message, std::string_view body = {}) { connection_->send(message, body); }

    void lease(AttemptRef ref, std::string commands, JobSpec spec = {}) {
        protocol::Lease lease;
        lease.attempt = ref;
        lease.spec = std::move(spec);
        lease.spec.running_commands = std::move(commands);
        send(lease);
    }

    template <class T>
    std::size_t count() const {
        return only<T>(received).size();
    }
    // The result of `ref` that came last; null: none.
    const protocol::AttemptFinished* finished(AttemptRef ref) const {
        const protocol::AttemptFinished* last = nullptr;
        for (const auto& one : received)
            if (const auto* end = std::get_if<protocol::AttemptFinished>(&one.message);
                end != nullptr && end->attempt == ref)
                last = end;
        return last;
    }

    std::vector<Sent> received;  // but for Hello
    std::vector<protocol::Hello> hellos;
    std::string refuse;  // set: the sentence
    bool welcome = true;
    bool answer_renewals = true;
    bool acknowledge = true;
    std::int64_t renew_every_ms = 5000;
    std::int64_t self_kill_after_ms = 10'000;

  private:
    void accept(std::shared_ptr<wire::Connection> connection) {
        auto* raw = connection.get();
        connection->set_handlers({[this, raw](protocol::Message message, std::string body) {
                                      if (raw == connection_.get()) receive(std::move(message), std::move(body));
                                  },
                                  [this, raw](const std::string&) {
                                      if (raw == connection_.get()) connection_.reset();
                                  }});
        connection->trust();
        connection_ = std::move(connection);
    }
    void receive(protocol::Message message, std::string body) {
        if (const auto* hello = std::get_if<protocol::Hello>(&message)) {
            hellos.push_back(*hello);
            if (!refuse.empty())
                send(protocol::Refused{refuse});
            else if (welcome)
                send(protocol::Welcome{protocol::version, 1, 15'000, renew_every_ms, self_kill_after_ms});
            return;
        }
        received.push_back({message, std::move(body)});
        if (const auto* renew = std::get_if<protocol::Renew>(&message); renew != nullptr && answer_renewals)
            send(protocol::Renewed{renew->held});
        if (const auto* end = std::get_if<protocol::AttemptFinished>(&message); end != nullptr && acknowledge)
            send(protocol::AcknowledgeFinish{end->attempt, true});
    }

    TestLoop& loop_;
    wire::Endpoint endpoint_;
    std::unique_ptr<wire::Listener> listener_;
    std::shared_ptr<wire::Connection> connection_;
};

}  // namespace windlass::worker::testing
