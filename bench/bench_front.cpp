// How many requests per second the front carries, beside cpp-httplib's own listen() in the same run.
//
//   bench_front [seconds per figure] [threads of the front] [threads of cpp-httplib] [tls]
//
// With "tls" the front is asked over TLS 1.3 as well, in the same run: keep-alive connections, so the handshakes hardly
// count, and then handshakes alone, one connection per request. The column ratio compares with the same over plain TCP.
//
// Both answer GET /ping with a few bytes of JSON on loopback; wrk (1 thread, keep-alive) asks. wrk shares the cores
// with the server, so the ratio means more than the figures. cpp-httplib runs with TCP_NODELAY, without which it does
// 30 requests/s per connection; its default of 8 threads owns 8 connections at a time, and the others starve (see the
// columns p99 and max).
#include <httplib.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <uv.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <iostream>
#include <string>
#include <thread>

#include "api/front/front.h"

namespace {

struct Figures {
    double requests_per_second = 0;
    double cpu_us_per_request = 0;  // of this process, user and system; hardly moves when the machine is busy
    std::string p99 = "-";
    std::string max = "-";
    std::string errors = "0";
};

std::string output_of(const std::string& command) {
    std::string out;
    auto* pipe = ::popen(command.c_str(), "r");
    if (!pipe) return out;
    std::array<char, 4096> buffer{};
    while (std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe)) out += buffer.data();
    ::pclose(pipe);
    return out;
}

double cpu_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::string word_after(const std::string& text, const std::string& mark) {
    const auto at = text.find(mark);
    if (at == std::string::npos) return {};
    const auto begin = text.find_first_not_of(" \t", at + mark.size());
    return text.substr(begin, text.find_first_of(" \t\n", begin) - begin);
}

Figures run_wrk(const std::string& url, int connections, int seconds, const std::string& more = {}) {
    const double cpu_before = cpu_seconds();
    const auto text = output_of("wrk --latency -t1 -c" + std::to_string(connections) + " -d" + std::to_string(seconds) +
                                "s " + more + " " + url + "/ping 2>&1");
    Figures out;
    out.requests_per_second = std::atof(word_after(text, "Requests/sec:").c_str());
    const double requests = out.requests_per_second * seconds;
    if (requests > 0) out.cpu_us_per_request = (cpu_seconds() - cpu_before) * 1e6 / requests;
    out.p99 = word_after(text, "99%");
    const auto latency = text.substr(text.find("Latency") + 7);
    std::array<char, 32> average{}, deviation{}, most{};
    if (std::sscanf(latency.c_str(), "%31s %31s %31s", average.data(), deviation.data(), most.data()) == 3) {
        out.max = most.data();
    }
    if (const auto timeouts = word_after(text, "timeout "); !timeouts.empty()) out.errors = timeouts;
    return out;
}

// The front on a loop of its own thread, stopped by drain().
class FrontServer {
  public:
    explicit FrontServer(int threads, const windlass::api::TlsFiles& tls = {}) {
        std::promise<std::string> started;
        auto address = started.get_future();
        thread_ = std::thread([this, threads, &tls, &started] { run(threads, tls, started); });
        url_ = (tls.wanted() ? "https://" : "http://") + address.get();
    }
    ~FrontServer() {
        ::uv_async_send(&stop_);
        thread_.join();
    }
    const std::string& url() const { return url_; }

  private:
    void run(int threads, const windlass::api::TlsFiles& tls, std::promise<std::string>& started) {
        using namespace windlass::api;
        uv_loop_t loop;
        ::uv_loop_init(&loop);
        FrontSettings settings;
        settings.listen = "127.0.0.1:0";
        settings.threads = threads;
        settings.tls = tls;
        settings.limits.connections = 2000;
        auto front = Front::open(
            &loop, settings,
            [](const Request&) -> Reply {
                Response answer;
                answer.body = R"({"message":"pong","ok":1})";
                return answer;
            },
            [](int status, std::string_view detail, std::string_view, std::string_view) {
                return Response{status, "text/plain", std::string(detail), {}, nullptr};
            });
        if (!front) {
            std::cerr << front.error().message << "\n";
            std::exit(1);
        }
        front_ = std::move(front).value();
        stop_.data = this;
        ::uv_async_init(&loop, &stop_, [](uv_async_t* handle) {
            auto& self = *static_cast<FrontServer*>(handle->data);
            self.front_->drain(windlass::Milliseconds{1000}, [&self] {
                self.front_.reset();
                ::uv_close(reinterpret_cast<uv_handle_t*>(&self.stop_), nullptr);
            });
        });
        started.set_value(front_->address());
        ::uv_run(&loop, UV_RUN_DEFAULT);
        ::uv_loop_close(&loop);
    }

