// An SMTP server (RFC 5321) on loopback that takes every mail and keeps it, for tests of what is really sent.
#pragma once

#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace windlass::api::test {

struct TakenMail {
    std::string from;             // as MAIL FROM gave it
    std::vector<std::string> to;  // as RCPT TO gave them
    std::string message;          // with its line ends, dots at line starts as they were before they were doubled

    std::string header(const std::string& name) const;  // "" if absent
    std::string decoded_body() const;                   // of base64
};

class PlayedMailServer {
  public:
    PlayedMailServer();
    ~PlayedMailServer();
    PlayedMailServer(const PlayedMailServer&) = delete;
    PlayedMailServer& operator=(const PlayedMailServer&) = delete;

    std::string url() const;  // smtp://127.0.0.1:PORT
    std::vector<TakenMail> mails() const;
    void refuse_recipients();

  private:
    void serve();
    void talk(int client);
    bool refuses() const;

    int listener_ = -1;
    int port_ = 0;
    mutable std::mutex mutex_;
    bool refuse_ = false;
    std::vector<TakenMail> mails_;
    std::thread thread_;
};

}  // namespace windlass::api::test
