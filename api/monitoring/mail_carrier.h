// Sends mails on a thread of its own, one at a time: a mail server that is slow, or does not answer at all, holds none
// of the front's threads. Threads: any.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "api/monitoring/mail.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

class MailCarrier {
  public:
    MailCarrier(MailSettings settings, SendMail send) : settings_(std::move(settings)), send_(std::move(send)) {}
    ~MailCarrier();  // waits for a mail that is on its way: some seconds at most
    MailCarrier(const MailCarrier&) = delete;
    MailCarrier& operator=(const MailCarrier&) = delete;

    bool configured() const { return settings_.configured(); }
    // `done` comes on the carrier's thread, when the next mail may be sent.
    //   unavailable  another mail is on its way; `done` is not called then
    Status send(Mail mail, WallTime now, std::function<void(Status)> done);

  private:
    void run();

    const MailSettings settings_;
    const SendMail send_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::function<void()> work_;  // empty: nothing to do
    bool on_its_way_ = false;
    bool stopping_ = false;
    std::thread thread_;  // from the first mail on
};

}  // namespace windlass::api
