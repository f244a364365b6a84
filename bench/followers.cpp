// followers: thousands of event streams of one running job that has nothing to say: what they cost in memory and in
// processor time, and how long it takes until all have heard that the job has ended.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <thread>

#include "bench/process_tree.h"
#include "bench/site.h"
#include "shared/json.h"

namespace windlass::bench {
namespace {

class Crowd {
  public:
    Crowd(const Site& site, const std::string& path) : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
        rlimit files{};
        getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
        const auto port = site.url().rfind(':');
        address_.sin_family = AF_INET;
        address_.sin_port = htons(static_cast<std::uint16_t>(std::atoi(site.url().c_str() + port + 1)));
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        request_ = fmt::format(
            "GET {} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nAuthorization: Bearer {}\r\n\r\n", path,
            site.token());
    }
    ~Crowd() {
        for (const int one : sockets_) close(one);
        close(epoll_);
    }
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;

    // Each has been answered when this returns.
    void come(int number) {
        for (int i = 0; i < number; ++i) {
            const int one = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            if (one < 0 || connect(one, reinterpret_cast<sockaddr*>(&address_), sizeof address_) != 0)
                give_up("cannot connect follower " + std::to_string(i));
            if (send(one, request_.data(), request_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request_.size()))
                give_up("cannot ask as follower " + std::to_string(i));
            epoll_event event{EPOLLIN, {.fd = one}};
            epoll_ctl(epoll_, EPOLL_CTL_ADD, one, &event);
            sockets_.push_back(one);
            if (i % 256 == 255) read_until([&] { return heard_ >= i - 128; });
        }
        read_until([&] { return heard_ >= number; });
    }
    // Until each connection has ended or said "event: end".
    void wait_for_end() {
        read_until([&] { return ended_ >= static_cast<int>(sockets_.size()); });
    }

  private:
    template <class Done>
    void read_until(const Done& done) {
        for (const double give_up_at = seconds_now() + 120; !done();) {
            if (seconds_now() > give_up_at) give_up(fmt::format("{} heard, {} ended", heard_, ended_));
            epoll_event events[256];
            const int count = epoll_wait(epoll_, events, 256, 1000);
            for (int i = 0; i < count; ++i) read_one(events[i].data.fd);
        }
    }
    void read_one(int one) {
        char text[4096];
        const ssize_t size = recv(one, text, sizeof text, MSG_DONTWAIT);
        if (size < 0) return;
        auto& state = states_[one];
        const std::string_view said(text, static_cast<std::size_t>(size));
        if (state == 0 && size > 0) {
            if (!said.starts_with("HTTP/1.1 200"))
                give_up("a follower was answered: " + std::string(said.substr(0, 300)));
            state = 1;
            ++heard_;
        }
        if (state == 1 && (size == 0 || said.find("event: end") != std::string_view::npos)) {
            state = 2;
            ++ended_;
        }
        if (size == 0) epoll_ctl(epoll_, EPOLL_CTL_DEL, one, nullptr);
    }

    int epoll_;
    sockaddr_in address_{};
    std::string request_;
    std::vector<int> sockets_;
    std::map<int, int> states_;
    int heard_ = 0;
    int ended_ = 0;
};

}  // namespace

int followers(const Options& options) {
    const int number = options.connections.back();
    const Site site(options);
    auto client = site.client();
    const auto submitted = parse_json(
        site.ask(client, "POST", "/api/jobs/submit/", R"({"code":"","data":"","running_commands":"sleep 3600"})"));
    const std::string id(text_of((*submitted)["id"]));
    const pid_t api = find_in_tree(site.pid(), "windlass-api");
    const pid_t scheduler = find_in_tree(site.pid(), "windlass-schedu");
    const double before = memory_of(api).now_mib, scheduler_before = memory_of(scheduler).now_mib;
    Crowd crowd(site, "/api/jobs/" + id + "/events/");
    const double begin = seconds_now();
    crowd.come(number);
    const double came = seconds_now() - begin;
    const double cpu = exact_cpu_seconds_of_tree(api), all = exact_cpu_seconds_of_tree(site.pid());
    const double quiet = seconds_now();
    std::this_thread::sleep_for(std::chrono::seconds(options.seconds));
    const double seconds = seconds_now() - quiet;
    const double used = exact_cpu_seconds_of_tree(api) - cpu;
    const double used_by_all = exact_cpu_seconds_of_tree(site.pid()) - all;
    const Memory memory = memory_of(api);
    fmt::print("followers: {} event streams of one quiet job, all there after {:.2f} s\n", number, came);
    fmt::print(
        "memory of the api: {:.1f} MiB before, {:.1f} MiB with them, {:.1f} KiB each; the scheduler's: {:+.1f} MiB\n",
        before, memory.now_mib, (memory.now_mib - before) * 1024 / number,
        memory_of(scheduler).now_mib - scheduler_before);
    fmt::print("quiet for {:.0f} s (a sign of life every 15 s): api {:.2f} % of a core, all processes {:.2f} %\n",
               seconds, 100 * used / seconds, 100 * used_by_all / seconds);
    const double ending = seconds_now();
    site.ask(client, "DELETE", "/api/jobs/" + id + "/");
    crowd.wait_for_end();
    fmt::print("cancelled; all of them have heard of it after {:.2f} s\n", seconds_now() - ending);
    return 0;
}

}  // namespace windlass::bench
