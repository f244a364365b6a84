// What TLS costs between a worker and the scheduler, beside a unix socket in the same run: a connection until its first
// answer, a lease and its result to and fro, and bytes. Both ends are real connections of shared/wire/, each on a
// thread of its own.
#include <fmt/format.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "shared/digest.h"
#include "shared/wire/connection.h"

namespace windlass {
namespace {

using Clock = std::chrono::steady_clock;
using wire::Connection;

double seconds_since(Clock::time_point began) {
    return std::chrono::duration<double>(Clock::now() - began).count();
}

// Sends back whatever comes.
class Echo {
  public:
    Echo(const wire::Endpoint& where, wire::Listener::Server server) {
        uv_loop_init(&loop_);
        uv_async_init(&loop_, &stop_, [](uv_async_t* stop) { static_cast<Echo*>(stop->data)->end(); });
        stop_.data = this;
        listener_ = wire::Listener::open(
                        &loop_, where,
                        [this](std::shared_ptr<Connection> connection) {
                            auto* raw = connection.get();
                            raw->trust();
                            raw->set_handlers({[raw](const protocol::Message& message, const std::string& body) {
                                                   raw->send(message, body);
                                               },
                                               nullptr});
                            connections_.push_back(std::move(connection));
                        },
                        std::move(server))
                        .value();
        endpoint_ = listener_->endpoint();
        thread_ = std::thread([this] { uv_run(&loop_, UV_RUN_DEFAULT); });
    }
    ~Echo() {
        uv_async_send(&stop_);
        thread_.join();
        uv_loop_close(&loop_);
    }
    Echo(const Echo&) = delete;
    Echo& operator=(const Echo&) = delete;
    const wire::Endpoint& endpoint() const { return endpoint_; }

  private:
    void end() {
        listener_.reset();
        for (const auto& connection : connections_) {
            connection->set_handlers({});
            connection->close("the end");
        }
        connections_.clear();
        uv_close(reinterpret_cast<uv_handle_t*>(&stop_), nullptr);
    }
    uv_loop_t loop_{};
    uv_async_t stop_{};
    std::unique_ptr<wire::Listener> listener_;
    std::vector<std::shared_ptr<Connection>> connections_;
    wire::Endpoint endpoint_;
    std::thread thread_;
};

class Caller {
  public:
    Caller(const wire::Endpoint& endpoint, std::shared_ptr<const trust::TlsClient> client)
        : endpoint_(endpoint), client_(std::move(client)) {
        uv_loop_init(&loop_);
    }
    ~Caller() {
        uv_run(&loop_, UV_RUN_DEFAULT);
        uv_loop_close(&loop_);
    }
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;

    // Microseconds from dialling to the first answer.
    double connect_us(int times) {
        const auto began = Clock::now();
        for (int i = 0; i < times; ++i) {
            dial();
            connection_->send(protocol::WorkerDraining{});
            run_until(1);
            hang_up();
        }
        return seconds_since(began) / times * 1e6;
    }
    // Messages that came back, per second, with so many on their way.
    double echoes_per_s(int outstanding, std::size_t body_bytes, double seconds) {
        dial();
        const std::string body(body_bytes, 'x');
        protocol::AttemptFinished message;
        message.attempt = {JobId{100'000'042}, 1};
        on_answer_ = [&] { connection_->send(message, body); };
        const auto began = Clock::now();
        for (int i = 0; i < outstanding; ++i) connection_->send(message, body);
        while (seconds_since(began) < seconds) uv_run(&loop_, UV_RUN_ONCE);
        const double rate = static_cast<double>(answers_) / seconds_since(began);
        on_answer_ = nullptr;
        hang_up();
        return rate;
    }

  private:
    void dial() {
        answers_ = 0;
        wire::connect(
            &loop_, endpoint_,
            [this](Result<std::shared_ptr<Connection>> made) {
                if (!made) {
                    fmt::print(stderr, "{}\n", made.error().message);
                    std::exit(1);
                }
                connection_ = *made;
                connection_->trust();
                connection_->set_handlers({[this](const protocol::Message&, const std::string&) {
                                               ++answers_;
                                               if (on_answer_) on_answer_();
                                           },
                                           nullptr});
            },
            client_);
        while (!connection_) uv_run(&loop_, UV_RUN_ONCE);
    }
    void run_until(std::int64_t answers) {
        while (answers_ < answers) uv_run(&loop_, UV_RUN_ONCE);
    }
    void hang_up() {
        connection_->set_handlers({});
        connection_->close("done");
        connection_.reset();
        uv_run(&loop_, UV_RUN_NOWAIT);
    }

    uv_loop_t loop_{};
    const wire::Endpoint endpoint_;
    const std::shared_ptr<const trust::TlsClient> client_;
    std::shared_ptr<Connection> connection_;
    std::function<void()> on_answer_;
    std::int64_t answers_ = 0;
};

struct Figures {
    double connect_us, small, large;
};

Figures measure(const wire::Endpoint& endpoint, const std::shared_ptr<const trust::TlsClient>& client) {
    Caller caller(endpoint, client);
    return {caller.connect_us(300), caller.echoes_per_s(64, 200, 1.5), caller.echoes_per_s(4, mebibyte, 1.5)};
}

int run() {
    initialise_crypto();
    std::signal(SIGPIPE, SIG_IGN);
    const WallTime now = SystemClock().now().wall;
    const trust::Authority authority = trust::Authority::make(now);
    const auto server = trust::TlsServer::make(authority, {"127.0.0.1"}, Seconds{3600});
    const auto key = trust::PrivateKey::make();
    const auto certificate = authority.certify_worker(trust::read_signing_request(key.signing_request()).value(),
                                                      {"worker", 1}, now, Seconds{3600});
    const auto client = trust::TlsClient::with(key, certificate, authority.certificate()).value();

    Echo local(wire::parse_endpoint(fmt::format("unix:/tmp/windlass-bench-{}.sock", getpid())).value(), {});
    Echo plain(wire::parse_endpoint("127.0.0.1:0").value(), {});
    Echo secure(wire::parse_endpoint("127.0.0.1:0").value(), [&] { return server; });
    wire::Endpoint tls = secure.endpoint();
    tls.tls = true;

    fmt::print("{:10} {:>24} {:>24} {:>16}\n", "", "dial to first answer us", "results of 200 B/s to and fro",
               "MiB/s, 1 MiB");
    double floor_small = 0;
    for (const auto& [name, figures] :
         {std::pair("unix", measure(local.endpoint(), nullptr)), std::pair("tcp", measure(plain.endpoint(), nullptr)),
          std::pair("tls", measure(tls, client))}) {
        if (floor_small == 0) floor_small = figures.small;
        fmt::print("{:10} {:>24.0f} {:>24.0f} {:>16.0f}   ({:.2f} of unix)\n", name, figures.connect_us, figures.small,
                   figures.large, figures.small / floor_small);
    }
    unlink(fmt::format("/tmp/windlass-bench-{}.sock", getpid()).c_str());
    return 0;
}

}  // namespace
}  // namespace windlass

int main() {
    return windlass::run();
}
