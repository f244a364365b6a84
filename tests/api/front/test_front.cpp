#include "tests/api/front/test_front.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <stdexcept>

namespace windlass::api::test {
namespace {

constexpr int patience_ms = 30'000;

int connect_to(const std::string& address, int receive_buffer) {
    const bool is_unix = address.starts_with("unix:");
    const int out = ::socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (out < 0) throw std::runtime_error("socket: " + std::string(std::strerror(errno)));
    if (receive_buffer > 0) ::setsockopt(out, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    int connected = -1;
    if (is_unix) {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        address.copy(to.sun_path, sizeof to.sun_path - 1, 5);
        connected = ::connect(out, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    } else {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int on = 1;
        ::setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connected = ::connect(out, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }
    if (connected != 0) {
        const std::string reason = std::strerror(errno);
        ::close(out);
        throw std::runtime_error("connect to " + address + ": " + reason);
    }
    return out;
}

}  // namespace

Response text_response(std::string body, int status) {
    Response out;
    out.status = status;
    out.content_type = "text/plain";
    out.body = std::move(body);
    return out;
}

Response render_error(int status, std::string_view detail, std::string_view, std::string_view) {
    return text_response(std::to_string(status) + ": " + std::string(detail), status);
}

Reply echo(const Request& request) {
    return text_response(request.method + " " + request.path + " " + request.body);
}

FrontSettings loopback() {
    FrontSettings out;
    out.listen = "127.0.0.1:0";
    out.limits.connections = 2'000;
    return out;
}

TestFront::TestFront(Handler handler, FrontSettings settings) {
    std::promise<std::string> started;
    auto address = started.get_future();
    thread_ = std::thread([&] { run(std::move(handler), std::move(settings), started); });
    address_ = address.get();
}

TestFront::~TestFront() {
    stop();
}

void TestFront::run(Handler handler, FrontSettings settings, std::promise<std::string>& started) {
    uv_loop_t loop;
    ::uv_loop_init(&loop);
    call_.data = this;
    ::uv_async_init(&loop, &call_, [](uv_async_t* handle) {
        auto& self = *static_cast<TestFront*>(handle->data);
        std::vector<std::function<void()>> calls;
        {
            const std::lock_guard lock(self.mutex_);
            calls.swap(self.calls_);
        }
        for (const auto& call : calls) call();
    });
    auto front = Front::open(&loop, std::move(settings), std::move(handler), render_error);
    EXPECT_TRUE(front.ok()) << (front.ok() ? "" : front.error().message);
    front_ = std::move(front).value();
    started.set_value(front_->address());
    ::uv_run(&loop, UV_RUN_DEFAULT);
    EXPECT_EQ(::uv_loop_close(&loop), 0) << "the front left handles behind";
}

void TestFront::on_loop(std::function<void()> what) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(what));
    ::uv_async_send(&call_);
}

FrontStatistics TestFront::statistics() {
    return front_->statistics();
}

std::future<void> TestFront::drain(Milliseconds patience) {
    auto done = std::make_shared<std::promise<void>>();
    auto out = done->get_future();
    on_loop([this, patience, done] { front_->drain(patience, [done] { done->set_value(); }); });
    return out;
}

Result<std::string> TestFront::reload_tls() {
    auto done = std::make_shared<std::promise<Result<std::string>>>();
    auto out = done->get_future();
    on_loop([this, done] { done->set_value(front_->reload_tls()); });
    return out.get();
}

void TestFront::stop() {
    if (!thread_.joinable()) return;
    on_loop([this] {
        front_.reset();
        ::uv_close(reinterpret_cast<uv_handle_t*>(&call_), nullptr);
    });
    thread_.join();
}

std::string ClientAnswer::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (key.size() == name.size() && ::strncasecmp(key.data(), name.data(), name.size()) == 0) return value;
    }
    return {};
}

bool ClientAnswer::has(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (key.size() == name.size() && ::strncasecmp(key.data(), name.data(), name.size()) == 0) return true;
    }
    return false;
}

