// Exchanges that wait: they hold no thread, and whoever comes first (Resumer, deadline, the client leaving) decides.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>

#include "tests/api/front/test_front.h"
#include "tests/support/patience.h"

namespace windlass::api::test {
namespace {

constexpr std::string_view a_request = "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n";

Next answering(std::string body) {
    return [body = std::move(body)]() -> Reply { return text_response(body); };
}

// /wait waits; everything else is answered at once.
auto wait_or_echo(Parking& parking) {
    return [&parking](const Request& request) -> Reply {
        return request.path == "/wait" ? Reply(parking.later()) : echo(request);
    };
}

TEST(Later, resumed_from_another_thread_answers) {
    Parking parking;
    TestFront front([&](const Request&) -> Reply { return parking.later(); });
    Client client(front.address());
    client.send(a_request);
    const auto resumer = parking.take();
    EXPECT_TRUE(eventually([&] { return front.statistics().waiting == 1; }));
    std::thread([&] { resumer(answering("woken")); }).join();
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.body, "woken");
    EXPECT_TRUE(answer.has("X-Request-Id"));
    EXPECT_EQ(front.statistics().waiting, 0u);
}

TEST(Later, resumed_inside_start_answers) {
    TestFront front([](const Request&) -> Reply {
        return Later{[](Resumer resume) { resume(answering("at once")); }, Milliseconds{60'000}, {}};
    });
    Client client(front.address());
    for (int i = 0; i < 100; ++i) EXPECT_EQ(client.get("/").body, "at once");
}

TEST(Later, request_is_still_whole_in_the_continuation) {
    Parking parking;
    const Request* seen = nullptr;
    TestFront front([&](const Request& request) -> Reply {
        seen = &request;
        return parking.later();
    });
    Client client(front.address());
    client.send("POST /w?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
    const auto resumer = parking.take();
    resumer([&]() -> Reply { return text_response(seen->path + seen->query[0].second + seen->body); });
    EXPECT_EQ(client.read_answer().body, "/w1body");
}

TEST(Later, one_hundred_waits_hold_no_thread) {
    Parking parking;
    auto settings = loopback();
    settings.threads = 1;
    TestFront front(wait_or_echo(parking), settings);
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 100; ++i) {
        clients.push_back(std::make_unique<Client>(front.address()));
        clients.back()->send(a_request);
    }
    EXPECT_TRUE(eventually([&] { return front.statistics().waiting == 100; }));
    Client honest(front.address());
    EXPECT_EQ(honest.get("/honest").body, "GET /honest ");
    for (int i = 0; i < 100; ++i) parking.take()(answering("ok"));
    for (auto& client : clients) EXPECT_EQ(client->read_answer().body, "ok");
}

TEST(Later, only_the_first_call_of_a_resumer_counts) {
    Parking parking;
    TestFront front(wait_or_echo(parking));
    Client client(front.address());
    client.send(a_request);
    const auto resumer = parking.take();
    const auto copy = resumer;
    resumer(answering("first"));
    copy(answering("second"));
    EXPECT_EQ(client.read_answer().body, "first");
    copy(answering("third"));
    EXPECT_EQ(client.get("/after").body, "GET /after ");
}

TEST(Later, continuation_may_wait_again_and_the_old_resumer_is_dead) {
    Parking parking;
    TestFront front([&](const Request&) -> Reply { return parking.later(); });
    Client client(front.address());
    client.send(a_request);
    const auto first = parking.take();
    first([&]() -> Reply { return parking.later(); });
    const auto second = parking.take();
    first(answering("too late"));
    second(answering("second"));
    EXPECT_EQ(client.read_answer().body, "second");
}

TEST(Later, deadline_runs_its_own_continuation) {
    Parking parking;
    TestFront front([&](const Request&) -> Reply { return parking.later(Milliseconds{50}, answering("[]")); });
    Client client(front.address());
    client.send(a_request);
    EXPECT_EQ(client.read_answer().body, "[]");
    parking.take()(answering("too late"));
    client.send(a_request);
    EXPECT_EQ(client.read_answer().body, "[]");
}

TEST(Later, deadline_without_a_continuation_is_503_with_retry_after) {
    Parking parking;
    TestFront front([&](const Request&) -> Reply { return parking.later(Milliseconds{50}); });
    Client client(front.address());
    client.send(a_request);
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(answer.body.starts_with("503: ")) << "rendered by the application: " << answer.body;
    EXPECT_TRUE(answer.has("Retry-After"));
    EXPECT_FALSE(answer.has("Connection"));
}

TEST(Later, deadline_of_zero_comes_at_once) {
    Parking parking;
    TestFront front([&](const Request&) -> Reply { return parking.later(Milliseconds{0}, answering("now")); });
    Client client(front.address());
    client.send(a_request);
    EXPECT_EQ(client.read_answer().body, "now");
}

TEST(Later, idle_deadline_does_not_cut_a_wait) {
    Parking parking;
    auto settings = loopback();
    settings.limits.idle_deadline = Milliseconds{700};
    settings.limits.head_deadline = Milliseconds{700};
    TestFront front([&](const Request&) -> Reply { return parking.later(Milliseconds{1'500}, answering("waited")); },
                    settings);
    Client client(front.address());
    client.send(a_request);
    EXPECT_EQ(client.read_answer().body, "waited");
}

TEST(Later, client_that_leaves_frees_the_wait_and_later_calls_are_ignored) {
    Parking parking;
    auto held = std::make_shared<int>(1);
    TestFront front([&parking, watched = std::weak_ptr<int>(held), held](const Request&) mutable -> Reply {
        return parking.later(Milliseconds{60'000},
                             [keep = std::move(held)]() -> Reply { return text_response("late"); });
    });
    const std::weak_ptr<int> alive = held;
    held.reset();
    {
        Client client(front.address());
        client.send(a_request);
        EXPECT_TRUE(eventually([&] { return front.statistics().waiting == 1; }));
        EXPECT_FALSE(alive.expired());
    }
    EXPECT_TRUE(
        eventually([&] { return front.statistics().waiting == 0 && front.statistics().connections_open == 0; }));
    EXPECT_TRUE(eventually([&] { return alive.expired(); })) << "on_deadline outlives its exchange";
    std::atomic<bool> ran = false;
    {
        const auto resumer = parking.take();
        EXPECT_GT(front.statistics().buffered_bytes, 0u) << "the Request stays valid for whoever holds the Resumer";
        resumer([&]() -> Reply {
            ran = true;
            return text_response("nobody");
        });
    }
    EXPECT_TRUE(eventually([&] { return front.statistics().buffered_bytes == 0; }));
    Client next(front.address());
    next.send(a_request);
    parking.take()(answering("served"));
    EXPECT_EQ(next.read_answer().body, "served");
    EXPECT_FALSE(ran);
}

TEST(Later, resumer_dropped_without_a_call_ends_with_the_deadline) {
    TestFront front([](const Request&) -> Reply { return Later{[](Resumer) {}, Milliseconds{50}, {}}; });
    Client client(front.address());
    EXPECT_EQ(client.get("/").status, 503);
}

TEST(Later, start_that_throws_is_a_500) {
    TestFront front([](const Request&) -> Reply {
        return Later{[](Resumer) { throw std::runtime_error("hunter2"); }, Milliseconds{60'000}, {}};
    });
    Client client(front.address());
    const auto answer = client.get("/");
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.body.find("hunter2"), std::string::npos);
}

TEST(Later, later_without_start_is_a_500_and_a_continuation_that_throws_too) {
    Parking parking;
    TestFront front([&](const Request& request) -> Reply {
        return request.path == "/none" ? Later{{}, Milliseconds{60'000}, {}} : parking.later();
    });
    Client client(front.address());
    EXPECT_EQ(client.get("/none").status, 500);
    client.send(a_request);
    parking.take()([]() -> Reply { throw std::runtime_error("hunter2"); });
    EXPECT_EQ(client.read_answer().status, 500);
}

TEST(Later, requests_behind_a_wait_keep_their_order_and_are_read_ahead_within_bounds) {
    constexpr int behind = 5000;
    Parking parking;
    TestFront front(wait_or_echo(parking));
    Client client(front.address());
    client.send(a_request);
    const auto resumer = parking.take();
    std::string many;
    for (int i = 0; i < behind; ++i) many += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    std::thread sender([&] { EXPECT_TRUE(client.send(many)); });
    EXPECT_TRUE(eventually([&] { return front.statistics().buffered_bytes > 10'000; }));
    EXPECT_EQ(front.statistics().requests, 1u);
    EXPECT_LT(front.statistics().buffered_bytes, 512u * 1024);
    resumer(answering("first"));
    EXPECT_EQ(client.read_answer().body, "first");
    int in_order = 0;
    for (int i = 0; i < behind; ++i) in_order += client.read_answer().body == "GET /" + std::to_string(i) + " ";
    EXPECT_EQ(in_order, behind);
    sender.join();
}

TEST(Later, drain_gives_waits_their_deadline) {
    Parking parking;
    TestFront front(
        [&](const Request&) -> Reply { return parking.later(Milliseconds{600'000}, answering("draining")); });
    Client client(front.address());
    client.send(a_request);
    const auto resumer = parking.take();
    EXPECT_TRUE(eventually([&] { return front.statistics().waiting == 1; }));
    auto drained = front.drain(Milliseconds{30'000});
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.body, "draining");
    EXPECT_EQ(answer.header("Connection"), "close");
    client.close();
    EXPECT_EQ(drained.wait_for(windlass::test::patience()), std::future_status::ready);
}

TEST(Later, resumer_may_outlive_the_front) {
    Parking parking;
    std::optional<Resumer> resumer;
    {
        TestFront front([&](const Request&) -> Reply { return parking.later(); });
        Client client(front.address());
        client.send(a_request);
        resumer = parking.take();
        front.stop();
        EXPECT_TRUE(client.wait_closed());
    }
    (*resumer)(answering("nobody"));
}

// Resumers, deadlines and clients leaving all at the same time: every client that stays gets exactly one answer.
TEST(Later, races_between_resumers_deadlines_and_leaving_clients_end_well) {
    std::mutex mutex;
    std::condition_variable filled;
    std::deque<Resumer> resumers;
    bool done = false;
    TestFront front([&](const Request&) -> Reply {
        return Later{[&](Resumer resumer) {
                         const std::lock_guard lock(mutex);
                         resumers.push_back(std::move(resumer));
                         filled.notify_one();
                     },
                     Milliseconds{2}, answering("deadline")};
    });
    std::vector<std::thread> wakers;
    for (int i = 0; i < 2; ++i) {
        wakers.emplace_back([&] {
            std::unique_lock lock(mutex);
            while (true) {
                filled.wait(lock, [&] { return done || !resumers.empty(); });
                if (resumers.empty()) return;
                const auto resumer = resumers.front();
                resumers.pop_front();
                lock.unlock();
                resumer(answering("woken"));
                lock.lock();
            }
        });
    }
    for (int round = 0; round < 100; ++round) {
        Client stays(front.address());
        Client leaves(front.address());
        leaves.send(a_request);
        stays.send(a_request);
        leaves.close();
        const auto body = stays.read_answer().body;
        EXPECT_TRUE(body == "woken" || body == "deadline") << body;
    }
    {
        const std::lock_guard lock(mutex);
        done = true;
        filled.notify_all();
    }
    for (auto& waker : wakers) waker.join();
    EXPECT_TRUE(
        eventually([&] { return front.statistics().connections_open == 0 && front.statistics().waiting == 0; }));
    EXPECT_TRUE(eventually([&] { return front.statistics().buffered_bytes == 0; }));
}

}  // namespace
}  // namespace windlass::api::test
