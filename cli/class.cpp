#include <fmt/format.h>

#include <memory>
#include <tuple>

#include "cli/commands.h"
#include "cli/noun.h"
#include "shared/percent_encoding.h"

namespace windlass::cli {
namespace {

std::string path_of(const std::string& id, const std::string& rest = "") {
    return "/v1/class/" + percent_encoded(id) + "/" + rest;
}

Status list_classes(const Options& options) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const ServerAnswer answer, server.get("/v1/class/"));
    return print_list_at(options, answer, "classes",
                         {{"class_id", "ID", 8},
                          {"members", "MEMBERS", 8},
                          {"own", "YOURS", 6},
                          {"courses", "COURSES", 14},
                          {"name", "NAME", 0}},
                         "class_id");
}

Status add_class_named(const Options& options, const std::string& name) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_key(json, "name");
    put(json, name);
    json.EndObject();
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const ServerAnswer answer, server.post("/v1/class/", std::string(text_of(buffer))));
    fmt::print("{}\n", options.json ? without_envelope(answer) : member_text(answer.document, "class_id"));
    return {};
}

Status send(const Options& options, const char* method, const std::string& path) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const ServerAnswer answer, server.request(method, path, ""));
    return print_message(options, answer);
}

Status list_names(const Options& options, const std::string& path, const char* key) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const ServerAnswer answer, server.get(path));
    return print_names_at(options, answer, key);
}

struct Pairs {
    std::string id;
    std::vector<std::string> others;
};

// A word that does one thing to each of several.
void add_pairs(CLI::App& noun, const char* word, const char* meaning, const char* argument,
               const char* argument_meaning, const char* method, const char* below, Options& options) {
    auto pairs = std::make_shared<Pairs>();
    CLI::App* command = noun.add_subcommand(word, meaning);
    command->add_option("class", pairs->id, "its id")->required();
    command->add_option(argument, pairs->others, argument_meaning)->required();
    on_use(*command, options, [pairs, method, below, &options]() -> Status {
        for (const std::string& other : pairs->others)
            WINDLASS_TRY_STATUS(
                send(options, method, path_of(pairs->id, fmt::format("{}/{}/", below, percent_encoded(other)))));
        return {};
    });
}

}  // namespace

void add_class(CLI::App& app, Options& options) {
    CLI::App* noun = app.add_subcommand("class", "groups of users to whom courses are given");
    noun->require_subcommand(1);
    on_use(*noun->add_subcommand("list", "those that you teach or are in"), options,
           [&options] { return list_classes(options); });
    add_with_argument(*noun, "add", "make a class and print its id (teachers)", "name", "any text", options,
                      [&options](const std::string& name) { return add_class_named(options, name); });
    const char* id = "its id";
    add_with_argument(*noun, "remove", "remove it; what its members launched runs on", "class", id, options,
                      [&options](const std::string& which) { return send(options, "DELETE", path_of(which)); });
    add_with_argument(*noun, "members", "who is in it", "class", id, options, [&options](const std::string& which) {
        return list_names(options, path_of(which, "member/"), "members");
    });
    add_pairs(*noun, "join", "put users into it", "user", "usernames", "PUT", "member", options);
    add_pairs(*noun, "leave", "take users out of it", "user", "usernames", "DELETE", "member", options);
    add_pairs(*noun, "give", "give courses to it", "course", "ids of courses", "PUT", "course", options);
    add_pairs(*noun, "take", "take courses from it", "course", "ids of courses", "DELETE", "course", options);
}

void add_teacher(CLI::App& app, Options& options) {
    CLI::App* noun = app.add_subcommand("teacher", "who may make courses and classes (admins)");
    noun->require_subcommand(1);
    on_use(*noun->add_subcommand("list", "the teachers"), options,
           [&options] { return list_names(options, "/v1/teacher/", "teachers"); });
    for (const auto& [word, meaning, method] :
         {std::tuple("add", "make somebody a teacher", "PUT"), std::tuple("remove", "a teacher no more", "DELETE")})
        add_with_argument(*noun, word, meaning, "user", "the username", options,
                          [method = method, &options](const std::string& user) {
                              return send(options, method, "/v1/teacher/" + percent_encoded(user) + "/");
                          });
}

}  // namespace windlass::cli
