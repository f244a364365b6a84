// A whole Windlass on this machine, started by `windlass dev` in a directory of its own, for the length of a workload.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/child_process.h"
#include "cli/http_client.h"

namespace windlass::bench {

struct Options {
    int rounds = 3;
    int jobs = 10'000;
    int jobs_one_by_one = 300;
    int workers = 1000;
    int launches = 50;
    int lines = 100;       // of a job that is followed
    int seconds = 5;       // of each wrk run
    int idle_seconds = 10;
    int slots = 0;  // of its worker, and GiB of memory; 0: what the machine has
    int images = 150;      // uploaded, each with two thumbnails
    int uploads = 0;       // for their memory; 0: not measured
    std::string database;  // empty: SQLite in the site's directory
    std::vector<int> depths = {1'000, 100'000, 1'000'000};
    std::vector<int> connections = {1, 64, 1000};
    std::vector<int> percents = {50, 80, 100, 150, 200, 300, 500};  // of capacity
    std::string workload;  // of overload: jobs or submits; empty: both
};

// The directory with our programs: where this one is.
std::string program_directory();
double seconds_now();  // monotonic
[[noreturn]] void give_up(const std::string& sentence);

class TemporaryDirectory {
  public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

class Site {
  public:
    explicit Site(const Options& options);
    ~Site();  // stops it and waits

    const std::string& url() const { return url_; }
    const std::string& token() const { return token_; }
    const std::string& password() const { return password_; }  // of admin, empty on a database that had one already
    pid_t pid() const { return child_->pid(); }
    const std::string& database() const { return database_; }  // its URL
    std::string data() const { return directory_.path() + "/data"; }
    cli::HttpClient client() const { return cli::HttpClient(url_); }
    // The body of an answer that must be 2xx.
    std::string ask(cli::HttpClient& client, const std::string& method, const std::string& path,
                    const std::string& body = {}) const;

  private:
    TemporaryDirectory directory_;
    std::unique_ptr<cli::ChildProcess> child_;
    std::string url_;
    std::string token_;
    std::string password_;
    std::string database_;
};

int noop_10k(const Options& options);
int latency_idle(const Options& options);
int first_byte(const Options& options);
int backlog(const Options& options);
int fanout(const Options& options);
int array(const Options& options);
int http(const Options& options);
int output(const Options& options);
int launch(const Options& options);
int deployments(const Options& options);
int images(const Options& options);
int metric_points(const Options& options);
int idle(const Options& options);
int followers(const Options& options);
int logins(const Options& options);
int overload(const Options& options);

}  // namespace windlass::bench
