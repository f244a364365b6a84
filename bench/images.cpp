// images: uploads and thumbnails per second over HTTP, beside the bare vipsthumbnail loop with the same arguments in
// the same run; upload to thumbnail visible on an idle site; memory of the api over many uploads.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include "bench/process_tree.h"
#include "bench/site.h"
#include "shared/json.h"

extern char** environ;

namespace windlass::bench {
namespace {

constexpr int width = 800, height = 600;

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Something like a photograph: noise with most of its edges taken off.
std::string make_photo(const std::string& directory) {
    const std::string command = fmt::format(
        "cd {} && vips gaussnoise a.v {} {} --mean 128 --sigma 60 && vips gaussblur a.v b.v 2 && vips cast b.v "
        "c.v uchar && vips bandjoin 'c.v c.v c.v' d.v && vips copy d.v photo.jpg --interpretation srgb 2>&1",
        directory, width, height);
    if (std::system(command.c_str()) != 0)
        give_up("vips did not make a picture; install it with: apt-get install libvips-tools");
    return read_file(directory + "/photo.jpg");
}

// What follows the end of a JPEG is nobody's: no two uploads have the same bytes.
std::string upload_body(const std::string& photo, int number) {
    return "--edge\r\nContent-Disposition: form-data; name=\"image\"; filename=\"p.jpg\"\r\n\r\n" + photo +
           fmt::format("{:012}", number) + "\r\n--edge--\r\n";
}

std::int64_t upload(cli::HttpClient& client, const std::string& token, const std::string& photo, int number) {
    cli::HttpRequest request;
    request.method = "POST";
    request.path = "/api/user/images/";
    request.content_type = "multipart/form-data; boundary=edge";
    request.body = upload_body(photo, number);
    request.bearer = token;
    const auto answer = client.send(request);
    if (!answer) give_up("an upload: " + answer.error().message);
    if (answer->status != 201) give_up(fmt::format("an upload: {} {}", answer->status, answer->body));
    return (*parse_json(answer->body))["id"].GetInt64();
}

// From several connections at the same time; the ids.
std::vector<std::int64_t> upload_all(const Site& site, const std::string& token, const std::string& photo, int images) {
    std::vector<std::int64_t> ids(static_cast<std::size_t>(images));
    std::atomic<int> next{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i)
        clients.emplace_back([&] {
            auto client = site.client();
            for (int n = next++; n < images; n = next++)
                ids[static_cast<std::size_t>(n)] = upload(client, token, photo, n);
        });
    for (auto& client : clients) client.join();
    return ids;
}

bool all_made(const std::string& details) {
    if (details.find("\"failed\"") != std::string::npos) give_up("a thumbnail failed: " + details);
    return details.find("\"waiting\"") == std::string::npos;
}

double bare_per_second(const std::string& directory, int runs) {
    const double begin = seconds_now();
    pid_t running[2] = {};
    for (int i = 0; i < runs + 2; ++i) {
        pid_t& slot = running[i % 2];
        int status = 0;
        if (slot != 0 && (waitpid(slot, &status, 0) != slot || status != 0)) give_up("vipsthumbnail failed");
        slot = 0;
        if (i >= runs) continue;
        const int size = i % 2 == 0 ? 200 : 400;
        const std::string shape = fmt::format("{}x{}!", width * size / height, size);
        const std::string out = fmt::format("{}/bare-{}.jpg[strip,Q=85]", directory, i % 2);
        const std::string in = directory + "/photo.jpg";
        const char* const words[] = {"vipsthumbnail", "--size",   shape.c_str(), "--export-profile", "srgb", "-o",
                                     out.c_str(),     in.c_str(), nullptr};
        if (posix_spawn(&slot, "/usr/bin/vipsthumbnail", nullptr, nullptr, const_cast<char* const*>(words), environ) !=
            0)
            give_up("vipsthumbnail cannot be started");
    }
    return runs / (seconds_now() - begin);
}

struct Rates {
    double uploads = 0;
    double thumbnails = 0;
};

Rates site_rates(const Options& options, const std::string& photo) {
    const Site site(options);
    auto client = site.client();
    const double begin = seconds_now();
    const auto ids = upload_all(site, site.token(), photo, options.images);
    const double uploaded = seconds_now();
    for (const auto id : ids)
        while (!all_made(site.ask(client, "GET", fmt::format("/api/images/{}/", id)))) usleep(20'000);
    Rates rates;
    rates.uploads = options.images / (uploaded - begin);
    rates.thumbnails = 2.0 * options.images / (seconds_now() - begin);
    const auto list = parse_json(site.ask(client, "GET", "/api/user/thumbnails/"));
    if (std::cmp_not_equal(list->Size(), 2 * options.images)) give_up("the list of thumbnails is not whole");
    return rates;
}

// Seconds from the beginning of the upload until the list has both thumbnails.
std::vector<double> visible_after(const Options& options, const std::string& photo) {
    const Site site(options);
    auto client = site.client();
    std::vector<double> times;
    for (int i = 0; i < options.images / 3 + 1; ++i) {
        const double begin = seconds_now();
        upload(client, site.token(), photo, i);
        while (parse_json(site.ask(client, "GET", "/api/user/thumbnails/"))->Size() !=
               static_cast<rapidjson::SizeType>(2 * (i + 1)))
            usleep(2'000);
        times.push_back((seconds_now() - begin) * 1e3);
    }
    return times;
}

std::int64_t resident_kib(pid_t pid) {
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmRSS:")) return std::atoll(line.c_str() + 6);
    return 0;
}

// An account whose uploads get no thumbnails.
std::string plain_account(const Site& site, cli::HttpClient& client) {
    site.ask(client, "PUT", "/api/tiers/Plain/", R"({"heights":[],"original":true})");
    const auto made = parse_json(site.ask(client, "POST", "/api/users/create/",
                                          R"({"name":"P","username":"plain","email":"p@example.org","company":"x",)"
                                          R"("password":"correct horse battery"})"));
    site.ask(client, "PATCH", fmt::format("/api/users/{}/", text_of((*made)["id"])), R"({"tier":"Plain"})");
    const auto token = parse_json(
        site.ask(client, "POST", "/api/user/token/", R"({"username":"plain","password":"correct horse battery"})"));
    return std::string(text_of((*token)["token"]));
}

void memory_over_uploads(const Options& options, const std::string& photo) {
    const Site site(options);
    auto client = site.client();
    const auto token = plain_account(site, client);
    const pid_t api = find_in_tree(site.pid(), "windlass-api");
    const int tenth = std::max(options.uploads / 10, 1);
    upload_all(site, token, photo, tenth);
    const auto early = resident_kib(api);
    const double begin = seconds_now();
    for (int done = tenth; done < options.uploads; done += tenth)
        upload_all(site, token, photo + fmt::format("{}", done), tenth);
    const auto late = resident_kib(api);
    fmt::print(
        "  memory of the api, {} uploads alone at {:.0f} /s        {} KiB after a tenth, {} KiB at the end ({:+.1f} "
        "%)\n",
        options.uploads, (options.uploads - tenth) / (seconds_now() - begin), early, late,
        100.0 * static_cast<double>(late - early) / static_cast<double>(early));
}

}  // namespace

int images(const Options& options) {
    const TemporaryDirectory scratch;
    const std::string photo = make_photo(scratch.path());
    std::vector<double> bare, uploads, thumbnails, ratio, p50, p99;
    for (int round = 0; round < options.rounds; ++round) {
        bare.push_back(bare_per_second(scratch.path(), options.images));
        const Rates rates = site_rates(options, photo);
        uploads.push_back(rates.uploads);
        thumbnails.push_back(rates.thumbnails);
        ratio.push_back(rates.thumbnails / bare.back());
        const auto times = visible_after(options, photo);
        p50.push_back(quantile(times, 0.5));
        p99.push_back(quantile(times, 0.99));
    }
    fmt::print("images: {} JPEGs of {} x {} ({} bytes), thumbnails of 200 and 400, median of {} rounds\n",
               options.images, width, height, photo.size(), options.rounds);
    fmt::print("  bare vipsthumbnail, two at a time           {:>7.1f} /s\n", median(bare));
    fmt::print("  uploads, thumbnails being made meanwhile    {:>7.1f} /s\n", median(uploads));
    fmt::print("  thumbnails, first upload to all visible     {:>7.1f} /s\n", median(thumbnails));
    fmt::print("  thumbnails / bare loop                      {:>7.2f}      (aim: at least 0.60: {})\n", median(ratio),
               median(ratio) >= 0.6 ? "met" : "not met");
    fmt::print("  upload to both visible, idle site           p50 {:.0f} ms   p99 {:.0f} ms   (aim: within 1000: {})\n",
               median(p50), median(p99), median(p99) <= 1000 ? "met" : "not met");
    if (options.uploads > 0) memory_over_uploads(options, photo);
    return 0;
}

}  // namespace windlass::bench
