// /v1/service/{id}/…: a played worker at a unix socket, which checks the ticket and then is the service itself.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

#include "shared/service_ticket.h"
#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

// Takes one connection: reads until `until`, answers, and closes.
class PlayedService {
  public:
    explicit PlayedService(const std::string& path)
        : path_(path), fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(fd_, 8), 0);
    }
    ~PlayedService() {
        if (thread_.joinable()) thread_.join();
        ::close(fd_);
    }
    void answer(std::string bytes, std::string until = "\r\n\r\n") {
        if (thread_.joinable()) thread_.join();
        heard_.clear();
        thread_ = std::thread([this, bytes = std::move(bytes), until = std::move(until)] {
            pollfd waiting{fd_, POLLIN, 0};
            if (::poll(&waiting, 1, 10'000) <= 0) return;
            const int client = ::accept(fd_, nullptr, nullptr);
            char buffer[4096];
            ssize_t got = 0;
            while (heard_.find(until) == std::string::npos && (got = ::recv(client, buffer, sizeof buffer, 0)) > 0) {
                const std::lock_guard lock(mutex_);
                heard_.append(buffer, static_cast<std::size_t>(got));
                changed_.notify_all();
            }
            [[maybe_unused]] const auto sent = ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            ::close(client);
        });
    }
    // Before its answer is complete.
    bool hears(const std::string& text) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds{20},
                                 [&] { return heard_.find(text) != std::string::npos; });
    }
    std::string heard() {
        if (thread_.joinable()) thread_.join();
        return heard_;
    }
    std::string address() const { return "unix:" + path_; }

  private:
    std::string path_;
    int fd_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string heard_;
    std::thread thread_;
};

class Service : public ApiTest {
  protected:
    Service() {
        scheduler_->start(job);
        execute("insert into worker (id, name, first_seen_us) values (7, 'node', 0)");
    }
    void ready() {
        execute(
            fmt::format("insert into job_event (job, seq, at_us, move, state, attempt, worker, detail) select {0}, 50, "
                        "0, 12, 3, attempt, 7, '{1}' from job_state where id = {0}",
                        job.value, service.address()));
    }
    std::string at(const std::string& rest) const { return "/v1/service/" + job.text() + rest; }

    Account owner = make_account("owner");
    Account other = make_account("other");
    Account boss = make_account("boss", Roles(Role::admin) | Roles(Role::user));
    const JobId job = submit(owner);
    PlayedService service{directory_ + "/service.sock"};
};

TEST_F(Service, its_owner_gets_what_it_answers_and_the_ticket_is_for_this_attempt_alone) {
    ready();
    service.answer(
        "ok\nHTTP/1.1 201 Made\r\nContent-Type: text/html\r\nSet-Cookie: a=b\r\nContent-Length: 5\r\n\r\nhello");
    const auto answer = send("GET", at("/lab/x?q=%20&unknown=1"), "", owner.token, {{"Accept", "text/html"}});
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(answer.body, "hello");
    EXPECT_EQ(answer.header("Set-Cookie"), fmt::format("service-{0}-a=b; Path=/v1/service/{0}/", job.value));
    EXPECT_EQ(answer.header("Content-Security-Policy").substr(0, 7), "sandbox");
    EXPECT_EQ(answer.response.content_type, "text/html");
    const auto heard = service.heard();
    const auto line = heard.substr(0, heard.find('\n'));
    EXPECT_EQ(greeted(line, site_secret_), (AttemptRef{job, 1})) << line;
    EXPECT_FALSE(greeted(line, "another secret"));
    EXPECT_NE(heard.find("\nGET /lab/x?q=%20&unknown=1 HTTP/1.1\r\n"), std::string::npos) << heard;
    EXPECT_EQ(heard.find(owner.token), std::string::npos) << heard;
}

TEST_F(Service, nobody_else_reaches_it_not_even_an_admin) {
    ready();
    for (const auto& account : {other, boss}) {
        const auto foreign = send("GET", at("/"), "", account.token);
        EXPECT_EQ(foreign.status, 404);
        EXPECT_EQ(foreign.body, send("GET", "/v1/service/999999999/", "", account.token).body);
    }
    EXPECT_EQ(send("GET", at("/")).status, 401);
    EXPECT_EQ(send("POST", at("/"), "x", "", {{"Cookie", "access_token=" + owner.token}}).status, 403);
}

