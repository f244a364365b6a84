#include "tests/api/monitoring/played_mail_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace windlass::api::test {
namespace {

// Lines of one client, without their ends.
class Lines {
  public:
    explicit Lines(int client) : client_(client) {}
    // False: the client has gone.
    bool next(std::string& line) {
        while (true) {
            if (const auto end = read_.find("\r\n"); end != std::string::npos) {
                line = read_.substr(0, end);
                read_.erase(0, end + 2);
                return true;
            }
            std::array<char, 4096> piece{};
            const auto count = ::recv(client_, piece.data(), piece.size(), 0);
            if (count <= 0) return false;
            read_.append(piece.data(), static_cast<std::size_t>(count));
        }
    }
    void say(const std::string& line) const {
        const std::string whole = line + "\r\n";
        (void)!::send(client_, whole.data(), whole.size(), MSG_NOSIGNAL);
    }

  private:
    int client_;
    std::string read_;
};

}  // namespace

std::string TakenMail::header(const std::string& name) const {
    const auto headers = message.substr(0, message.find("\r\n\r\n") + 2);
    const auto at = ("\r\n" + headers).find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const auto begin = at + name.size() + 2;
    return headers.substr(begin, headers.find("\r\n", begin) - begin);
}

std::string TakenMail::decoded_body() const {
    const auto text = message.substr(message.find("\r\n\r\n") + 4);
    std::string bytes(text.size(), '\0');
    std::size_t size = 0;
    EXPECT_EQ(sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(), text.size(),
                                "\r\n", &size, nullptr, sodium_base64_VARIANT_ORIGINAL),
              0);
    bytes.resize(size);
    return bytes;
}

PlayedMailServer::PlayedMailServer() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

PlayedMailServer::~PlayedMailServer() {
    ::shutdown(listener_, SHUT_RDWR);  // ends accept()
    thread_.join();
    ::close(listener_);
}

std::string PlayedMailServer::url() const {
    return "smtp://127.0.0.1:" + std::to_string(port_);
}

std::vector<TakenMail> PlayedMailServer::mails() const {
    const std::lock_guard lock(mutex_);
    return mails_;
}

void PlayedMailServer::refuse_recipients() {
    const std::lock_guard lock(mutex_);
    refuse_ = true;
}

bool PlayedMailServer::refuses() const {
    const std::lock_guard lock(mutex_);
    return refuse_;
}

void PlayedMailServer::serve() {
    while (true) {
        const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) return;
        talk(client);
        ::close(client);
    }
}

void PlayedMailServer::talk(int client) {
    Lines lines(client);
    TakenMail mail;
    std::string line;
    lines.say("220 mail.test");
    while (lines.next(line)) {
        if (line.starts_with("MAIL FROM:")) {
            mail = {};
            mail.from = line.substr(10, line.find(' ', 10) - 10);
            lines.say("250 go on");
        } else if (line.starts_with("RCPT TO:")) {
            mail.to.push_back(line.substr(8));
            lines.say(refuses() ? "550 nobody of that name" : "250 go on");
        } else if (line == "DATA") {
            lines.say("354 go on");
            while (lines.next(line) && line != ".")
                mail.message += (line.starts_with("..") ? line.substr(1) : line) + "\r\n";
            {
                const std::lock_guard lock(mutex_);
                mails_.push_back(mail);
            }
            lines.say("250 taken");
        } else if (line == "QUIT") {
            lines.say("221 bye");
            return;
        } else {
            lines.say("250 mail.test");
        }
    }
}

}  // namespace windlass::api::test
