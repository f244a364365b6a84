// windlass-site: changes the images and data sets of this node. `windlass image` and `windlass dataset` run it, with
// the node's configuration in front of "--" and the words behind it:
//     windlass-site [--config FILE …] -- [--json|--quiet] image import NAME SOURCE [DIGEST] | image list | image show
//     NAME | image remove NAME | dataset add NAME DIRECTORY | dataset list | dataset show NAME | dataset remove NAME
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "shared/config.h"
#include "shared/digest.h"
#include "shared/json.h"
#include "worker/settings.h"

using namespace windlass;
using namespace windlass::worker;

namespace {

enum class Shown { lines, json, names };

struct Row {
    std::string name;
    std::vector<std::pair<const char*, std::string>> texts;
    std::vector<std::pair<const char*, std::int64_t>> numbers;
};

// What an image says of itself was written by strangers: a terminal must not obey it.
std::string for_eyes(const std::string& text) {
    std::string shown = to_valid_utf8(text);
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, '?');
    return shown;
}

std::string json_of(const std::vector<Row>& rows, bool as_list) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    if (as_list) json.StartArray();
    for (const Row& row : rows) {
        json.StartObject();
        put_key(json, "name");
        put(json, row.name);
        for (const auto& [key, text] : row.texts) {
            put_key(json, key);
            put(json, to_valid_utf8(text));
        }
        for (const auto& [key, number] : row.numbers) {
            put_key(json, key);
            json.Int64(number);
        }
        json.EndObject();
    }
    if (as_list) json.EndArray();
    return std::string(text_of(buffer));
}

void show(const std::vector<Row>& rows, Shown how, bool as_list) {
    if (how == Shown::json) return fmt::print("{}\n", json_of(rows, as_list));
    for (const Row& row : rows) {
        std::string line = row.name;
        if (how == Shown::lines) {
            for (const auto& [key, text] : row.texts) line += "  " + for_eyes(text);
            for (const auto& [key, number] : row.numbers) line += fmt::format("  {} {}", number, key);
        }
        fmt::print("{}\n", line);
    }
}

Row row_of(const std::string& name, const ImageRecord& record) {
    return {name,
            {{"digest", record.digest}, {"source", record.source}},
            {{"bytes", record.bytes}, {"files", record.files}}};
}

Status list_images(const SiteStore& store, Shown how) {
    WINDLASS_TRY(const SiteIndex index, store.index());
    std::vector<Row> rows;
    for (const auto& [name, digest] : index.images) {
        const auto record = store.record(digest);
        rows.push_back(record ? row_of(name, *record) : Row{name, {{"digest", digest}, {"source", "damaged"}}, {}});
    }
    show(rows, how, true);
    return {};
}

Status list_datasets(const SiteStore& store, Shown how) {
    WINDLASS_TRY(const SiteIndex index, store.index());
    std::vector<Row> rows;
    for (const auto& [name, directory] : index.datasets) rows.push_back({name, {{"directory", directory}}, {}});
    show(rows, how, true);
    return {};
}

Status show_image(const SiteStore& store, const std::string& name, Shown how) {
    WINDLASS_TRY(const OpenImage image, store.open_image(name));
    Row row = row_of(name, image.record);
    const ImageConfig& config = image.record.config;
    std::string entry_point;
    for (const std::string& word : config.entry_point) entry_point += (entry_point.empty() ? "" : " ") + word;
    row.texts.insert(row.texts.end(), {{"entry_point", entry_point},
                                       {"working_directory", config.working_directory},
                                       {"user", config.user},
                                       {"directory", image.root_directory}});
    if (how != Shown::lines) {
        show({row}, how, false);
        return {};
    }
    for (const auto& [key, text] : row.texts) fmt::print("{:<18} {}\n", key, for_eyes(text));
    for (const auto& [key, number] : row.numbers) fmt::print("{:<18} {}\n", key, number);
    return {};
}

