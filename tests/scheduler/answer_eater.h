// Stands between a client and PostgreSQL and loses the answer to a COMMIT: the server has committed, the client will
// never know. A unix socket on each side; one thread per connection.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "shared/result.h"

namespace windlass::scheduler::test {

class AnswerEater {
  public:
    // Both are directories with a socket as libpq names them; `in` must exist and be empty.
    AnswerEater(const std::string& in, std::string out) : out_(std::move(out)) {
        listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const sockaddr_un address = address_in(in);
        const int bound = ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
        WINDLASS_CHECK(bound == 0 && ::listen(listener_, 16) == 0, "the test cannot listen on its socket");
        threads_.emplace_back([this] { accept_all(); });
    }
    ~AnswerEater() {
        ending_ = true;
        ::shutdown(listener_, SHUT_RDWR);
        threads_.front().join();
        for (std::size_t i = 1; i < threads_.size(); ++i) threads_[i].join();
        ::close(listener_);
    }
    AnswerEater(const AnswerEater&) = delete;
    AnswerEater& operator=(const AnswerEater&) = delete;

    // The next answer to a COMMIT is lost, with the connection.
    void eat_next() { hungry_ = true; }
    int eaten() const { return eaten_; }

  private:
    static sockaddr_un address_in(const std::string& directory) {
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        const std::string path = directory + "/.s.PGSQL.5432";
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        return address;
    }

    void accept_all() {
        while (!ending_) {
            const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (client < 0) continue;
            threads_.emplace_back([this, client] { carry(client); });
        }
    }

    void carry(int client) {
        const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const sockaddr_un address = address_in(out_);
        bool open = ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        bool committing = false;
        while (open && !ending_) {
            std::array<pollfd, 2> both{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
            ::poll(both.data(), both.size(), 20);
            std::array<char, 65536> buffer{};
            if (both[0].revents != 0) {
                const ssize_t size = ::recv(client, buffer.data(), buffer.size(), 0);
                const std::string_view sent(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
                // A simple query is Q, four bytes of length and the text (PostgreSQL's protocol 3.0).
                committing = sent.starts_with('Q') && sent.substr(5).starts_with("commit") && hungry_.exchange(false);
                open = size > 0 && ::send(server, buffer.data(), sent.size(), MSG_NOSIGNAL) == size;
            }
            if (open && both[1].revents != 0) {
                const ssize_t size = ::recv(server, buffer.data(), buffer.size(), 0);
                if (committing) {
                    ++eaten_;
                    break;
                }
                open = size > 0 && ::send(client, buffer.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL) == size;
            }
        }
        ::close(server);
        ::close(client);
    }

    std::string out_;
    int listener_ = -1;
    std::atomic<bool> hungry_ = false;
    std::atomic<bool> ending_ = false;
    std::atomic<int> eaten_ = 0;
    std::vector<std::thread> threads_;  // [0] accepts, and is the only one to add to it
};

}  // namespace windlass::scheduler::test
