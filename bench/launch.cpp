// launch: deployments of a course one after the other on an idle site, from the call that launches one until its status
// is Ready. The image is a few files around busybox, the service its httpd, so what is measured is ours: queue, lease,
// root file system, network, check, event. Floor in the same run: the same program in the bare sandbox, without any of
// it.
//
// deployments: many at once, one for each user of a class, on one worker: its memory and what all of them cost while
// nobody uses them.
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

// A site with the image "small" and a course of it, whose id this is.
std::int64_t make_course(const Site& site, cli::HttpClient& client, const std::string& directory) {
    make_image(directory + "/image");
    import_image(site, directory + "/image");
    // The worker tells of a new image by connecting anew.
    for (const double end = seconds_now() + 30;
         site.ask(client, "GET", "/v1/images/").find("small") == std::string::npos; poll(nullptr, 0, 20))
        if (seconds_now() > end) give_up("the worker does not offer the image");
    const auto course = parse_json(
        site.ask(client, "POST", "/v1/course/admin",
                 R"({"course_name":"bench","image":"small","command":"exec httpd -f -p 127.0.0.1:$PORT -h /www"})"));
    return (*course)["course_id"].GetInt64();
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
        auto client = site.client();
        const std::string body = fmt::format(R"({{"course_id":{}}})", make_course(site, client, files.path()));
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

int deployments(const Options& options) {
    const TemporaryDirectory files;
    Options wide = options;
    wide.slots = options.launches;  // each asks for a core, and uses none
    const Site site(wide);
    auto client = site.client();
    const std::int64_t course = make_course(site, client, files.path());
    const auto group = parse_json(site.ask(client, "POST", "/v1/class/", R"({"name":"bench"})"));
    const std::string group_path = fmt::format("/v1/class/{}", (*group)["class_id"].GetInt64());
    site.ask(client, "PUT", fmt::format("{}/course/{}/", group_path, course));
    std::vector<std::string> users;
    for (int i = 0; i < options.launches; ++i) {
        users.push_back(fmt::format("student{}", i));
        site.ask(client, "POST", "/api/users/create/",
                 fmt::format(R"({{"name":"Student","username":"{0}","email":"{0}@example.org","company":"Example",)"
                             R"("password":"correct horse battery"}})",
                             users.back()));
        site.ask(client, "PUT", fmt::format("{}/member/{}/", group_path, users.back()));
    }
    const pid_t worker = find_in_tree(site.pid(), "windlass-worker");
    const double alone_mib = shared_out_mib_of_tree(worker);

    const double begin = seconds_now();
    std::vector<std::int64_t> jobs;
    for (const auto& user : users) {
        const auto launched = parse_json(site.ask(client, "POST", "/v1/job/launch/",
                                                  fmt::format(R"({{"user":"{}","course_id":{}}})", user, course)));
        jobs.push_back((*launched)["job_id"].GetInt64());
    }
    for (std::size_t i = 0; i < jobs.size(); ++i)
        while (!is_ready(*parse_json(site.ask(client, "GET", "/v1/job/" + users[i])), jobs[i])) {
            if (seconds_now() > begin + 120) give_up("not all deployments became ready in two minutes");
            poll(nullptr, 0, 5);
        }
    const double all_ready = seconds_now() - begin;

    const double cpu = exact_cpu_seconds_of_tree(worker);
    poll(nullptr, 0, options.idle_seconds * 1000);
    const double used = exact_cpu_seconds_of_tree(worker) - cpu;
    const double all_mib = shared_out_mib_of_tree(worker);
    fmt::print("deployments: {} at once on one worker, one for each user of a class\n", options.launches);
    fmt::print("  until all are Ready {:.2f} s\n", all_ready);
    fmt::print("  memory (PSS) of the worker and all below it {:.1f} MiB, alone {:.1f} MiB: {:.0f} KiB each\n", all_mib,
               alone_mib, (all_mib - alone_mib) * 1024 / options.launches);
    fmt::print("  processor time while nobody uses them, {} s: {:.1f} ms\n", options.idle_seconds, used * 1e3);
    return 0;
}

}  // namespace windlass::bench
