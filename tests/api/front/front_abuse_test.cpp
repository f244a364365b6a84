// Clients that mean harm, and clients that are merely broken: they cost a buffer, get an answer if they can hear one,
// and never stand in the way of an honest one.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/api/front/test_front.h"

namespace windlass::api::test {
namespace {

using Clock = std::chrono::steady_clock;

void expect_honest_client_is_served(TestFront& front) {
    Client honest(front.address());
    EXPECT_EQ(honest.get("/honest").body, "GET /honest ");
}

// Sends, expects this status in the application's shape and the end of the connection.
void expect_refused(TestFront& front, const std::string& bytes, int status) {
    Client client(front.address());
    client.send(bytes);
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.status, status) << bytes.substr(0, 200);
    EXPECT_TRUE(answer.body.starts_with(std::to_string(status) + ": ")) << answer.body;
    EXPECT_EQ(answer.header("Connection"), "close");
    EXPECT_TRUE(answer.has("X-Request-Id"));
    EXPECT_TRUE(client.wait_closed());
}

TEST(Abuse, ambiguous_framing_is_refused_and_the_connection_ends) {
    TestFront front;
    const std::string start = "POST /a HTTP/1.1\r\nHost: h\r\n";
    expect_refused(
        front, start + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\n", 400);
    expect_refused(front, start + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400);
    expect_refused(front, start + "Content-Length: -5\r\n\r\n", 400);
    expect_refused(front, start + "Content-Length : 3\r\n\r\nabc", 400);
    expect_refused(front, start + "Transfer-Encoding: gzip, chunked\r\n\r\n", 400);
    expect_refused(front, start + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x01", 415);
    expect_refused(front, "GET http://elsewhere/ HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_refused(front, "CONNECT elsewhere:443 HTTP/1.1\r\nHost: h\r\n\r\n", 405);
    EXPECT_EQ(front.statistics().requests, 0u);
    EXPECT_EQ(front.statistics().refused_requests, 8u);
    expect_honest_client_is_served(front);
}

TEST(Abuse, refusal_waits_for_the_answers_before_it) {
    TestFront front;
    Client client(front.address());
    client.send(
        "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\nGARBAGE\r\n\r\nGET /3 HTTP/1.1\r\nHost: "
        "h\r\n\r\n");
    EXPECT_EQ(client.read_answer().body, "GET /1 ");
    EXPECT_EQ(client.read_answer().body, "GET /2 ");
    EXPECT_EQ(client.read_answer().status, 400);
    EXPECT_TRUE(client.wait_closed());
}

TEST(Abuse, body_of_a_get_is_never_a_second_request) {
    TestFront front(
        [](const Request& request) -> Reply { return text_response(request.path + " [" + request.body + "]"); });
    Client client(front.address());
    const std::string inner = "GET /evil HTTP/1.1\r\nHost: h\r\n\r\n";
    client.send("GET /api/jobs/getqueue/ HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(inner.size()) +
                "\r\n\r\n");
    EXPECT_FALSE(client.readable_within(Milliseconds{30})) << "answered before the body came";
    client.send(inner);
    EXPECT_EQ(client.read_answer().body, "/api/jobs/getqueue/ [" + inner + "]");
    EXPECT_EQ(client.get("/next").body, "/next []");
    EXPECT_EQ(front.statistics().requests, 2u);
}

TEST(Abuse, slow_heads_are_cut_by_a_deadline_that_trickling_does_not_move) {
    auto settings = loopback();
    settings.limits.head_deadline = Milliseconds{300};
    TestFront front(echo, settings);
    std::vector<std::unique_ptr<Client>> slow;
    for (int i = 0; i < 20; ++i) {
        slow.push_back(std::make_unique<Client>(front.address()));
        slow.back()->send("GET /slow HTTP/1.1\r\nHost: h\r\n");
    }
    const auto begin = Clock::now();
    expect_honest_client_is_served(front);
    auto& trickling = *slow.front();
    while (!trickling.readable_within(Milliseconds{10}) && Clock::now() - begin < std::chrono::seconds(20))
        trickling.send("X");
    const auto answer = trickling.read_answer();
    EXPECT_EQ(answer.status, 408);
    EXPECT_TRUE(answer.body.starts_with("408: "));
    for (std::size_t i = 1; i < slow.size(); ++i) EXPECT_EQ(slow[i]->read_answer().status, 408);
    slow.clear();
    expect_honest_client_is_served(front);
}

TEST(Abuse, slow_bodies_are_cut_by_their_deadline) {
    auto settings = loopback();
    settings.limits.body_deadline = Milliseconds{100};
    TestFront front(echo, settings);
    Client client(front.address());
    client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
    EXPECT_EQ(client.read_answer().status, 408);
    EXPECT_TRUE(client.wait_closed());
}

TEST(Abuse, idle_connections_are_closed_without_a_word) {
    auto settings = loopback();
    settings.limits.idle_deadline = Milliseconds{100};
    TestFront front(echo, settings);
    Client silent(front.address());
    Client once(front.address());
    EXPECT_EQ(once.get("/a").status, 200);
    EXPECT_TRUE(silent.wait_closed());
    EXPECT_TRUE(once.wait_closed());
}

TEST(Abuse, five_hundred_idle_connections_do_not_stand_in_the_way) {
    TestFront front;
    std::vector<std::unique_ptr<Client>> idle;
    for (int i = 0; i < 500; ++i) idle.push_back(std::make_unique<Client>(front.address()));
    expect_honest_client_is_served(front);
    EXPECT_TRUE(eventually([&] { return front.statistics().connections_open >= 500; }));
    EXPECT_EQ(idle.back()->get("/last").status, 200);
    idle.clear();
    EXPECT_TRUE(eventually([&] { return front.statistics().connections_open == 0; }));
}

TEST(Abuse, endless_lines_are_refused_at_the_limit) {
    TestFront front;
    for (const std::string start : {"GET / HTTP/1.1\r\nHost: h\r\nX: ", "GET /"}) {
        Client client(front.address());
        client.send(start);
        std::uint64_t most = 0;
        for (int i = 0; i < 200 && client.send(std::string(16 * 1024, 'x')); ++i) {
            most = std::max(most, front.statistics().buffered_bytes);
        }
        EXPECT_LT(most, 100'000u);
        EXPECT_GE(client.read_answer().status, 414);
    }
    expect_honest_client_is_served(front);
}

TEST(Abuse, a_million_header_lines_are_refused_at_the_limit) {
    TestFront front;
    Client client(front.address());
    client.send("GET / HTTP/1.1\r\nHost: h\r\n");
    std::string lines;
    for (int i = 0; i < 10'000; ++i) lines += "A: b\r\n";
    for (int i = 0; i < 100 && client.send(lines); ++i) {
    }
    EXPECT_EQ(client.read_answer().status, 431);
    expect_honest_client_is_served(front);
    EXPECT_TRUE(eventually([&] { return front.statistics().buffered_bytes == 0; }));
}

TEST(Abuse, large_body_is_refused_without_reading_it) {
    auto settings = loopback();
    settings.limits.body_bytes = 1024 * 1024;
    std::atomic<int> calls = 0;
    TestFront front(
        [&](const Request& request) -> Reply {
            ++calls;
            return echo(request);
        },
        settings);
    Client client(front.address());
    client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n" + std::string(100'000, 'x'));
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(answer.header("Connection"), "close");
    EXPECT_TRUE(client.wait_closed());
    EXPECT_EQ(calls, 0);
}

TEST(Abuse, chunked_body_without_end_is_refused_at_the_limit) {
    auto settings = loopback();
    settings.limits.body_bytes = 1024 * 1024;
    TestFront front(echo, settings);
    Client client(front.address());
    client.send("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
    std::uint64_t most = 0;
    for (int i = 0; i < 1000 && !client.readable_within(Milliseconds{0}) && client.send(chunk); ++i) {
        most = std::max(most, front.statistics().buffered_bytes);
    }
    EXPECT_EQ(client.read_answer().status, 413);
    EXPECT_LT(most, 1'500'000u);
    EXPECT_TRUE(eventually([&] { return front.statistics().buffered_bytes == 0; }));
}

TEST(Abuse, unfinished_bodies_of_all_clients_together_are_bounded) {
    auto settings = loopback();
    settings.limits.buffered_bytes = 1024 * 1024;
    TestFront front(echo, settings);
    const std::string half =
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" + std::string(400'000, 'x');
    std::vector<std::unique_ptr<Client>> clients;
    for (std::uint64_t i = 0; i < 2; ++i) {
        clients.push_back(std::make_unique<Client>(front.address()));
        clients.back()->send(half);
        EXPECT_TRUE(eventually([&] { return front.statistics().buffered_bytes >= 400'000 * (i + 1); }));
    }
    Client third(front.address());
    third.send(half);
    const auto answer = third.read_answer();
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(answer.has("Retry-After"));
    expect_honest_client_is_served(front);
    clients.clear();
    EXPECT_TRUE(eventually([&] { return front.statistics().buffered_bytes == 0; }));
}

TEST(Abuse, connections_beyond_the_limit_hear_503) {
    auto settings = loopback();
    settings.limits.connections = 3;
    TestFront front(echo, settings);
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(std::make_unique<Client>(front.address()));
        EXPECT_EQ(clients.back()->get("/").status, 200);
    }
    Client fourth(front.address());
    const auto answer = fourth.get("/");
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(answer.has("Retry-After"));
    EXPECT_TRUE(fourth.wait_closed());
    EXPECT_EQ(front.statistics().connections_refused, 1u);
    clients.pop_back();
    EXPECT_TRUE(eventually([&] { return front.statistics().connections_open == 2; }));
    expect_honest_client_is_served(front);
}

TEST(Abuse, requests_beyond_the_queue_hear_503_and_keep_their_connection) {
    auto settings = loopback();
    settings.threads = 1;
    settings.limits.queued_requests = 1;
    std::promise<void> release;
    const auto released = release.get_future().share();
    std::atomic<int> running = 0;
    TestFront front(
        [&](const Request& request) -> Reply {
            ++running;
            released.wait();
            return echo(request);
        },
        settings);
    Client first(front.address());
    Client second(front.address());
    Client third(front.address());
    first.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return running == 1; }));
    second.send("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return front.statistics().requests == 2; }));
    const auto refused = third.get("/3");
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(refused.has("Retry-After"));
    EXPECT_FALSE(refused.has("Connection"));
    release.set_value();
    EXPECT_EQ(first.read_answer().body, "GET /1 ");
    EXPECT_EQ(second.read_answer().body, "GET /2 ");
    EXPECT_EQ(third.get("/3").body, "GET /3 ");
}

// One thread, which works when it is told to; what waits is counted by the front.
class HeldFront {
  public:
    explicit HeldFront(FrontSettings settings)
        : front(
              [this](const Request& request) -> Reply {
                  std::unique_lock lock(mutex_);
                  ++running_;
                  changed_.wait(lock, [this] { return released_; });
                  return echo(request);
              },
              std::move(settings)) {}
    ~HeldFront() { release(); }
    // One that runs and two that wait, for long enough.
    void fill() {
        for (int i = 1; i <= 3; ++i) {
            clients_.push_back(std::make_unique<Client>(front.address()));
            clients_.back()->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            EXPECT_TRUE(eventually([&] { return front.statistics().requests == static_cast<std::uint64_t>(i); }));
            EXPECT_TRUE(eventually([&] { return running() == 1; }));
        }
        const auto filled = Clock::now();
        EXPECT_TRUE(eventually([&] { return Clock::now() - filled > std::chrono::milliseconds(50); }));
    }
    void release() {
        const std::lock_guard lock(mutex_);
        released_ = true;
        changed_.notify_all();
    }
    void expect_all_are_answered() {
        for (auto& client : clients_) EXPECT_EQ(client->read_answer().body, "GET / ");
    }

  private:
    int running() {
        const std::lock_guard lock(mutex_);
        return running_;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    int running_ = 0;
    bool released_ = false;
    std::vector<std::unique_ptr<Client>> clients_;

  public:
    TestFront front;  // last: its threads use the rest
};

FrontSettings easily_flooded() {
    auto settings = loopback();
    settings.threads = 1;
    settings.limits.queue_short = 1;
    settings.limits.queue_wait = settings.limits.flooded_wait = Milliseconds{1};
    settings.limits.queue_patience = Milliseconds{0};
    return settings;
}

TEST(Abuse, requests_that_would_wait_too_long_behind_others_are_refused_at_once) {
    HeldFront held(easily_flooded());
    held.fill();
    Client last(held.front.address());
    const auto refused = last.get("/4");
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(refused.has("Retry-After"));
    EXPECT_EQ(held.front.statistics().refused_requests, 1u);
    held.release();
    held.expect_all_are_answered();
    EXPECT_EQ(last.get("/4").body, "GET /4 ") << "the queue is empty again";
}

TEST(Abuse, a_burst_is_no_flood) {
    auto settings = easily_flooded();
    settings.limits.queue_patience = Seconds{3600};
    HeldFront held(settings);
    held.fill();
    Client last(held.front.address());
    last.send("GET /4 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return held.front.statistics().requests == 4; }));
    held.release();
    held.expect_all_are_answered();
    EXPECT_EQ(last.read_answer().body, "GET /4 ");
    EXPECT_EQ(held.front.statistics().refused_requests, 0u);
}

// Holds every descriptor of the process but those it is asked to leave.
class DescriptorHog {
  public:
    explicit DescriptorHog(int leave) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit lower = before_;
        lower.rlim_cur = 512;
        ::setrlimit(RLIMIT_NOFILE, &lower);
        for (int one = ::open("/dev/null", O_RDONLY | O_CLOEXEC); one >= 0;
             one = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) {
            held_.push_back(one);
        }
        for (int i = 0; i < leave && !held_.empty(); ++i) {
            ::close(held_.back());
            held_.pop_back();
        }
    }
    ~DescriptorHog() {
        for (const int one : held_) ::close(one);
        ::setrlimit(RLIMIT_NOFILE, &before_);
    }
    DescriptorHog(const DescriptorHog&) = delete;
    DescriptorHog& operator=(const DescriptorHog&) = delete;

  private:
    rlimit before_{};
    std::vector<int> held_;
};

TEST(Abuse, running_out_of_descriptors_makes_newcomers_wait_and_nobody_else) {
    TestFront front;
    Client old(front.address());
    EXPECT_EQ(old.get("/before").status, 200);
    std::unique_ptr<Client> newcomer;
    {
        const DescriptorHog hog(1);
        newcomer = std::make_unique<Client>(front.address());  // takes the last one: accept() has none
        newcomer->send("GET /newcomer HTTP/1.1\r\nHost: h\r\n\r\n");
        EXPECT_EQ(old.get("/meanwhile").status, 200);
    }
    EXPECT_EQ(newcomer->read_answer().body, "GET /newcomer ");
    expect_honest_client_is_served(front);
}

TEST(Abuse, connections_reset_before_and_after_accept_are_survived) {
    TestFront front;
    for (int i = 0; i < 200; ++i) {
        Client client(front.address());
        if (i % 2 == 0) client.send("GET / HTTP/1.1\r\nHo");
        client.reset_on_close();
    }
    expect_honest_client_is_served(front);
    EXPECT_TRUE(eventually([&] { return front.statistics().connections_open == 0; }));
}

}  // namespace
}  // namespace windlass::api::test
