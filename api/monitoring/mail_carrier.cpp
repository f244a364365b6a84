#include "api/monitoring/mail_carrier.h"

#include <utility>

namespace windlass::api {

MailCarrier::~MailCarrier() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

Status MailCarrier::send(Mail mail, WallTime now, std::function<void(Status)> done) {
    {
        const std::lock_guard lock(mutex_);
        if (on_its_way_ || stopping_) return make_error(ErrorKind::unavailable, "another mail is on its way");
        on_its_way_ = true;
        work_ = [this, mail = std::move(mail), now, done = std::move(done)] {
            Status sent = send_(settings_, mail, now);
            {
                const std::lock_guard free(mutex_);
                on_its_way_ = false;
            }
            done(std::move(sent));
        };
        if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    }
    changed_.notify_all();
    return {};
}

void MailCarrier::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return stopping_ || work_; });
        if (!work_) return;
        const auto work = std::exchange(work_, nullptr);
        lock.unlock();
        work();
        lock.lock();
    }
}

}  // namespace windlass::api
