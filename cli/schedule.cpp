#include <fmt/format.h>

#include <memory>

#include "cli/noun.h"
#include "cli/relative_time.h"
#include "cli/submit_words.h"

namespace windlass::cli {
namespace {

struct ScheduleWords {
    std::string name;
    std::string cron;
    std::string time_zone = "UTC";
    std::string overlap;
    std::string missed;
};

// When it comes next; nothing while it is paused.
std::string next_of(const rapidjson::Value& row) {
    const auto next = row.FindMember("next");
    if (next == row.MemberEnd() || !next->value.IsArray() || next->value.Empty() || !next->value[0].IsString())
        return {};
    const auto at = server_time(text_of(next->value[0]));
    return at ? relative_time(*at, SystemClock().now().wall) : std::string();
}

std::string path_of(const std::string& id, const char* rest = "") {
    return "/api/schedules/" + id + "/" + rest;
}

Status create(const Options& options, CLI::App& command, const ScheduleWords& words, SubmitWords& job) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY_STATUS(read_directives(command, job));
    WINDLASS_TRY_STATUS(upload_files(server, job, !options.quiet));
    WINDLASS_TRY(const std::string body, body_of(job, options.behind_dashes));
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    for (const auto& [key, value] :
         {std::pair("name", &words.name), std::pair("cron", &words.cron), std::pair("time_zone", &words.time_zone),
          std::pair("overlap", &words.overlap), std::pair("missed", &words.missed)}) {
        if (value->empty()) continue;
        put_key(writer, key);
        put(writer, *value);
    }
    put_key(writer, "job");
    writer.RawValue(body.data(), body.size(), rapidjson::kObjectType);
    writer.EndObject();
    WINDLASS_TRY(const ServerAnswer answer, server.post("/api/schedules/", std::string(text_of(buffer))));
    fmt::print("{}\n", options.json ? answer.text : member_text(answer.document, "id"));
    return {};
}

}  // namespace

void add_schedule(CLI::App& app, Options& options) {
    CLI::App* schedule = app.add_subcommand("schedule", "jobs that come again and again");
    schedule->require_subcommand(1);
    add_list(*schedule, "your recurring jobs (an admin's: all)", "/api/schedules/",
             {{"id", "ID", 4},
              {"name", "NAME", 12},
              {"cron", "WHEN", 12},
              {"time_zone", "TIME ZONE", 9},
              {"paused", "PAUSED", 6},
              {"next", "NEXT", 7, next_of},
              {"last_job", "LAST JOB", 0}},
             "id", options);
    auto words = std::make_shared<ScheduleWords>();
    CLI::App* make = schedule->add_subcommand("create", "make a recurring job and print its id");
    make->add_option("--cron", words->cron, "minute hour day month weekday, e.g. \"30 4 * * mon-fri\", or @daily")
        ->required();
    make->add_option("--time-zone", words->time_zone, "e.g. Europe/Berlin");
    make->add_option("--overlap", words->overlap, "when the one before still runs: skip, queue or replace");
    make->add_option("--missed", words->missed, "what came while no scheduler was there: skip, once or all");
    make->add_option("--schedule-name", words->name, "of the schedule; --name is that of its jobs");
    const auto job = add_words(*make);
    on_use(*make, options, [make, words, job, &options] {
        ScheduleWords named = *words;
        if (named.name.empty()) named.name = job->name;
        return create(options, *make, named, *job);
    });
    const char* id = "the schedule's id";
    add_with_argument(*schedule, "show", "everything about one", "id", id, options,
                      [&options](const std::string& which) -> Status {
                          WINDLASS_TRY(Server server, Server::find(options.url));
                          WINDLASS_TRY(const ServerAnswer answer, server.get(path_of(which)));
                          print_object(options, answer, "cron");
                          return {};
                      });
    struct Word {
        const char* word;
        const char* meaning;
        const char* done;
    };
    for (const Word& one : {Word{"pause", "run nothing of it until it is resumed", "paused"},
                            Word{"resume", "let it go on; what was left out stays left out", "resumed"}})
        add_with_argument(*schedule, one.word, one.meaning, "id", id, options, [&options, one](const std::string& w) {
            return perform(options, "POST", path_of(w, one.word) + "/", "", "id", one.done);
        });
    add_with_argument(*schedule, "run", "run it now, once more, and print the job's id", "id", id, options,
                      [&options](const std::string& which) -> Status {
                          WINDLASS_TRY(Server server, Server::find(options.url));
                          WINDLASS_TRY(const ServerAnswer answer, server.post(path_of(which, "run/"), ""));
                          fmt::print("{}\n", options.json ? answer.text : member_text(answer.document, "id"));
                          return {};
                      });
    add_with_argument(*schedule, "remove", "end it; jobs it made go on", "id", id, options,
                      [&options](const std::string& which) {
                          return perform(options, "DELETE", path_of(which), "", "id", "removed");
                      });
}

}  // namespace windlass::cli
