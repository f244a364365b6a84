#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/noun.h"
#include "cli/program_directory.h"
#include "cli/terminal.h"
#include "shared/json.h"
#include "shared/percent_encoding.h"

namespace windlass::cli {
namespace {

struct Words {
    std::string config;
    std::string data;
    std::string name;
    std::string source;
    std::string digest;
    bool here = false;
    std::vector<std::string> visible_to;
    std::string label;
};

// On this node: bin/windlass-site knows its store, and takes our place.
Status on_this_node(const Options& options, const Words& node, std::vector<std::string> words) {
    WINDLASS_TRY(const std::string program, sibling_program("windlass-site"));
    for (const char* ours : {"WINDLASS_TOKEN", "WINDLASS_URL"}) unsetenv(ours);  // no settings of a daemon
    if (!node.data.empty()) {                                                    // as `windlass dev` tells its worker
        setenv("WINDLASS_WORKER_STATE_DIRECTORY", (node.data + "/worker").c_str(), 1);
        setenv("WINDLASS_SCHEDULER_SECRET_FILE", (node.data + "/scheduler.secret").c_str(), 1);
    }
    std::vector<std::string> argv = {program};
    if (!node.config.empty()) argv.insert(argv.end(), {"--config", node.config});
    argv.emplace_back("--");
    if (options.json || options.quiet) argv.emplace_back(options.json ? "--json" : "--quiet");
    argv.insert(argv.end(), words.begin(), words.end());
    std::vector<char*> pointers;
    for (std::string& word : argv) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    std::fflush(nullptr);
    execv(program.c_str(), pointers.data());
    return errno_error("starting " + program, errno);
}

// What a noun is called in the api, and here.
struct Noun {
    const char* word;    // of windlass-site
    const char* plural;  // in /v1/<plural>/ and in its answer
};
constexpr Noun images{"image", "images"};
constexpr Noun datasets{"dataset", "datasets"};

void add_config(CLI::App& command, Words& words) {
    command.add_option("--config", words.config, "the worker's configuration on this node");
    command.add_option("--data", words.data, "or: the data directory of the `windlass dev` whose worker it is");
}

std::string worker_names(const rapidjson::Value& row) {
    const auto workers = row.FindMember("workers");
    if (workers == row.MemberEnd() || !workers->value.IsArray()) return "";
    std::string names;
    for (const auto& worker : workers->value.GetArray())
        names += (names.empty() ? "" : ", ") + harmless(member_text(worker, "name"));
    return names.empty() ? "none" : names;
}

// What the site offers to the one who asks; admins are told where it is.
Status list_offered(const Options& options, const Noun& noun) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const ServerAnswer answer, server.get(fmt::format("/v1/{}/", noun.plural)));
    return print_list_at(options, answer, noun.plural,
                         {{"value", "NAME", 24}, {"label", "LABEL", 30}, {"workers", "WORKERS", 0, worker_names}},
                         "value");
}

Status show_offered(const Options& options, const Noun& noun, const std::string& name) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const ServerAnswer answer, server.get(fmt::format("/v1/{}/", noun.plural)));
    const auto list =
        answer.document.IsObject() ? answer.document.FindMember(noun.plural) : rapidjson::Value::ConstMemberIterator();
    if (!answer.document.IsObject() || list == answer.document.MemberEnd() || !list->value.IsArray())
        return make_error(ErrorKind::internal, fmt::format("the server's answer has no {}", noun.plural));
    for (const auto& row : list->value.GetArray()) {
        if (member_text(row, "value") != name) continue;
        ServerAnswer one;
        one.document.CopyFrom(row, one.document.GetAllocator());
        rapidjson::StringBuffer buffer;
        JsonWriter json(buffer);
        one.document.Accept(json);
        one.text = std::string(text_of(buffer));
        print_object(options, one, "value");
        return {};
    }
    return make_error(ErrorKind::not_found, fmt::format("the site has no {} \"{}\" that you may use", noun.word, name));
}

