// first-byte: a job writes the time to its output now and then; somebody follows it over HTTP (Server-Sent Events).
// From the write in the sandbox to the line in the follower's hands, on an idle site, through worker, commit, api and
// front. Floor in the same run: fdatasync of 4 KiB, as what is told is durable first.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>

#include "bench/floors.h"
#include "bench/process_tree.h"
#include "bench/site.h"
#include "cli/event_reader.h"
#include "shared/json.h"

namespace windlass::bench {
namespace {

double wall_seconds() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Milliseconds of each line. The job sleeps longer than the worker gathers, so that each line is one after a silence.
std::vector<double> follow_one(const Options& options) {
    const Site site(options);
    auto client = site.client();
    const std::string job =
        fmt::format(R"({{"code":"","data":"","running_commands":"exec /bin/bash -c 'sleep 0.3; for i in $(seq {}); do )"
                    R"(echo $EPOCHREALTIME; sleep 0.13; done'"}})",
                    options.lines);
    const auto submitted = parse_json(site.ask(client, "POST", "/api/jobs/submit/", job));
    const std::string id(text_of((*submitted)["id"]));
    std::vector<double> times;
    std::string end;
    cli::EventReader reader([&](const cli::ServerEvent& event) {
        const double now = wall_seconds();
        if (event.type == "end") end = event.data;
        if (event.type != "output") return;
        const auto data = parse_json(event.data);
        if (!data) give_up("the server sent an event that is no JSON: " + event.data);
        const std::string text(text_of((*data)["text"]));
        for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
            times.push_back((now - std::atof(text.c_str() + at)) * 1e3);
    });
    cli::HttpRequest request;
    request.path = "/api/jobs/" + id + "/log/?stream=stdout";
    request.bearer = site.token();
    const auto answer = client.follow(request, [&](std::string_view bytes) {
        reader.add(bytes);
        return true;
    });
    if (!answer) give_up(answer.error().message);
    if (times.size() != static_cast<std::size_t>(options.lines))
        give_up(fmt::format("{} of {} lines came; the end: {}", times.size(), options.lines, end));
    return times;
}

}  // namespace

int first_byte(const Options& options) {
    std::vector<double> p50, p99;
    for (int round = 0; round < options.rounds; ++round) {
        auto times = follow_one(options);
        p50.push_back(quantile(times, 0.5));
        p99.push_back(quantile(times, 0.99));
    }
    const TemporaryDirectory scratch;
    fmt::print("first-byte: {} lines of a running job, median of {} rounds\n", options.lines, options.rounds);
    fmt::print("  write to visible   p50 {:.2f} ms   p99 {:.2f} ms\n", median(p50), median(p99));
    fmt::print("  fdatasync of 4 KiB {:.2f} ms\n", 1e3 / fdatasync_per_second(scratch.path()));
    fmt::print("  aim: p50 at most 5 ms: {}\n", median(p50) <= 5 ? "met" : "not met");
    return 0;
}

}  // namespace windlass::bench