Client::Client(const std::string& address, int receive_buffer) : socket_(connect_to(address, receive_buffer)) {}
Client::~Client() {
    close();
}

void Client::close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
}

void Client::half_close() const {
    ::shutdown(socket_, SHUT_WR);
}

void Client::reset_on_close() const {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

bool Client::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = transmit(bytes.data(), bytes.size());
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

ssize_t Client::receive(char* to, std::size_t size) {
    return ::recv(socket_, to, size, 0);
}

ssize_t Client::transmit(const char* from, std::size_t size) {
    return ::send(socket_, from, size, MSG_NOSIGNAL);
}

bool Client::readable_within(Milliseconds time) const {
    pollfd poll{socket_, POLLIN, 0};
    return ::poll(&poll, 1, static_cast<int>(time.count())) == 1;
}

bool Client::fill() {
    if (!pending() && !readable_within(Milliseconds{patience_ms}))
        throw std::runtime_error("nothing came from the front in time");
    std::array<char, 65536> bytes{};
    const auto size = receive(bytes.data(), bytes.size());
    if (size <= 0) return false;
    buffer_.append(bytes.data(), static_cast<std::size_t>(size));
    return true;
}

std::string Client::read_line() {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n")) == std::string::npos) {
        if (!fill()) return {};
    }
    auto line = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return line;
}

std::string Client::read_bytes(std::size_t size) {
    while (buffer_.size() < size) {
        if (!fill()) break;
    }
    auto out = buffer_.substr(0, size);
    buffer_.erase(0, out.size());
    return out;
}

bool Client::wait_closed() {
    if (!buffer_.empty()) return false;
    while (fill()) {
        if (!buffer_.empty()) return false;
    }
    return true;
}

std::string Client::read_chunks() {
    std::string out;
    while (true) {
        const auto line = read_line();
        if (line.empty()) return out + "<broken off>";
        const auto size = std::stoul(line, nullptr, 16);
        if (size > 0) out += read_bytes(size);
        if (!read_line().empty()) return out + "<bad chunk>";
        if (size == 0) return out;
    }
}

ClientAnswer Client::read_answer(bool to_head) {
    ClientAnswer out;
    const auto first = read_line();
    if (!first.starts_with("HTTP/1.1 ")) return out;
    const int status = std::stoi(first.substr(9));
    for (auto line = read_line(); !line.empty(); line = read_line()) {
        const auto colon = line.find(": ");
        out.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
    if (!to_head && status != 204 && status != 304 && status >= 200) {
        if (out.has("Transfer-Encoding")) {
            out.body = read_chunks();
        } else if (out.has("Content-Length")) {
            const auto size = std::stoul(out.header("Content-Length"));
            out.body = read_bytes(size);
            if (out.body.size() != size) return out;
        } else {
            while (fill()) {
            }
            out.body = std::exchange(buffer_, {});
        }
    }
    out.status = status;
    return out;
}

ClientAnswer Client::get(const std::string& path) {
    send("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n");
    return read_answer();
}

bool eventually(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        ::poll(nullptr, 0, 1);  // gives the core to whom we wait for
    }
    return true;
}

Later Parking::later(Milliseconds deadline, Next on_deadline) {
    Later out;
    out.deadline = deadline;
    out.on_deadline = std::move(on_deadline);
    out.start = [this](Resumer resumer) {
        const std::lock_guard lock(mutex_);
        resumers_.push_back(std::move(resumer));
        parked_.notify_all();
    };
    return out;
}

Resumer Parking::take() {
    std::unique_lock lock(mutex_);
    if (!parked_.wait_for(lock, std::chrono::milliseconds(patience_ms), [this] { return !resumers_.empty(); })) {
        throw std::runtime_error("no exchange was parked in time");
    }
    auto out = resumers_.front();
    resumers_.pop_front();
    return out;
}

}  // namespace windlass::api::test
