// A front on a loop of its own thread, and a client that says exactly the bytes it is told to.
#pragma once

#include <uv.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "api/front/front.h"

namespace windlass::api::test {

Response text_response(std::string body, int status = 200);
// "status: detail", so that tests see that the front's own errors go through the application.
Response render_error(int status, std::string_view detail, std::string_view path, std::string_view request_id);
// Answers "METHOD path body".
Reply echo(const Request& request);

FrontSettings loopback();

class TestFront {
  public:
    explicit TestFront(Handler handler = echo, FrontSettings settings = loopback());
    ~TestFront();
    TestFront(const TestFront&) = delete;
    TestFront& operator=(const TestFront&) = delete;

    const std::string& address() const { return address_; }
    FrontStatistics statistics();
    std::future<void> drain(Milliseconds patience);
    Result<std::string> reload_tls();
    // Destroys the front on its loop and waits until the loop has closed all its handles.
    void stop();

  private:
    void run(Handler handler, FrontSettings settings, std::promise<std::string>& started);
    void on_loop(std::function<void()> what);

    std::mutex mutex_;
    std::vector<std::function<void()>> calls_;
    uv_async_t call_{};
    std::unique_ptr<Front> front_;
    std::string address_;
    std::thread thread_;
};

struct ClientAnswer {
    int status = 0;  // 0: the connection ended before an answer was complete
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;

    std::string header(std::string_view name) const;
    bool has(std::string_view name) const;
};

// Blocking, with a deadline of its own far beyond anything a test waits for.
class Client {
  public:
    explicit Client(const std::string& address, int receive_buffer = 0);
    virtual ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // False: the other side has closed.
    bool send(std::string_view bytes);
    ClientAnswer get(const std::string& path);
    ClientAnswer read_answer(bool to_head = false);
    std::string read_line();
    std::string read_bytes(std::size_t size);
    // Waits for the end of the connection; false if something else comes.
    bool wait_closed();
    bool readable_within(Milliseconds time) const;
    void half_close() const;
    void reset_on_close() const;  // RST instead of FIN
    void close();

  protected:
    int socket() const { return socket_; }
    // As recv() and send().
    virtual ssize_t receive(char* to, std::size_t size);
    virtual bool pending() const { return false; }  // receive() has something without the socket
    virtual ssize_t transmit(const char* from, std::size_t size);

  private:
    bool fill();
    std::string read_chunks();

    int socket_ = -1;
    std::string buffer_;
};

// True as soon as `condition` holds; false if it does not within a generous time.
bool eventually(const std::function<bool()>& condition);

// Where handlers leave their Resumers for the test to call.
class Parking {
  public:
    Later later(Milliseconds deadline = Milliseconds{60'000}, Next on_deadline = {});
    Resumer take();

  private:
    std::mutex mutex_;
    std::condition_variable parked_;
    std::deque<Resumer> resumers_;
};

}  // namespace windlass::api::test
