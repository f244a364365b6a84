#include "api/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <atomic>
#include <utility>
#include <vector>

#include "shared/figures.h"

namespace windlass::api {
namespace {

using prometheus::MetricFamily;

const prometheus::Histogram::BucketBoundaries latency_buckets = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                                 0.025,  0.05,    0.1,    0.25,  1,      5,     60};

template <class N>
MetricFamily counter(std::string name, std::string help, N v) {
    return figures::counter(std::move(name), std::move(help), static_cast<double>(v));
}
template <class N>
MetricFamily gauge(std::string name, std::string help, N v) {
    return figures::gauge(std::move(name), std::move(help), static_cast<double>(v));
}

void add_sessions(std::vector<MetricFamily>& out, const SessionPool::Counts& sessions, std::size_t maximum) {
    out.push_back(gauge("windlass_database_sessions", "Database sessions in use by requests", sessions.in_use));
    out.push_back(gauge("windlass_database_sessions_limit", "Database sessions there may be", maximum));
    out.push_back(counter("windlass_database_session_leases_total", "Times that a request got a database session",
                          sessions.leases));
    out.push_back(counter("windlass_database_session_refusals_total",
                          "Times that no database session became free in time", sessions.refusals));
    out.push_back(counter("windlass_database_session_wait_seconds_total",
                          "Time that requests waited for a free database session",
                          static_cast<double>(sessions.waited.count()) / 1e6));
}

void add_front(std::vector<MetricFamily>& out, const FrontStatistics& front) {
    out.push_back(gauge("windlass_http_connections", "Open connections", front.connections_open));
    out.push_back(
        counter("windlass_http_connections_accepted_total", "Connections accepted", front.connections_accepted));
    out.push_back(counter("windlass_http_connections_refused_total", "Connections refused at a limit",
                          front.connections_refused));
    out.push_back(counter("windlass_http_received_requests_total", "Whole requests received", front.requests));
    out.push_back(
        counter("windlass_http_refused_requests_total", "Requests refused before any handler", front.refused_requests));
    out.push_back(gauge("windlass_http_waiting_requests", "Requests that wait without a thread", front.waiting));
    out.push_back(gauge("windlass_http_buffered_bytes", "Request bytes in memory", front.buffered_bytes));
    out.push_back(gauge("windlass_http_unsent_bytes", "Answer bytes in memory that clients have yet to take",
                        front.unsent_bytes));
    out.push_back(gauge("windlass_http_websockets", "Open WebSockets", front.websockets_open));
}

void add_scheduler(std::vector<MetricFamily>& out, const protocol::Statistics& s) {
    MetricFamily jobs = figures::gauges("windlass_jobs", "Jobs that have not ended, by state");
    const std::array<std::pair<const char*, std::int64_t>, 4> states = {
        {{"blocked", s.blocked}, {"queued", s.queued}, {"starting", s.starting}, {"running", s.running}}};
    for (const auto& [state, count] : states) figures::add(jobs, {{"state", state}}, static_cast<double>(count));
    out.push_back(std::move(jobs));
    out.push_back(gauge("windlass_workers_connected", "Workers connected to the scheduler", s.workers_connected));
    out.push_back(counter("windlass_jobs_submitted_total", "Jobs accepted since the scheduler started", s.submitted));
    out.push_back(
        counter("windlass_jobs_ended_total", "Jobs that reached a final state since the scheduler started", s.ended));
    out.push_back(counter("windlass_attempts_lost_total", "Attempts lost with their worker", s.lost_attempts));
    out.push_back(counter("windlass_stale_writes_refused_total", "Messages about attempts that were no longer current",
                          s.stale_refused));
    out.push_back(counter("windlass_commits_total", "Transactions of the scheduler", s.commits));
    out.push_back(counter("windlass_committed_changes_total", "Changes in those transactions", s.committed_changes));
    out.push_back(
        counter("windlass_commit_failures_total", "Transactions that failed and were tried again", s.commit_failures));
    out.push_back(gauge("windlass_scheduler_resident_bytes", "Memory of the scheduler", s.resident_bytes));
}

}  // namespace

struct Metrics::Impl {
    using Family = prometheus::Family<prometheus::Counter>;
    static constexpr std::size_t statuses = 500;  // 100..599

    // The lookup by labels takes a lock and builds maps: done once for each pair of route and status.
    struct PerRoute {
        std::string method, path;
        prometheus::Histogram* latency = nullptr;
        std::array<std::atomic<prometheus::Counter*>, statuses> counters{};
    };

    prometheus::Registry registry;
    Family& requests = prometheus::BuildCounter()
                           .Name("windlass_http_requests_total")
                           .Help("Requests answered, by route and status")
                           .Register(registry);
    prometheus::Family<prometheus::Histogram>& latency =
        prometheus::BuildHistogram()
            .Name("windlass_http_request_seconds")
            .Help("From the whole request to the answer's beginning, waiting included, by route")
            .Register(registry);
    std::vector<std::unique_ptr<PerRoute>> routes;  // the last one: no route
    std::function<FrontStatistics()> front;
    std::function<std::size_t()> passwords_waiting;
    const SessionPool* sessions = nullptr;

    PerRoute& of(std::size_t route) { return *routes[std::min(route, routes.size() - 1)]; }
};

Metrics::Metrics(std::span<const Route> routes) : impl_(std::make_unique<Impl>()) {
    const auto add = [&](std::string method, std::string path) {
        auto per_route = std::make_unique<Impl::PerRoute>();
        per_route->latency = &impl_->latency.Add({{"method", method}, {"route", path}}, latency_buckets);
        per_route->method = std::move(method);
        per_route->path = std::move(path);
        impl_->routes.push_back(std::move(per_route));
    };
    for (const auto& route : routes) add(std::string(route.method), std::string(route.path));
    add("any", "none");
}

Metrics::~Metrics() = default;

void Metrics::count_request(std::size_t route, int status, Microseconds took) {
    Impl::PerRoute& per_route = impl_->of(route);
    const auto index = static_cast<std::size_t>(std::clamp(status, 100, 599) - 100);
    auto* known = per_route.counters[index].load(std::memory_order_acquire);
    if (known == nullptr) {  // two threads may both come here: the family gives them the same counter
        known = &impl_->requests.Add(
            {{"method", per_route.method}, {"route", per_route.path}, {"status", std::to_string(index + 100)}});
        per_route.counters[index].store(known, std::memory_order_release);
    }
    known->Increment();
    per_route.latency->Observe(static_cast<double>(took.count()) / 1e6);
}

void Metrics::set_front(std::function<FrontStatistics()> statistics) {
    impl_->front = std::move(statistics);
}
void Metrics::set_sessions(const SessionPool& pool) {
    impl_->sessions = &pool;
}
void Metrics::set_password_queue(std::function<std::size_t()> waiting) {
    impl_->passwords_waiting = std::move(waiting);
}

std::string Metrics::text(const std::optional<protocol::Statistics>& scheduler) const {
    auto families = impl_->registry.Collect();
    if (impl_->front) add_front(families, impl_->front());
    if (impl_->passwords_waiting)
        families.push_back(
            gauge("windlass_passwords_waiting", "Passwords that wait to be hashed", impl_->passwords_waiting()));
    if (impl_->sessions != nullptr) add_sessions(families, impl_->sessions->counts(), impl_->sessions->maximum());
    figures::add_process(families, "windlass-api");
    families.push_back(gauge("windlass_scheduler_up", "1 when the scheduler answers", scheduler ? 1 : 0));
    if (scheduler) add_scheduler(families, *scheduler);
    return figures::text(families);
}

}  // namespace windlass::api