Status show_dataset(const SiteStore& store, const std::string& name, Shown how) {
    WINDLASS_TRY(const SiteIndex index, store.index());
    const auto found = index.datasets.find(name);
    if (found == index.datasets.end())
        return make_error(ErrorKind::not_found, fmt::format("this node has no data set named \"{}\"", name));
    show({{name, {{"directory", found->second}}, {}}}, how, false);
    return {};
}

Status add(const SiteStore& store, const std::string& name, const std::string& directory, Shown how) {
    WINDLASS_TRY(const std::string place, add_dataset(store, name, directory));
    struct stat seen {};
    if (geteuid() == 0 && stat(place.c_str(), &seen) == 0 && (seen.st_mode & 05) != 05)
        fmt::print(stderr, "note: jobs run as other users and cannot read {}: chmod -R o+rX it\n", place);
    show({{name, {{"directory", place}}, {}}}, how, false);
    return {};
}

Status carry_out(const std::vector<std::string>& words, Shown how, const WorkerSettings& settings) {
    const SiteStore store(settings.site_directory);
    const auto is = [&](const char* noun, const char* verb, std::size_t least, std::size_t most) {
        return words.size() >= least && words.size() <= most && words[0] == noun && words[1] == verb;
    };
    if (is("image", "list", 2, 2)) return list_images(store, how);
    if (is("dataset", "list", 2, 2)) return list_datasets(store, how);
    if (is("image", "show", 3, 3)) return show_image(store, words[2], how);
    if (is("dataset", "show", 3, 3)) return show_dataset(store, words[2], how);
    if (is("image", "import", 4, 5)) {
        WINDLASS_TRY(const ImageRecord record,
                     import_image(store, words[2], words[3], words.size() == 5 ? words[4] : "", settings.import));
        show({row_of(words[2], record)}, how, false);
        return {};
    }
    if (is("dataset", "add", 4, 4)) return add(store, words[2], words[3], how);
    const bool image = is("image", "remove", 3, 3);
    if (!image && !is("dataset", "remove", 3, 3))
        return make_error(ErrorKind::invalid, "these words mean nothing to windlass-site");
    WINDLASS_TRY(SiteStore::Change change, store.change());
    WINDLASS_TRY_STATUS(image ? change.remove_image(words[2]) : change.remove_dataset(words[2]));
    show({{words[2], {}, {}}}, how, false);
    return {};
}

// The exit codes, and with --json the last line, are those of `windlass`, whose place this program takes.
int exit_code_of(const Error& error) {
    switch (error.kind) {
        case ErrorKind::unavailable:
            return 3;
        case ErrorKind::denied:
            return 4;
        case ErrorKind::not_found:
            return 5;
        default:
            return 1;
    }
}

int fail(const Error& error, Shown how = Shown::lines) {
    fmt::print(stderr, "windlass-site: {}\n", error.message);
    const int code = exit_code_of(error);
    if (how != Shown::json) return code;
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_key(json, "error");
    json.StartObject();
    put_key(json, "message");
    put(json, to_valid_utf8(error.message));
    put_key(json, "exit_code");
    json.Int(code);
    json.EndObject();
    json.EndObject();
    fmt::print("{}\n", text_of(buffer));
    return code;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    initialise_crypto();
    umask(022);
    char** const dashes = std::find(argv, argv + argc, std::string_view("--"));
    std::vector<std::string> words;
    if (dashes != argv + argc) words.assign(dashes + 1, argv + argc);
    const auto loaded = load_config(static_cast<int>(dashes - argv), argv, "windlass-site",
                                    "Changes the images and data sets of this node: see `windlass image --help`.");
    if (!loaded) return fail(loaded.error());
    if (loaded->done) return 0;
    Shown how = Shown::lines;
    if (!words.empty() && words[0].starts_with("--")) {
        how = words[0] == "--json" ? Shown::json : Shown::names;
        words.erase(words.begin());
    }
    const auto settings = derive_settings(loaded->config);
    if (!settings) return fail(settings.error(), how);
    const Status done = carry_out(words, how, *settings);
    return done ? 0 : fail(done.error(), how);
}
