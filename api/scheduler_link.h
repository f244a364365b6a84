// What the handlers ask of the scheduler, and the one connection over which they do.
#pragma once

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "shared/protocol.h"
#include "shared/result.h"
#include "shared/wire/addresses.h"
#include "shared/wire/connection.h"

namespace windlass::api {

// The wish to hear of the end of one job, or of all that happens to it; ends when it is destroyed.
class [[nodiscard]] Watch {
  public:
    Watch() = default;
    explicit Watch(std::function<void()> end) : end_(std::move(end)) {}
    Watch(Watch&& other) noexcept : end_(std::exchange(other.end_, nullptr)) {}
    Watch& operator=(Watch&& other) noexcept {
        if (this != &other) {
            if (end_) end_();
            end_ = std::exchange(other.end_, nullptr);
        }
        return *this;
    }
    ~Watch() {
        if (end_) end_();
    }

  private:
    std::function<void()> end_;
};

// Who follows a job. Called on the loop's thread, must not block.
class JobListener {
  public:
    virtual ~JobListener() = default;
    virtual void happened(const protocol::JobHappened& event) = 0;
    // The bytes are shared by all who follow the job.
    virtual void printed(const protocol::JobPrinted& piece, std::shared_ptr<const std::string> bytes) = 0;
    // Something may not have been told: read the tables. Comes after each (re)connect, when the scheduler listens.
    virtual void read_again() = 0;
};

// Threads: any. Callbacks come on the loop's thread (or, when the scheduler is known to be away, on the caller's before
// ask() returns) and must not block.
class Scheduler {
  public:
    using Answer = Result<protocol::Message>;
    using OnAnswer = std::function<void(Answer)>;

    virtual ~Scheduler() = default;

    // Sends one of the messages that carry a request id (which is filled in here) and hands back what answers it.
    // Called exactly once.
    //   unavailable  no connection, or it broke, or the scheduler said Unavailable, or has more submits in hand than it
    //                can take: nobody knows whether it was done if the connection broke in between; it was not done in
    //                the other cases. The message is a sentence that can be shown to whoever asked
    virtual void ask(protocol::Message question, std::string body, OnAnswer on_answer) = 0;
    // Calls once when the job is neither waiting nor running any more, or when the scheduler does not know it. Survives
    // reconnects. Not called after the Watch is gone, except when it is being called at that moment.
    virtual Watch watch(JobId job, std::function<void()> on_end) = 0;
    // From now on what is made durable of this job is told; read the tables afterwards for what was before. Followers
    // of one job share one subscription. Survives reconnects. The listener is told nothing after the Watch is gone,
    // except what it is being told at that moment.
    virtual Watch follow(JobId job, std::shared_ptr<JobListener> listener) = 0;
    virtual bool connected() const = 0;
};

struct SchedulerLinkSettings {
    std::vector<wire::Endpoint> endpoints;  // where one may lead, tried in turn; at least one
    std::string name = "api";
    std::string secret;
    Milliseconds first_retry{50};
    Milliseconds longest_retry{2'000};
    // With several endpoints: one that says nothing for so long when asked is left for the next (a frozen process keeps
    // its connections).
    Milliseconds answer_within{2'500};
    Milliseconds welcome_within{1'000};
};

// Dials, says Hello, and dials again whenever the connection is gone. Made, stopped and destroyed on the loop's thread.
class SchedulerLink final : public Scheduler {
  public:
    // `on_change` is told on the loop's thread whenever the link comes up or goes down.
    SchedulerLink(uv_loop_t* loop, SchedulerLinkSettings settings, std::function<void(bool up)> on_change = {});
    ~SchedulerLink() override;

    void ask(protocol::Message question, std::string body, OnAnswer on_answer) override;
    Watch watch(JobId job, std::function<void()> on_end) override;
    Watch follow(JobId job, std::shared_ptr<JobListener> listener) override;
    bool connected() const override;

    // Answers everything that is open with unavailable and closes all handles; the loop can end. Later questions are
    // answered unavailable at once.
    void stop();

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace windlass::api
