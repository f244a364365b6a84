#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "tests/api/front/test_front.h"
#include "tests/support/patience.h"

namespace windlass::api::test {
namespace {

std::string post(const std::string& body, const std::string& headers = "") {
    return "POST /p HTTP/1.1\r\nHost: h\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

TEST(Front, one_connection_carries_many_requests) {
    TestFront front;
    Client client(front.address());
    for (int i = 0; i < 50; ++i) {
        const auto answer = client.get("/n" + std::to_string(i));
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, "GET /n" + std::to_string(i) + " ");
    }
    EXPECT_EQ(front.statistics().connections_accepted, 1u);
    EXPECT_EQ(front.statistics().requests, 50u);
}

TEST(Front, three_requests_in_one_packet_get_three_answers_in_order) {
    TestFront front;
    Client client(front.address());
    client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n" + post("two") + "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(client.read_answer().body, "GET /1 ");
    EXPECT_EQ(client.read_answer().body, "POST /p two");
    EXPECT_EQ(client.read_answer().body, "GET /3 ");
}

TEST(Front, request_that_arrives_byte_by_byte_is_the_same_request) {
    TestFront front;
    Client client(front.address());
    for (const char c : post("slow")) client.send({&c, 1});
    EXPECT_EQ(client.read_answer().body, "POST /p slow");
}

TEST(Front, head_gets_the_head_only_and_the_connection_goes_on) {
    TestFront front;
    Client client(front.address());
    client.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
    const auto answer = client.read_answer(true);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("Content-Length"), std::to_string(std::string("HEAD /a ").size()));
    EXPECT_EQ(client.get("/b").body, "GET /b ");
}

TEST(Front, connection_close_is_kept) {
    TestFront front;
    Client client(front.address());
    client.send("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.body, "GET /a ");
    EXPECT_EQ(answer.header("Connection"), "close");
    EXPECT_TRUE(client.wait_closed());
}

TEST(Front, http_1_0_closes_unless_asked_to_stay) {
    TestFront front;
    Client once(front.address());
    once.send("GET /a HTTP/1.0\r\n\r\n");
    EXPECT_EQ(once.read_answer().body, "GET /a ");
    EXPECT_TRUE(once.wait_closed());

    Client staying(front.address());
    for (int i = 0; i < 2; ++i) {
        staying.send("GET /b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        const auto answer = staying.read_answer();
        EXPECT_EQ(answer.body, "GET /b ");
        EXPECT_EQ(answer.header("Connection"), "keep-alive");
    }
}

TEST(Front, chunked_upload_arrives_whole) {
    TestFront front;
    Client client(front.address());
    client.send("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    client.send("6\r\n world\r\n0\r\n\r\n");
    EXPECT_EQ(client.read_answer().body, "POST /p hello world");
    EXPECT_EQ(client.get("/next").body, "GET /next ");
}

TEST(Front, continue_is_said_when_the_client_waits_for_it) {
    TestFront front;
    Client client(front.address());
    client.send("POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    EXPECT_EQ(client.read_line(), "HTTP/1.1 100 Continue");
    EXPECT_EQ(client.read_line(), "");
    client.send("body");
    EXPECT_EQ(client.read_answer().body, "POST /p body");
}

TEST(Front, continue_is_not_said_when_the_body_is_there_or_refused) {
    auto settings = loopback();
    settings.limits.body_bytes = 100;
    TestFront front(echo, settings);
    Client eager(front.address());
    eager.send(post("body", "Expect: 100-continue\r\n"));
    EXPECT_EQ(eager.read_answer().body, "POST /p body");
    Client large(front.address());
    large.send("POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n");
    EXPECT_EQ(large.read_answer().status, 413);
    EXPECT_TRUE(large.wait_closed());
}

TEST(Front, body_of_exactly_the_limit_is_taken) {
    auto settings = loopback();
    settings.limits.body_bytes = 3 * 1024 * 1024;
    TestFront front([](const Request& request) -> Reply { return text_response(std::to_string(request.body.size())); },
                    settings);
    Client client(front.address());
    client.send(post(std::string(3 * 1024 * 1024, 'x')));
    EXPECT_EQ(client.read_answer().body, std::to_string(3 * 1024 * 1024));
    EXPECT_EQ(client.get("/a").status, 200);
    EXPECT_TRUE(eventually([&] { return front.statistics().buffered_bytes == 0; }));
}

TEST(Front, large_answer_arrives_whole_at_a_slow_reader) {
    const std::string body(8 * 1024 * 1024, 'y');
    TestFront front([&](const Request&) -> Reply { return text_response(body); });
    Client client(front.address(), 4096);
    client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(client.read_answer().body, body);
    EXPECT_EQ(client.read_answer().body, body);
}

TEST(Front, handlers_see_the_socket_address_and_never_a_clients_word_for_it) {
    TestFront front([](const Request& request) -> Reply {
        std::string seen = request.remote_address;
        for (const auto& [name, value] : request.headers) seen += " " + name;
        return text_response(seen);
    });
    Client client(front.address());
    client.send("GET / HTTP/1.1\r\nHost: h\r\nREMOTE_ADDR: 10.6.6.6\r\nremote_port: 1\r\n\r\n");
    EXPECT_EQ(client.read_answer().body, "127.0.0.1 Host");
}

TEST(Front, range_and_accept_encoding_do_not_touch_the_answer) {
    TestFront front([](const Request&) -> Reply { return text_response(std::string(5000, 'z')); });
    Client client(front.address());
    client.send("GET / HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1,0-1,0-1\r\nAccept-Encoding: gzip, br\r\n\r\n");
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, std::string(5000, 'z'));
    EXPECT_FALSE(answer.has("Content-Encoding"));
    EXPECT_FALSE(answer.has("Content-Range"));
}

TEST(Front, forms_of_any_kind_reach_the_handler_as_bytes) {
    TestFront front([](const Request& request) -> Reply {
        return text_response(std::string(request.header("Content-Type")) + " " + request.body);
    });
    Client client(front.address());
    const std::string form = "a=" + std::string(20'000, 'b');
    client.send(post(form, "Content-Type: application/x-www-form-urlencoded\r\n"));
    EXPECT_EQ(client.read_answer().body, "application/x-www-form-urlencoded " + form);
    const std::string parts = "--x\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nv\r\n--x--\r\n";
    client.send(post(parts, "Content-Type: multipart/form-data; boundary=x\r\n"));
    EXPECT_EQ(client.read_answer().body, "multipart/form-data; boundary=x " + parts);
}

TEST(Front, long_header_lines_within_the_limit_reach_the_handler) {
    TestFront front(
        [](const Request& request) -> Reply { return text_response(std::string(request.cookie("token"))); });
    Client client(front.address());
    const std::string token(12'000, 't');
    client.send("GET / HTTP/1.1\r\nHost: h\r\nCookie: token=" + token + "\r\n\r\n");
    EXPECT_EQ(client.read_answer().body, token);
}

TEST(Front, every_answer_has_its_own_request_id_and_the_handler_knows_it) {
    TestFront front([](const Request& request) -> Reply { return text_response(request.id); });
    Client client(front.address());
    const auto first = client.get("/");
    const auto second = client.get("/");
    EXPECT_EQ(first.header("X-Request-Id"), first.body);
    EXPECT_EQ(second.header("X-Request-Id"), second.body);
    EXPECT_NE(first.body, second.body);
}

TEST(Front, handler_that_throws_is_a_500_without_its_text_and_the_connection_goes_on) {
    TestFront front([](const Request& request) -> Reply {
        if (request.path == "/bad") throw std::runtime_error("password=hunter2");
        return text_response("good");
    });
    Client client(front.address());
    const auto bad = client.get("/bad");
    EXPECT_EQ(bad.status, 500);
    EXPECT_EQ(bad.body.find("hunter2"), std::string::npos);
    EXPECT_NE(bad.body.find(bad.header("X-Request-Id")), std::string::npos);
    for (const auto& [name, value] : bad.headers) EXPECT_EQ(value.find("hunter2"), std::string::npos) << name;
    EXPECT_EQ(client.get("/good").body, "good");
}

TEST(Front, client_that_half_closes_still_gets_all_its_answers) {
    TestFront front;
    Client client(front.address());
    client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    client.half_close();
    EXPECT_EQ(client.read_answer().body, "GET /1 ");
    EXPECT_EQ(client.read_answer().body, "GET /2 ");
    EXPECT_TRUE(client.wait_closed());
}

TEST(Front, port_in_use_is_an_error_that_says_so) {
    TestFront front;
    uv_loop_t loop;
    ::uv_loop_init(&loop);
    auto settings = loopback();
    settings.listen = front.address();
    {
        const auto second = Front::open(&loop, settings, echo, render_error);
        ASSERT_FALSE(second.ok());
        EXPECT_EQ(second.error().kind, ErrorKind::conflict);
        EXPECT_NE(second.error().message.find(front.address()), std::string::npos);
        EXPECT_NE(second.error().message.find("second copy"), std::string::npos);
    }
    ::uv_run(&loop, UV_RUN_DEFAULT);
    EXPECT_EQ(::uv_loop_close(&loop), 0);
}

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string pattern = std::filesystem::temp_directory_path() / "windlass-front-XXXXXX";
        path_ = ::mkdtemp(pattern.data());
    }
    ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

TEST(Front, unix_socket_serves_the_same_and_a_stale_file_is_no_obstacle) {
    const TemporaryDirectory directory;
    auto settings = loopback();
    settings.listen = "unix:" + directory.path() + "/front.sock";
    {
        // What a killed process leaves behind: a socket file that nobody listens on.
        const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        (directory.path() + "/front.sock").copy(name.sun_path, sizeof name.sun_path - 1);
        ASSERT_EQ(::bind(left, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
        ::close(left);
    }
    TestFront front([](const Request& request) -> Reply { return text_response(request.remote_address); }, settings);
    Client client(front.address());
    EXPECT_EQ(client.get("/").body, "unix");

    uv_loop_t loop;
    ::uv_loop_init(&loop);
    EXPECT_FALSE(Front::open(&loop, settings, echo, render_error).ok()) << "a living socket is not taken over";
    ::uv_run(&loop, UV_RUN_DEFAULT);
    ::uv_loop_close(&loop);
    EXPECT_EQ(client.get("/").body, "unix");
}

TEST(Front, ipv6_in_brackets_is_listened_on) {
    auto settings = loopback();
    settings.listen = "[::1]:0";
    TestFront front(echo, settings);
    EXPECT_TRUE(front.address().starts_with("[::1]:")) << front.address();
    EXPECT_NE(front.address(), "[::1]:0");
}

TEST(Front, drain_closes_idle_connections_finishes_answers_and_stops_listening) {
    Parking parking;
    std::promise<void> running;
    std::promise<void> release;
    TestFront front([&](const Request&) -> Reply {
        running.set_value();
        release.get_future().wait();
        return text_response("finished");
    });
    Client idle(front.address());
    Client busy(front.address());
    busy.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    running.get_future().wait();
    EXPECT_TRUE(eventually([&] { return front.statistics().connections_open == 2; }));
    auto drained = front.drain(Milliseconds{30'000});
    EXPECT_TRUE(idle.wait_closed());
    EXPECT_THROW(Client(front.address()).get("/"), std::runtime_error);
    release.set_value();
    const auto answer = busy.read_answer();
    EXPECT_EQ(answer.body, "finished");
    EXPECT_EQ(answer.header("Connection"), "close");
    busy.close();
    EXPECT_EQ(drained.wait_for(windlass::test::patience()), std::future_status::ready);
    EXPECT_EQ(front.statistics().connections_open, 0u);
}

TEST(Front, drain_without_connections_is_done_at_once) {
    TestFront front;
    EXPECT_EQ(front.drain(Milliseconds{60'000}).wait_for(windlass::test::patience()), std::future_status::ready);
}

TEST(Front, drain_gives_up_on_clients_that_do_not_finish) {
    TestFront front;
    Client half(front.address());
    half.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
    EXPECT_TRUE(eventually([&] { return front.statistics().buffered_bytes > 0; }));
    EXPECT_EQ(front.drain(Milliseconds{50}).wait_for(windlass::test::patience()), std::future_status::ready);
    EXPECT_TRUE(half.wait_closed());
}

}  // namespace
}  // namespace windlass::api::test
