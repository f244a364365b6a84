// launch: deployments of a course one after the other on an idle site, from the call that launches one until its status
// is Ready. The image is a few files around busybox, the service its httpd, so what is measured is ours: queue, lease,
// root file system, network, check, event. Floor in the same run: the same program in the bare sandbox, without any of
// it.
#include <fmt/format.h>
#include <poll.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bench/process_tree.h"
#include "bench/sandbox_loop.h"
#include "bench/site.h"
#include "shared/json.h"

namespace windlass::bench {
namespace {

constexpr const char* busybox = "/bin/busybox";

void make_image(const std::string& root) {
    if (!std::filesystem::exists(busybox)) give_up("busybox is needed: apt-get install busybox-static");
    for (const char* directory : {"/bin", "/etc", "/tmp", "/proc", "/dev", "/www"})
        std::filesystem::create_directories(root + directory);
    std::filesystem::copy_file(busybox, root + "/bin/busybox");
    for (const char* name : {"/bin/sh", "/bin/httpd"}) std::filesystem::create_symlink("busybox", root + name);
    std::ofstream(root + "/www/index.html") << "ready\n";
}

void import_image(const Site& site, const std::string& root) {
    cli::ProgramSpec spec;
    spec.name = "windlass-site";
    spec.path = program_directory() + "/windlass-site";
    spec.arguments = {"--", "image", "import", "small", "dir:" + root};
    spec.environment = {{"PATH", "/usr/bin:/bin"},
                        {"WINDLASS_WORKER_STATE_DIRECTORY", site.data() + "/worker"},
                        {"WINDLASS_SCHEDULER_SECRET_FILE", site.data() + "/scheduler.secret"}};
    spec.log_path = root + ".log";
    auto started = cli::ChildProcess::start(spec);
    if (!started) give_up(started.error().message);
    pollfd ended{started->pidfd(), POLLIN, 0};
    poll(&ended, 1, 60'000);
    started->ended();
}

bool is_ready(const rapidjson::Document& jobs, std::int64_t job) {
    for (const auto& one : jobs["jobs"].GetArray())
        if (one["job_id"].GetInt64() == job) return text_of(one["status"]) == "Ready";
    return false;
}

}  // namespace

int launch(const Options& options) {
    std::vector<double> p50, p99, bare;
    for (int round = 0; round < options.rounds; ++round) {
        const SandboxRun floor = run_in_bare_sandbox({"/bin/sh", "-c", "/bin/true"}, options.jobs_one_by_one, 1);
        bare.push_back(floor.wall_seconds / options.jobs_one_by_one * 1e3);
        const TemporaryDirectory files;
        const Site site(options);
        make_image(files.path() + "/image");
        import_image(site, files.path() + "/image");
        auto client = site.client();
        // The worker tells of a new image by connecting anew.
        for (const double end = seconds_now() + 30;
             site.ask(client, "GET", "/v1/images/").find("small") == std::string::npos; poll(nullptr, 0, 20))
            if (seconds_now() > end) give_up("the worker does not offer the image");
        const auto course = parse_json(site.ask(
            client, "POST", "/v1/course/admin",
            R"({"course_name":"bench","image":"small","command":"exec httpd -f -p 127.0.0.1:$PORT -h /www"})"));
        const std::string body = fmt::format(R"({{"course_id":{}}})", (*course)["course_id"].GetInt64());
        std::vector<double> times;
        for (int i = 0; i < options.launches; ++i) {
            const double begin = seconds_now();
            const auto launched = parse_json(site.ask(client, "POST", "/v1/course/admin", body));
            const std::int64_t job = (*launched)["job_id"].GetInt64();
            while (!is_ready(*parse_json(site.ask(client, "GET", "/v1/job/admin")), job)) {
                if (seconds_now() > begin + 60) give_up("a deployment did not become ready in a minute");
                poll(nullptr, 0, 1);
            }
            times.push_back((seconds_now() - begin) * 1e3);
            site.ask(client, "DELETE", fmt::format("/v1/job/admin/{}", job));
            site.ask(client, "GET", fmt::format("/api/results/{}/?wait=30", job));
        }
        p50.push_back(quantile(times, 0.5));
        p99.push_back(quantile(times, 0.99));
    }
    fmt::print("launch: {} deployments one after the other, median of {} rounds\n", options.launches, options.rounds);
    fmt::print("  launch to Ready   p50 {:.1f} ms   p99 {:.1f} ms\n", median(p50), median(p99));
    fmt::print("  bare sandboxed run {:.2f} ms\n", median(bare));
    return 0;
}

}  // namespace windlass::bench
