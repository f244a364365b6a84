#include "bench/site.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

namespace windlass::bench {
namespace {

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string first_line(const std::string& path) {
    const std::string text = read_file(path);
    return text.substr(0, text.find('\n'));
}

void pause_ms(int ms) {
    poll(nullptr, 0, ms);
}

}  // namespace

std::string program_directory() {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void give_up(const std::string& sentence) {
    fmt::print(stderr, "windlass-bench: {}\n", sentence);
    std::exit(1);
}

TemporaryDirectory::TemporaryDirectory() {
    char name[] = "/var/tmp/windlass-bench-XXXXXX";  // a disk: /tmp may be memory, where durability costs nothing
    if (mkdtemp(name) == nullptr) give_up("cannot make a directory in /var/tmp");
    path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

Site::Site(const Options& options) {
    const std::string data = directory_.path() + "/data";
    cli::ProgramSpec spec;
    spec.name = "windlass dev";
    spec.path = program_directory() + "/windlass";
    spec.arguments = {"dev", "--listen", "127.0.0.1:0", "--data", data};
    if (!options.database.empty()) spec.arguments.insert(spec.arguments.end(), {"--database", options.database});
    // One account does all the work here: its rate is what is measured.
    spec.environment = {{"PATH", "/usr/bin:/bin"},
                        {"HOME", directory_.path()},
                        {"WINDLASS_API_REQUESTS_PER_S", "0"},
                        {"WINDLASS_API_FOLLOWERS_PER_ACCOUNT", "0"},
                        {"WINDLASS_API_ADDRESS_REQUESTS_PER_S", "0"}};
    if (options.slots > 0) {
        spec.environment.emplace("WINDLASS_WORKER_SLOTS", std::to_string(options.slots));
        spec.environment.emplace("WINDLASS_WORKER_MEMORY_BYTES",
                                 std::to_string(static_cast<std::int64_t>(options.slots) << 30));
    }
    spec.log_path = directory_.path() + "/dev.log";
    auto started = cli::ChildProcess::start(spec);
    if (!started) give_up(started.error().message);
    child_ = std::make_unique<cli::ChildProcess>(std::move(started).value());
    for (const double end = seconds_now() + 60; read_file(spec.log_path).find("READY ") == std::string::npos;
         pause_ms(20))
        if (child_->ended() || seconds_now() > end)
            give_up("windlass dev did not become ready:\n" + read_file(spec.log_path));
    url_ = first_line(data + "/endpoint");
    token_ = first_line(data + "/admin.token");
    password_ = first_line(data + "/admin.password");
    database_ = options.database.empty() ? "sqlite:" + data + "/windlass.db" : options.database;
}

Site::~Site() {
    child_->signal(SIGTERM);
    pollfd ended{child_->pidfd(), POLLIN, 0};
    poll(&ended, 1, 60'000);
    child_->ended();
}

std::string Site::ask(cli::HttpClient& client, const std::string& method, const std::string& path,
                      const std::string& body) const {
    cli::HttpRequest request;
    request.method = method;
    request.path = path;
    request.body = body;
    request.bearer = token_;
    request.patience = Seconds{120};
    const auto answer = client.send(request);
    if (!answer) give_up(fmt::format("{} {}: {}", method, path, answer.error().message));
    if (answer->status / 100 != 2)
        give_up(fmt::format("{} {}: {} {}", method, path, answer->status, answer->body.substr(0, 400)));
    return answer->body;
}

}  // namespace windlass::bench