void add_list_and_show(CLI::App& parent, const Noun& noun, const std::shared_ptr<Words>& words, Options& options) {
    CLI::App* list = parent.add_subcommand("list", fmt::format("the {} of the site that you may use", noun.plural));
    CLI::App* show = parent.add_subcommand("show", "one of them");
    show->add_option("name", words->name, "its name")->required();
    for (CLI::App* command : {list, show}) {
        command->add_flag("--here", words->here, "what this node has, not the site");
        add_config(*command, *words);
    }
    on_use(*list, options, [words, &noun, &options] {
        return words->here ? on_this_node(options, *words, {noun.word, "list"}) : list_offered(options, noun);
    });
    on_use(*show, options, [words, &noun, &options] {
        return words->here ? on_this_node(options, *words, {noun.word, "show", words->name})
                           : show_offered(options, noun, words->name);
    });
}

void add_remove(CLI::App& parent, const Noun& noun, const char* meaning, const std::shared_ptr<Words>& words,
                Options& options) {
    CLI::App* command = parent.add_subcommand("remove", meaning);
    add_config(*command, *words);
    command->add_option("name", words->name, "its name")->required();
    on_use(*command, options, [words, &noun, &options] {
        return on_this_node(options, *words, {noun.word, "remove", words->name});
    });
}

// Words that ask the server, about all nodes (admins).
void add_allow(CLI::App& parent, const Noun& noun, const std::shared_ptr<Words>& words, Options& options) {
    CLI::App* allow =
        parent.add_subcommand("allow", "say who may see and use it: without words behind it, everybody (admins)");
    allow->add_option("name", words->name, "its name")->required();
    allow->add_option("visible-to", words->visible_to, "tier:NAME, role:NAME, user:NAME, class:NUMBER");
    allow->add_option("--label", words->label, "what it is called in lists");
    on_use(*allow, options, [words, &noun, &options] {
        rapidjson::StringBuffer buffer;
        JsonWriter json(buffer);
        json.StartObject();
        json.Key("visible_to");
        json.StartArray();
        for (const auto& entry : words->visible_to) put(json, entry);
        json.EndArray();
        if (!words->label.empty()) {
            json.Key("label");
            put(json, words->label);
        }
        json.EndObject();
        return perform(options, "PUT",
                       fmt::format("/api/environments/{}/{}/", noun.plural, percent_encoded(words->name)),
                       std::string(text_of(buffer)), "name", nullptr);
    });
}

}  // namespace

void add_image(CLI::App& app, Options& options) {
    auto words = std::make_shared<Words>();
    CLI::App* image = app.add_subcommand("image", "root file systems for jobs and courses");
    image->require_subcommand(1);
    CLI::App* import = image->add_subcommand("import", "bring an image onto this node");
    add_config(*import, *words);
    import->add_option("name", words->name, "what jobs call it")->required();
    import
        ->add_option("source", words->source,
                     "oci-archive:FILE, oci:DIRECTORY, dir:DIRECTORY (of layers, or a root file system), or "
                     "docker://HOST/NAME:TAG where worker.image_pull allows it")
        ->required();
    import->add_option("--digest", words->digest, "refuse any other: sha256:…");
    on_use(*import, options, [words, &options] {
        std::vector<std::string> all = {"image", "import", words->name, words->source};
        if (!words->digest.empty()) all.push_back(words->digest);
        return on_this_node(options, *words, std::move(all));
    });
    add_list_and_show(*image, images, words, options);
    add_remove(*image, images, "remove it from this node, when no job uses it any more", words, options);
    add_allow(*image, images, words, options);
}

void add_dataset(CLI::App& app, Options& options) {
    auto words = std::make_shared<Words>();
    CLI::App* dataset = app.add_subcommand("dataset", "read-only directories for jobs and courses");
    dataset->require_subcommand(1);
    CLI::App* add = dataset->add_subcommand("add", "offer a directory of this node to jobs; nothing is copied");
    add_config(*add, *words);
    add->add_option("name", words->name, "jobs find it at /tmp/<name>")->required();
    add->add_option("directory", words->source, "on this node; readable by everybody")->required();
    on_use(*add, options, [words, &options] {
        return on_this_node(options, *words, {"dataset", "add", words->name, words->source});
    });
    add_list_and_show(*dataset, datasets, words, options);
    add_remove(*dataset, datasets, "offer it on this node no more; the directory stays", words, options);
    add_allow(*dataset, datasets, words, options);
}

}  // namespace windlass::cli
