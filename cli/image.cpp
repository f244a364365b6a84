#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/noun.h"
#include "cli/program_directory.h"
#include "shared/json.h"
#include "shared/percent_encoding.h"

namespace windlass::cli {
namespace {

// On this node: bin/windlass-site knows its store, and takes our place.
Status on_this_node(const Options& options, const std::string& config, std::vector<std::string> words) {
    WINDLASS_TRY(const std::string program, sibling_program("windlass-site"));
    std::vector<std::string> argv = {program};
    if (!config.empty()) argv.insert(argv.end(), {"--config", config});
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

struct Words {
    std::string config;
    std::string name;
    std::string source;
    std::string digest;
    std::vector<std::string> visible_to;
    std::string label;
};

void add_config(CLI::App& command, Words& words) {
    command.add_option("--config", words.config, "the worker's configuration on this node");
}

void add_here(CLI::App& noun, const std::string& kind, const char* word, const char* meaning,
              const std::shared_ptr<Words>& words, Options& options, bool named) {
    CLI::App* command = noun.add_subcommand(word, meaning);
    add_config(*command, *words);
    if (named) command->add_option("name", words->name, "its name")->required();
    on_use(*command, options, [words, &options, kind, word, named] {
        std::vector<std::string> all = {kind, word};
        if (named) all.push_back(words->name);
        return on_this_node(options, words->config, std::move(all));
    });
}

// Words that ask the server, about all nodes (admins).
void add_site_words(CLI::App& noun, const std::string& kind, const std::shared_ptr<Words>& words, Options& options) {
    CLI::App* show =
        noun.add_subcommand("allow", "say who may see and use it: without words behind it, everybody (admins)");
    show->add_option("name", words->name, "its name")->required();
    show->add_option("visible-to", words->visible_to, "tier:NAME, role:NAME, user:NAME");
    show->add_option("--label", words->label, "what it is called in lists");
    on_use(*show, options, [words, &options, kind] {
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
        return perform(options, "PUT", fmt::format("/api/environments/{}s/{}/", kind, percent_encoded(words->name)),
                       std::string(text_of(buffer)), "name", nullptr);
    });
}

}  // namespace

void add_image(CLI::App& app, Options& options) {
    auto words = std::make_shared<Words>();
    CLI::App* image = app.add_subcommand("image", "root file systems for jobs, on this node");
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
        return on_this_node(options, words->config, std::move(all));
    });
    add_here(*image, "image", "list", "the images of this node", words, options, false);
    add_here(*image, "image", "remove", "remove an image from this node", words, options, true);
    add_site_words(*image, "image", words, options);
}

void add_dataset(CLI::App& app, Options& options) {
    auto words = std::make_shared<Words>();
    CLI::App* dataset = app.add_subcommand("dataset", "read-only directories for jobs, on this node");
    dataset->require_subcommand(1);
    CLI::App* add = dataset->add_subcommand("add", "offer a directory of this node to jobs; nothing is copied");
    add_config(*add, *words);
    add->add_option("name", words->name, "jobs find it at /tmp/<name>")->required();
    add->add_option("directory", words->source, "on this node; readable by everybody")->required();
    on_use(*add, options, [words, &options] {
        return on_this_node(options, words->config, {"dataset", "add", words->name, words->source});
    });
    add_here(*dataset, "dataset", "list", "the data sets of this node", words, options, false);
    add_here(*dataset, "dataset", "remove", "do not offer it any more", words, options, true);
    add_site_words(*dataset, "dataset", words, options);
}

}  // namespace windlass::cli
