#include <fmt/format.h>

#include <string>

#include "cli/noun.h"
#include "cli/shell_words.h"
#include "shared/percent_encoding.h"

namespace windlass::cli {
namespace {

std::string path_of(const std::string& name, const char* word) {
    return "/api/workers/" + percent_encoded(name) + "/" + word + "/";
}

bool is_true(const rapidjson::Value& worker, const char* key) {
    const auto member = worker.FindMember(key);
    return member != worker.MemberEnd() && member->value.IsTrue();
}

std::string state_of(const rapidjson::Value& worker) {
    if (!worker.IsObject()) return {};
    if (!is_true(worker, "connected")) return is_true(worker, "draining") ? "away, draining" : "away";
    return is_true(worker, "draining") ? "draining" : "connected";
}

// The ids of the jobs that it has.
std::string jobs_of(const rapidjson::Value& worker) {
    const auto attempts = worker.FindMember("attempts");
    if (attempts == worker.MemberEnd() || !attempts->value.IsArray()) return {};
    std::string text;
    for (const auto& attempt : attempts->value.GetArray())
        text += (text.empty() ? "" : " ") + member_text(attempt, "job");
    return text;
}

Status enrol(const Options& options, const std::string& name) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const ServerAnswer answer, server.post(path_of(name, "enrol"), ""));
    print_object(options, answer, "token");
    if (!options.quiet && !options.json)
        fmt::print(
            "The token is shown this once. On the other machine, where scheduler.dial is tls://THIS_SITE:PORT:\n"
            "    windlass-worker --worker-name {} --enrol TOKEN\n",
            shell_word(name));
    return {};
}

}  // namespace

void add_worker(CLI::App& app, Options& options) {
    CLI::App* worker = app.add_subcommand("worker", "the machines that run jobs (admins)");
    worker->require_subcommand(1);
    add_list(*worker, "the workers, with what they offer and run", "/api/workers/",
             {{"name", "NAME", 12},
              {"connected", "STATE", 9, state_of},
              {"connected_since", "SINCE", 9, nullptr, Shown::ago},
              {"software", "VERSION", 7},
              {"cpus", "CPUS", 4},
              {"cpus_used", "USED", 4},
              {"memory_bytes", "MEMORY", 9, nullptr, Shown::bytes},
              {"memory_bytes_used", "USED", 9, nullptr, Shown::bytes},
              {"attempts", "JOBS", 0, jobs_of}},
             "name", options);
    add_with_argument(*worker, "enrol", "a one-time token for a worker on another machine; 15 minutes, shown this once",
                      "name", "the worker's name there (worker.name)", options,
                      [&options](const std::string& name) { return enrol(options, name); });
    struct Word {
        const char* word;
        const char* meaning;
        const char* done;
    };
    for (const Word& one :
         {Word{"drain", "give it nothing more; what it has ends", "draining"},
          Word{"resume", "end its drain", "resumed"},
          Word{"forget", "it is dead: its jobs are queued again at once, not when their leases run out", "forgotten"},
          Word{"revoke", "its certificates are worth nothing any more, at once; a new enrolment lets it in",
               "revoked"}})
        add_with_argument(*worker, one.word, one.meaning, "name", "the worker's name", options,
                          [&options, one](const std::string& name) {
                              return perform(options, "POST", path_of(name, one.word), "", "name", one.done);
                          });
}

}  // namespace windlass::cli
