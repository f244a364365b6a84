#include "bench/open_loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>

#include "bench/site.h"

namespace windlass::bench {
namespace {

sockaddr_in address_of(const std::string& url) {
    const std::size_t host = url.find("//") + 2, colon = url.rfind(':');
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(url.c_str() + colon + 1)));
    if (inet_pton(AF_INET, url.substr(host, colon - host).c_str(), &address.sin_addr) != 1)
        give_up("not an IPv4 address: " + url);
    return address;
}

struct Conversation {
    int socket = -1;
    double due = 0;  // of the request that is under way; 0: none
    std::size_t sent = 0;
    std::string heard;
};

class Generator {
  public:
    explicit Generator(const OpenLoad& load)
        : load_(load), address_(address_of(load.url)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}
    ~Generator() {
        for (const auto& one : all_)
            if (one->socket >= 0) close(one->socket);
        close(epoll_);
    }
    Generator(const Generator&) = delete;
    Generator& operator=(const Generator&) = delete;

    OpenLoadResult run() {
        const double begin = seconds_now(), end = begin + load_.seconds;
        const long total = std::lround(load_.per_second * load_.seconds);
        for (double now = begin; now < end || under_way_ > 0; now = seconds_now()) {
            if (now > end + 120) give_up("requests were not answered within two minutes");
            if (now >= end) {  // what could not be sent in time is not sent
                result_.due -= static_cast<long>(late_.size());
                result_.unsent += static_cast<long>(late_.size());
                late_.clear();
                if (under_way_ == 0) break;
            }
            for (;
                 now < end && result_.due < total && begin + static_cast<double>(result_.due) / load_.per_second <= now;
                 ++result_.due)
                late_.push_back(begin + static_cast<double>(result_.due) / load_.per_second);
            while (!late_.empty() && under_way_ < load_.connections) {
                const double due = late_.front();
                late_.pop_front();
                begin_one(due);
            }
            wait();
        }
        result_.seconds = seconds_now() - begin;
        return std::move(result_);
    }

  private:
    void begin_one(double due) {
        ++under_way_;
        Conversation* one = nullptr;
        if (!idle_.empty()) {
            one = idle_.back();
            idle_.pop_back();
        } else {
            all_.push_back(std::make_unique<Conversation>());
            one = all_.back().get();
        }
        one->due = due;
        one->sent = 0;
        one->heard.clear();
        if (one->socket < 0 && !open(*one)) return ended(*one, 0, false);
        send_rest(*one);
    }

    bool open(Conversation& one) {
        one.socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (one.socket < 0) give_up("out of descriptors; raise ulimit -n");
        const int yes = 1;
        setsockopt(one.socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        if (connect(one.socket, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) != 0 &&
            errno != EINPROGRESS)
            return false;
        epoll_event event{EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = &one}};
        epoll_ctl(epoll_, EPOLL_CTL_ADD, one.socket, &event);
        return true;
    }

    void send_rest(Conversation& one) {
        while (one.sent < load_.request.size()) {
            const ssize_t size =
                send(one.socket, load_.request.data() + one.sent, load_.request.size() - one.sent, MSG_NOSIGNAL);
            if (size < 0) {
                if (errno != EAGAIN && errno != ENOTCONN) ended(one, 0, false);
                return;
            }
            one.sent += static_cast<std::size_t>(size);
        }
    }

    void wait() {
        epoll_event events[256];
        const int count = epoll_wait(epoll_, events, 256, 1);
        for (int i = 0; i < count; ++i) {
            auto& one = *static_cast<Conversation*>(events[i].data.ptr);
            if (one.socket < 0) continue;
            if (one.due > 0) send_rest(one);
            if (one.socket >= 0 && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) hear(one);
        }
    }

    void hear(Conversation& one) {
        char buffer[16384];
        for (;;) {
            const ssize_t size = recv(one.socket, buffer, sizeof buffer, 0);
            if (size > 0) {
                one.heard.append(buffer, static_cast<std::size_t>(size));
                continue;
            }
            if (size < 0 && errno == EAGAIN) break;
            return hung_up(one);
        }
        const std::size_t head = one.heard.find("\r\n\r\n");
        if (one.due == 0 || head == std::string::npos) return;
        const std::size_t length = one.heard.find("Content-Length: ");
        const std::size_t body = length < head ? std::strtoul(one.heard.c_str() + length + 16, nullptr, 10) : 0;
        if (one.heard.size() < head + 4 + body) return;
        const bool says_when = one.heard.substr(0, head).find("\r\nRetry-After: ") != std::string::npos;
        const bool closes = one.heard.substr(0, head).find("\r\nConnection: close") != std::string::npos;
        const int status = std::atoi(one.heard.c_str() + 9);
        if (closes) drop(one);
        ended(one, status, says_when);
    }

    void hung_up(Conversation& one) {
        if (one.due > 0) return ended(one, 0, false);
        drop(one);  // while nothing was asked; it is opened again
    }

    void drop(Conversation& one) {
        close(one.socket);
        one.socket = -1;
    }

    void ended(Conversation& one, int status, bool says_when) {
        --under_way_;
        const double took_ms = (seconds_now() - one.due) * 1e3;
        ++result_.answers[status];
        if (status / 100 == 2) result_.accepted_ms.push_back(took_ms);
        if (status == 429 || status == 503) {
            result_.refused_ms.push_back(took_ms);
            if (!says_when) ++result_.without_retry_after;
        }
        if (status == 0 && one.socket >= 0) drop(one);
        one.due = 0;
        one.heard.clear();
        idle_.push_back(&one);
    }

    OpenLoad load_;
    sockaddr_in address_;
    int epoll_;
    OpenLoadResult result_;
    std::deque<double> late_;  // due, and not sent
    std::vector<std::unique_ptr<Conversation>> all_;
    std::vector<Conversation*> idle_;
    int under_way_ = 0;
};

}  // namespace

OpenLoadResult run_open_loop(const OpenLoad& load) {
    return Generator(load).run();
}

}  // namespace windlass::bench