TEST_F(Service, a_body_goes_along_and_a_stream_comes_back_in_pieces) {
    ready();
    std::string large(300'000, 'x');
    service.answer("ok\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt::format("{:x}\r\n", large.size()) +
                       large + "\r\n0\r\n\r\n",
                   "the body");
    const auto pending = begin("POST", at("/submit"), "this is the body", owner.token);
    auto answer = finish(pending, 1'000'000);
    while (answer.body.size() < large.size() && answer.response.stream && answer.response.stream->next(answer.body)) {
    }
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body.size(), large.size());
    EXPECT_NE(service.heard().find("Content-Length: 16\r\n"), std::string::npos);
}

TEST_F(Service, what_is_not_ready_is_503_and_what_cannot_be_reached_is_502) {
    const auto early = send("GET", at("/"), "", owner.token);
    EXPECT_EQ(early.status, 503);
    EXPECT_EQ(early.header("Retry-After"), "1");
    ready();
    service.answer("no it does not run here\n", "\n");
    const auto refused = send("GET", at("/"), "", owner.token);
    EXPECT_EQ(refused.status, 502);
    EXPECT_NE(refused.body.find("it does not run here"), std::string::npos) << refused.body;
    EXPECT_TRUE(refused.json()["error"].GetBool());
    service.answer("ok\nnonsense\r\n\r\n");
    EXPECT_EQ(send("GET", at("/"), "", owner.token).status, 502);
    service.answer("", "\r\n\r\n");
    EXPECT_EQ(send("GET", at("/"), "", owner.token).status, 502);
    execute("update job_event set detail = 'unix:/nowhere/at/all'");
    EXPECT_EQ(send("GET", at("/"), "", owner.token).status, 502);
}

TEST_F(Service, one_that_does_not_answer_is_a_504) {
    ready();
    service.answer("", "never");
    auto pending = begin("GET", at("/"), "", owner.token);
    // By then all of the request is out, and nothing is left that could wake the one who waits.
    EXPECT_TRUE(service.hears("GET / HTTP/1.1\r\n"));
    take_steps(pending);
    EXPECT_EQ(reach_deadline(pending).status, 504);
    pending.reset();  // the connection goes with it, or the played service would wait
}

TEST_F(Service, no_page_of_it_installs_a_service_worker) {
    ready();
    EXPECT_EQ(send("GET", at("/sw.js"), "", owner.token, {{"Service-Worker", "script"}}).status, 403);
}

TEST_F(Service, what_is_done_in_it_is_not_in_the_audit) {
    ready();
    service.answer("ok\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(send("POST", at("/secret-path"), "x", owner.token).status, 200);
    EXPECT_EQ(get("/api/audit/", boss.token).body.find("secret-path"), std::string::npos);
}

TEST_F(Service, a_websocket_is_opened_there_before_it_is_opened_here) {
    ready();
    const Headers upgrade = {{"Upgrade", "websocket"},
                             {"Connection", "Upgrade"},
                             {"Sec-WebSocket-Version", "13"},
                             {"Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="},
                             {"Sec-WebSocket-Protocol", "chat"}};
    service.answer(
        "ok\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: chat\r\n\r\n");
    auto pending = begin("GET", at("/ws"), "", owner.token, upgrade);
    const auto answer = finish(pending, 1);
    EXPECT_EQ(answer.status, 101);
    const auto heard = service.heard();
    EXPECT_NE(heard.find("Upgrade: websocket\r\n"), std::string::npos) << heard;
    EXPECT_NE(heard.find("Sec-WebSocket-Protocol: chat\r\n"), std::string::npos) << heard;
    EXPECT_EQ(heard.find("AAAAAAAAAAAAAAAAAAAAAA=="), std::string::npos) << heard;
    Headers foreign = upgrade;
    foreign.emplace_back("Origin", "https://evil.example");
    EXPECT_EQ(send("GET", at("/ws"), "", owner.token, foreign).status, 403);
}

}  // namespace
}  // namespace windlass::api::test
