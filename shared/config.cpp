#include "shared/config.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#define TOML_EXCEPTIONS 0
// The library asserts some of what a text may break ("[.api]"), and then reports it all the same: only that is wanted.
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>

namespace windlass {
namespace {

std::string flag_name(std::string name) {
    std::replace(name.begin(), name.end(), '.', '-');
    std::replace(name.begin(), name.end(), '_', '-');
    return "--" + name;
}

std::string variable_name(std::string name) {
    for (char& c : name) c = c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return "WINDLASS_" + name;
}

// Text from a flag or a variable into a setting. The error names the place it came from.
Status assign(std::string& field, const std::string& text, const std::string&) {
    field = text;
    return {};
}
Status assign(std::int64_t& field, const std::string& text, const std::string& where) {
    std::size_t used = 0;
    std::int64_t value = 0;
    try {
        value = std::stoll(text, &used);
    } catch (const std::exception&) {
        used = 0;
    }
    if (text.empty() || used != text.size() || value < 0)
        return make_error(ErrorKind::invalid,
                          fmt::format("{}: \"{}\" is not a whole number of 0 or more", where, text));
    field = value;
    return {};
}
Status assign(bool& field, const std::string& text, const std::string& where) {
    if (text != "true" && text != "false")
        return make_error(ErrorKind::invalid, fmt::format("{}: \"{}\" is neither true nor false", where, text));
    field = text == "true";
    return {};
}
Status assign(std::vector<std::string>& field, const std::string& text, const std::string&) {
    field.clear();
    std::istringstream words(text);
    for (std::string word; std::getline(words, word, ',');)
        if (!word.empty()) field.push_back(word);
    return {};
}

Status assign_toml(std::string& field, const toml::node& node, const std::string& where) {
    const auto value = node.value_exact<std::string>();
    if (!value) return make_error(ErrorKind::invalid, where + " must be a string");
    field = *value;
    return {};
}
Status assign_toml(std::int64_t& field, const toml::node& node, const std::string& where) {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < 0) return make_error(ErrorKind::invalid, where + " must be a whole number of 0 or more");
    field = *value;
    return {};
}
Status assign_toml(bool& field, const toml::node& node, const std::string& where) {
    const auto value = node.value_exact<bool>();
    if (!value) return make_error(ErrorKind::invalid, where + " must be true or false");
    field = *value;
    return {};
}
Status assign_toml(std::vector<std::string>& field, const toml::node& node, const std::string& where) {
    const auto* list = node.as_array();
    if (list == nullptr) return make_error(ErrorKind::invalid, where + " must be a list of strings");
    field.clear();
    for (const auto& item : *list) {
        const auto word = item.value_exact<std::string>();
        if (!word) return make_error(ErrorKind::invalid, where + " must be a list of strings");
        field.push_back(*word);
    }
    return {};
}

std::string shown(const std::string& value) {
    return '"' + value + '"';
}
std::string shown(std::int64_t value) {
    return std::to_string(value);
}
std::string shown(bool value) {
    return value ? "true" : "false";
}
std::string shown(const std::vector<std::string>& value) {
    return fmt::format("[{}]", fmt::join(value, ", "));
}

Status read_file(Config& config, const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return errno_error(path, errno);
    in.peek();  // notices a directory, too
    if (in.bad()) return make_error(ErrorKind::invalid, path + " cannot be read; is it a file?");
    std::ostringstream text;
    text << in.rdbuf();
    return read_settings(config, text.view(), path);
}

void print_settings() {
    Config defaults;
    describe_settings(
        [](const std::string& name, auto& field, const char* meaning) {
            std::cout << fmt::format("| `{}` | `{}` | `{}` | `{}` | {} |\n", name, flag_name(name), variable_name(name),
                                     shown(field), meaning);
        },
        defaults);
}

}  // namespace

Status read_settings(Config& config, std::string_view text, const std::string& path) {
    toml::parse_result parsed = toml::parse(text, path);
    if (!parsed) {
        const auto& error = parsed.error();
        return make_error(ErrorKind::invalid,
                          fmt::format("{}: line {}: {}", path, error.source().begin.line, error.description()));
    }
    const toml::table& table = parsed.table();
    std::set<std::string> known;
    Status status;
    describe_settings(
        [&](const std::string& name, auto& field, const char*) {
            known.insert(name);
            if (!status) return;
            if (const auto node = table.at_path(name)) status = assign_toml(field, *node.node(), path + ": " + name);
        },
        config);
    if (!status) return status;
    for (const auto& [section, node] : table) {
        const auto* entries = node.as_table();
        if (entries == nullptr)
            return make_error(ErrorKind::invalid, fmt::format("{}: \"{}\" is not a section", path, section.str()));
        for (const auto& [key, value] : *entries) {
            const std::string name = fmt::format("{}.{}", section.str(), key.str());
            if (!known.contains(name))
                return make_error(
                    ErrorKind::invalid,
                    fmt::format("{}: there is no setting {}; --print-settings lists them all", path, name));
        }
    }
    return {};
}

Result<LoadedConfig> load_config(int argc, char** argv, const std::string& program, const std::string& purpose) {
    LoadedConfig loaded;
    Config& config = loaded.config;
    CLI::App app(purpose, program);
    app.get_formatter()->column_width(44);
    std::string file;
    app.add_option("--config", file, "the configuration file (TOML); also WINDLASS_CONFIG");
    bool print = false;
    app.add_flag("--print-settings", print, "list every setting as a table and end");
    app.set_version_flag("--version", std::string(WINDLASS_VERSION));
    std::map<std::string, std::string> flags;
    describe_settings(
        [&](const std::string& name, auto& field, const char* meaning) {
            app.add_option(flag_name(name), flags[name], fmt::format("{} [{}]", meaning, shown(field)));
        },
        config);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& success) {  // --help, --version
        app.exit(success);
        loaded.done = true;
        return loaded;
    } catch (const CLI::ParseError& error) {
        return make_error(ErrorKind::invalid, fmt::format("{} (see {} --help)", error.what(), program));
    }
    if (print) {
        print_settings();
        loaded.done = true;
        return loaded;
    }
    if (const char* variable = std::getenv("WINDLASS_CONFIG"); file.empty() && variable != nullptr) file = variable;
    if (!file.empty()) WINDLASS_TRY_STATUS(read_file(config, file));
    Status status;
    describe_settings(
        [&](const std::string& name, auto& field, const char*) {
            if (!status) return;
            const std::string variable = variable_name(name);
            if (const char* text = std::getenv(variable.c_str())) status = assign(field, text, variable);
            if (status && app.count(flag_name(name)) > 0) status = assign(field, flags[name], flag_name(name));
        },
        config);
    if (!status) return std::move(status).error();
    return loaded;
}

Result<std::string> read_secret(const Config& config) {
    const std::string& path = config.scheduler.secret_file;
    if (path.empty()) return std::string();
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return errno_error("scheduler.secret_file " + path, errno);
    if ((info.st_mode & 077) != 0)
        return make_error(ErrorKind::denied,
                          fmt::format("scheduler.secret_file {} can be read by others; run: chmod 600 {}", path, path));
    std::ifstream in(path);
    std::string secret;
    std::getline(in, secret);
    if (secret.size() < 16)
        return make_error(ErrorKind::invalid, fmt::format("scheduler.secret_file {} needs one line of at least 16 "
                                                          "characters; make one with: openssl rand -hex 32",
                                                          path));
    return secret;
}

}  // namespace windlass
