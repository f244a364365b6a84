// http: authenticated reads and durable single submits per second at 1, 64 and 1000 connections, by wrk on the same
// cores. Floors in the same run: the front with nothing behind it (GET /healthz), and fdatasync on the same disk.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "bench/floors.h"
#include "bench/process_tree.h"
#include "bench/site.h"
#include "shared/json.h"

namespace windlass::bench {
namespace {

struct WrkResult {
    double per_second = 0;
    double p99_ms = 0;
    double errors = 0;  // answers that were not 2xx or 3xx, and socket errors
};

double milliseconds(const std::string& text) {
    const double value = std::atof(text.c_str());
    if (text.find("us") != std::string::npos) return value / 1000;
    if (text.find("ms") != std::string::npos) return value;
    return value * 1000;
}

WrkResult run_wrk(const std::string& url, int connections, int seconds, const std::string& script) {
    const int threads = connections > 1 ? 2 : 1;
    const std::string command = fmt::format("wrk --latency -t{} -c{} -d{}s --timeout 20s -s {} {} 2>&1", threads,
                                            connections, seconds, script, url);
    std::FILE* pipe = popen(command.c_str(), "re");
    if (pipe == nullptr) give_up("cannot start wrk; install it with: apt-get install wrk");
    WrkResult result;
    std::string all;
    char line[512];
    while (std::fgets(line, sizeof line, pipe) != nullptr) {
        all += line;
        char text[64];
        double a = 0, b = 0, c = 0, d = 0;
        if (std::sscanf(line, " 99%% %63s", text) == 1) result.p99_ms = milliseconds(text);
        if (std::sscanf(line, "Requests/sec: %lf", &a) == 1) result.per_second = a;
        if (std::sscanf(line, " Non-2xx or 3xx responses: %lf", &a) == 1) result.errors += a;
        if (std::sscanf(line, " Socket errors: connect %lf, read %lf, write %lf, timeout %lf", &a, &b, &c, &d) == 4)
            result.errors += a + b + c + d;
    }
    pclose(pipe);
    if (result.per_second <= 0) give_up("wrk did not work:\n" + all + "install it with: apt-get install wrk");
    return result;
}

}  // namespace

int http(const Options& options) {
    const Site site(options);
    const TemporaryDirectory scratch;
    auto client = site.client();
    const auto answer =
        parse_json(site.ask(client, "POST", "/api/jobs/submit/", R"({"code":"","data":"","running_commands":"true"})"));
    const std::string id(text_of((*answer)["id"]));
    site.ask(client, "GET", "/api/jobs/" + id + "/?wait=30");

    const auto script = [&](const std::string& name, const std::string& text) {
        std::string path = scratch.path() + "/" + name + ".lua";
        std::ofstream(path) << text;
        return path;
    };
    const std::string head = fmt::format("wrk.headers[\"Authorization\"] = \"Bearer {}\"\n", site.token());
    const std::string plain = script("plain", head);
    // A job that waits for ever (more cores than any worker has): what is measured is the submit, not the running.
    const std::string submit =
        script("submit",
               head +
                   "wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/json\"\n"
                   "wrk.body = "
                   "'{\"code\":\"print(1)\",\"data\":\"\",\"running_commands\":\"true\",\"limits\":{\"cpus\":64}}'\n");

    fmt::print("http: {} s each, median of {} rounds; wrk runs on the same cores\n", options.seconds, options.rounds);
    fmt::print("{:>12} {:>22} {:>22} {:>22}\n", "connections", "GET /healthz", "GET /api/jobs/ID/",
               "POST submit (durable)");
    double reads_at_most_connections = 0;
    for (const int connections : options.connections) {
        std::vector<double> rates[3], tails[3];
        double errors = 0;
        for (int round = 0; round < options.rounds; ++round) {
            const WrkResult runs[3] = {
                run_wrk(site.url() + "/healthz", connections, options.seconds, plain),
                run_wrk(site.url() + "/api/jobs/" + id + "/", connections, options.seconds, plain),
                run_wrk(site.url() + "/api/jobs/submit/", connections, options.seconds, submit)};
            for (int i = 0; i < 3; ++i) {
                rates[i].push_back(runs[i].per_second);
                tails[i].push_back(runs[i].p99_ms);
                errors += runs[i].errors;
            }
        }
        fmt::print("{:>12}", connections);
        for (int i = 0; i < 3; ++i) fmt::print(" {:>9.0f}/s p99 {:>5.1f}ms", median(rates[i]), median(tails[i]));
        fmt::print("   read/healthz {:.2f}   errors {:.0f}\n", median(rates[1]) / median(rates[0]), errors);
        reads_at_most_connections = median(rates[1]);
    }
    fmt::print("floor: fdatasync of 4 KiB on this disk {:.0f}/s\n", fdatasync_per_second(scratch.path()));
    fmt::print("aim: at least 15000 authenticated reads per second at 1000 connections: {}\n",
               reads_at_most_connections >= 15'000 ? "met" : "not met");
    return 0;
}

}  // namespace windlass::bench
