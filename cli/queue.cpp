#include <fmt/format.h>

#include <memory>
#include <optional>

#include "cli/noun.h"
#include "shared/percent_encoding.h"

namespace windlass::cli {
namespace {

struct QueueWords {
    std::string name;
    std::optional<double> weight;
    std::optional<std::int64_t> max_running;
    bool no_limit = false;
    std::optional<std::string> description;
};

std::string path_of(const std::string& name, const char* rest = "") {
    return "/api/queues/" + percent_encoded(name) + "/" + rest;
}

Status put_queue(const Options& options, const QueueWords& words) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    if (words.weight) {
        put_key(writer, "weight");
        writer.Double(*words.weight);
    }
    if (words.max_running || words.no_limit) {
        put_key(writer, "max_running");
        if (words.no_limit)
            writer.Null();
        else
            writer.Int64(*words.max_running);
    }
    if (words.description) {
        put_key(writer, "description");
        put(writer, *words.description);
    }
    writer.EndObject();
    return perform(options, "PUT", path_of(words.name), std::string(text_of(buffer)), "name", nullptr);
}

}  // namespace

void add_queue(CLI::App& app, Options& options) {
    CLI::App* queue = app.add_subcommand("queue", "named queues: what waits together, with a weight and a limit");
    queue->require_subcommand(1);
    add_list(*queue, "the named queues", "/api/queues/",
             {{"name", "NAME", 12},
              {"weight", "WEIGHT", 6},
              {"max_running", "LIMIT", 5},
              {"held", "HELD", 4},
              {"queued", "QUEUED", 6},
              {"running", "RUNNING", 7},
              {"description", "DESCRIPTION", 0}},
             "name", options);
    auto words = std::make_shared<QueueWords>();
    CLI::App* put = queue->add_subcommand("set", "make a queue, or change it (admins)");
    put->add_option("name", words->name, "the queue's name")->required();
    put->add_option("--weight", words->weight, "its share: one of weight 2 gets twice as much as one of 1");
    put->add_option("--max-running", words->max_running, "attempts at the same time");
    put->add_flag("--no-limit", words->no_limit, "as many attempts as there is room for");
    put->add_option("--description", words->description, "for people");
    on_use(*put, options, [words, &options] { return put_queue(options, *words); });
    const char* name = "the queue's name";
    add_with_argument(*queue, "hold", "start nothing more of it (admins)", "name", name, options,
                      [&options](const std::string& which) {
                          return perform(options, "POST", path_of(which, "hold/"), "", "name", "held");
                      });
    add_with_argument(*queue, "release", "let it go on (admins)", "name", name, options,
                      [&options](const std::string& which) {
                          return perform(options, "POST", path_of(which, "release/"), "", "name", "released");
                      });
    add_with_argument(*queue, "remove", "remove it when nothing of it waits or runs (admins)", "name", name, options,
                      [&options](const std::string& which) {
                          return perform(options, "DELETE", path_of(which), "", "name", "removed");
                      });
}

}  // namespace windlass::cli