    std::unique_ptr<windlass::api::Front> front_;
    uv_async_t stop_{};
    std::string url_;
    std::thread thread_;
};

// A self-signed certificate on a P-256 key, as a site would have it today, in a directory that goes with it.
class Certificate {
  public:
    Certificate() {
        std::string pattern = (std::filesystem::temp_directory_path() / "windlass-bench-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
        files_ = {(directory_ / "certificate.pem").string(), (directory_ / "key.pem").string()};
        output_of(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=bench -keyout " +
            files_.key + " -out " + files_.certificate + " 2>&1");
    }
    ~Certificate() { std::filesystem::remove_all(directory_); }
    Certificate(const Certificate&) = delete;
    Certificate& operator=(const Certificate&) = delete;
    const windlass::api::TlsFiles& files() const { return files_; }

  private:
    std::filesystem::path directory_;
    windlass::api::TlsFiles files_;
};

// cpp-httplib as it comes, but for TCP_NODELAY and the size of its pool.
class BareServer {
  public:
    explicit BareServer(int threads) {
        server_.set_tcp_nodelay(true);
        server_.new_task_queue = [threads] { return new httplib::ThreadPool(static_cast<std::size_t>(threads)); };
        server_.Get("/ping", [](const httplib::Request&, httplib::Response& answer) {
            answer.set_content(R"({"message":"pong","ok":1})", "application/json");
        });
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = std::thread([this] { server_.listen_after_bind(); });
        while (!server_.is_running()) std::this_thread::yield();
    }
    ~BareServer() {
        server_.stop();
        thread_.join();
    }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  private:
    httplib::Server server_;
    int port_ = 0;
    std::thread thread_;
};

}  // namespace

int main(int argc, char** argv) {
    const int seconds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 3;
    const int front_threads = argc > 2 ? std::max(1, std::atoi(argv[2])) : 2;
    const int bare_threads = argc > 3 ? std::max(0, std::atoi(argv[3])) : 8;
    const bool with_tls = argc > 4 && std::string(argv[4]) == "tls";
    if (std::system("command -v wrk >/dev/null 2>&1") != 0) {
        std::cerr << "wrk was not found. Install it with: apt-get install wrk\n";
        return 1;
    }
    std::printf("%-28s %6s %12s %10s %10s %10s %9s %7s\n", "server", "conns", "requests/s", "CPU us/req", "p99", "max",
                "timeouts", "ratio");
    const auto print = [](const std::string& server, int connections, const Figures& figures, double floor) {
        std::printf("%-28s %6d %12.0f %10.1f %10s %10s %9s %7.2f\n", server.c_str(), connections,
                    figures.requests_per_second, figures.cpu_us_per_request, figures.p99.c_str(), figures.max.c_str(),
                    figures.errors.c_str(), floor > 0 ? figures.requests_per_second / floor : 0);
        std::fflush(stdout);
    };
    for (const int connections : {1, 64, 1000}) {
        double floor = 0;
        if (bare_threads > 0) {
            const BareServer server(bare_threads);
            const auto bare = run_wrk(server.url(), connections, seconds);
            floor = bare.requests_per_second;
            print("cpp-httplib, " + std::to_string(bare_threads) + " threads", connections, bare, floor);
        }
        const FrontServer server(front_threads);
        const auto front = run_wrk(server.url(), connections, seconds);
        print("windlass front, " + std::to_string(front_threads) + " threads", connections, front, floor);
    }
    if (!with_tls) return 0;
    const Certificate certificate;
    const FrontServer plain(front_threads);
    const FrontServer secure(front_threads, certificate.files());
    const std::string once = "-H 'Connection: close'";
    for (const int connections : {1, 64, 1000}) {
        const auto clear = run_wrk(plain.url(), connections, seconds);
        print("plain", connections, clear, clear.requests_per_second);
        print("tls", connections, run_wrk(secure.url(), connections, seconds), clear.requests_per_second);
    }
    const auto clear = run_wrk(plain.url(), 64, seconds, once);
    print("plain, connection each", 64, clear, clear.requests_per_second);
    print("tls, handshake each", 64, run_wrk(secure.url(), 64, seconds, once), clear.requests_per_second);
    return 0;
}
