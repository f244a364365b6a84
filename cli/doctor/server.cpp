// The server from the side of somebody who uses it.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <ctime>

#include "cli/doctor/checks.h"
#include "cli/relative_time.h"
#include "cli/server.h"

namespace windlass::cli::doctor {
namespace {

constexpr Seconds patience{10};
constexpr Microseconds small_skew = Seconds{2};
constexpr Microseconds large_skew = Seconds{30};

// Of RFC 9110: "Sun, 22 Nov 2026 14:30:00 GMT".
std::optional<WallTime> http_date(const std::string& text) {
    std::tm parts{};
    if (strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts) == nullptr) return std::nullopt;
    return std::chrono::time_point_cast<Microseconds>(std::chrono::system_clock::from_time_t(timegm(&parts)));
}

// What to do when a request failed: the message says it already, so this only adds where to look.
std::string look_at(const std::string& url) {
    return fmt::format("is it the right address ({})? On the machine of the server: `windlass doctor`, and its logs",
                       url);
}

Findings check_clock(const std::string& url) {
    HttpClient client(url);
    const WallTime before = SystemClock().now().wall;
    const auto answer = client.send({.path = "/healthz", .patience = patience});
    const WallTime after = SystemClock().now().wall;
    if (!answer) return {};
    const auto theirs = http_date(answer->header("date"));
    if (!theirs) return {};
    // The date has whole seconds, cut off: half a second is added, and half a second is what it may be wrong by.
    const Microseconds ahead = *theirs + Milliseconds{500} - (before + (after - before) / 2);
    return {judge_skew("the server", ahead, Milliseconds{500} + (after - before) / 2)};
}

}  // namespace

Finding judge_skew(const std::string& whose, Microseconds ahead, Microseconds tolerance) {
    const Microseconds off = ahead.count() < 0 ? -ahead : ahead;
    if (off <= small_skew + tolerance) return ok("clock", fmt::format("in step with that of {}", whose));
    const std::string text = fmt::format("that of {} is {} {} of this machine's", whose,
                                         duration_text(std::chrono::duration_cast<Milliseconds>(off)),
                                         ahead.count() > 0 ? "ahead" : "behind");
    const std::string fix = "keep both in step: apt-get install chrony";
    if (off <= large_skew + tolerance) return warning("clock", text, fix);
    return bad("clock", text, fix + " (deadlines, schedules, sessions and signed links depend on it)");
}

Findings check_server(const std::string& url_flag) {
    auto server = Server::find(url_flag);
    if (!server)
        return {warning("server", "no server is known here",
                        "windlass login --url http://HOST:PORT; for one of your own: windlass init, windlass dev")};
    const std::string& url = server->credentials().url;
    if (const auto alive = server->get("/healthz", patience); !alive)
        return {bad("server", alive.error().message, look_at(url))};
    Findings findings = {ok("server", url + " answers")};
    const auto ready = server->get("/readyz", patience);
    findings.push_back(ready ? ok("ready", "database and scheduler are there")
                             : bad("ready", ready.error().message,
                                   "start what is missing: systemctl status windlass-scheduler windlass-api"));
    for (Finding& one : check_clock(url)) findings.push_back(std::move(one));
    if (!server->has_token()) {
        findings.push_back(warning("login", "no credential for this server", "windlass login --url " + url));
        return findings;
    }
    const auto jobs = server->get("/api/jobs/?limit=1", patience);
    findings.push_back(jobs ? ok("login", "the credential is accepted")
                            : bad("login", jobs.error().message, "windlass login --url " + url));
    return findings;
}

}  // namespace windlass::cli::doctor
