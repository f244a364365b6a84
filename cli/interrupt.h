// Ctrl-C while one follows a job: what is to become of the job? Asks on a terminal; without one, the first cancels it.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace windlass::cli {

// Takes SIGINT away from the process for as long as it lives, on a thread of its own. Build it before any other thread.
class Interrupt {
  public:
    // `cancel` asks the server to end the job (called on the thread, once). Who detaches ends the process with 130.
    Interrupt(std::string job, std::function<void()> cancel);
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;
    ~Interrupt();

  private:
    void watch();
    void interrupted();

    std::string job_;
    std::function<void()> cancel_;
    bool asked_to_cancel_ = false;
    std::thread thread_;
};

// What a person answered: c, d, or anything else, which goes on.
enum class InterruptAnswer { cancel, detach, go_on };
InterruptAnswer understand_interrupt(const std::string& line);

}  // namespace windlass::cli
