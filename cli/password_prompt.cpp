#include "cli/password_prompt.h"

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

namespace windlass::cli {
namespace {

// Echo comes back even when reading fails.
class EchoOff {
  public:
    explicit EchoOff(int fd) : fd_(fd) {
        off_ = tcgetattr(fd_, &before_) == 0;
        if (!off_) return;
        termios silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        off_ = tcsetattr(fd_, TCSAFLUSH, &silent) == 0;
    }
    ~EchoOff() {
        if (off_) tcsetattr(fd_, TCSAFLUSH, &before_);
    }
    EchoOff(const EchoOff&) = delete;
    EchoOff& operator=(const EchoOff&) = delete;
    bool works() const { return off_; }

  private:
    int fd_;
    bool off_ = false;
    termios before_{};
};

}  // namespace

Result<std::string> ask_password(const std::string& question, bool from_stdin) {
    std::string password;
    if (from_stdin) {
        std::getline(std::cin, password);
    } else {
        if (isatty(STDIN_FILENO) == 0)
            return make_error(
                ErrorKind::invalid,
                "there is no terminal to ask for the password on; give it on standard input with --password-stdin");
        const EchoOff silence(STDIN_FILENO);
        if (!silence.works())
            return make_error(ErrorKind::internal, "the terminal's echo cannot be switched off; use --password-stdin");
        std::fprintf(stderr, "%s: ", question.c_str());
        std::fflush(stderr);
        std::getline(std::cin, password);
        std::fputc('\n', stderr);
    }
    if (!password.empty() && password.back() == '\r') password.pop_back();
    if (password.empty()) return make_error(ErrorKind::invalid, "the password is empty");
    return password;
}

}  // namespace windlass::cli
