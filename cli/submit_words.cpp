#include "cli/submit_words.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <iostream>
#include <iterator>

#include "cli/job_file.h"
#include "cli/private_file.h"
#include "cli/script.h"
#include "cli/shell_words.h"
#include "cli/units.h"
#include "cli/upload.h"

namespace windlass::cli {
namespace {

Result<std::string> text_of_file(const std::string& path) {
    if (path.empty()) return std::string();
    if (path != "-") return read_file(path);
    return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

// Writes members of one JSON object; what a person left out is not written.
class Body {
  public:
    explicit Body(JsonWriter& writer) : writer_(writer) { writer_.StartObject(); }
    void end() { writer_.EndObject(); }

    void text(const char* key, const std::string& value) {
        if (!value.empty()) whole_text(key, value);
    }
    void whole_text(const char* key, const std::string& value) {
        put_key(writer_, key);
        put(writer_, value);
    }
    void number(const char* key, const std::optional<std::int64_t>& value) {
        if (!value) return;
        put_key(writer_, key);
        writer_.Int64(*value);
    }
    void fraction(const char* key, double value) {
        put_key(writer_, key);
        writer_.Double(value);
    }
    void texts(const char* key, const std::vector<std::string>& values) {
        if (values.empty()) return;
        put_key(writer_, key);
        writer_.StartArray();
        for (const std::string& value : values) put(writer_, value);
        writer_.EndArray();
    }
    void numbers(const char* key, const std::vector<int>& values) {
        if (values.empty()) return;
        put_key(writer_, key);
        writer_.StartArray();
        for (const int value : values) writer_.Int(value);
        writer_.EndArray();
    }
    Status size(const char* key, const std::string& value) {
        if (value.empty()) return {};
        WINDLASS_TRY(const std::int64_t bytes, parse_bytes(value));
        number(key, bytes);
        return {};
    }
    Status duration(const char* key, const std::string& value) {
        if (value.empty()) return {};
        WINDLASS_TRY(const double seconds, parse_seconds(value));
        fraction(key, seconds);
        return {};
    }

  private:
    JsonWriter& writer_;
};

Result<std::pair<std::string, std::string>> split_pair(const char* flag, const std::string& entry) {
    const auto equals = entry.find('=');
    if (equals == std::string::npos || equals == 0)
        return make_error(ErrorKind::invalid, fmt::format("{} {}: it looks like NAME=VALUE", flag, entry));
    return std::pair(entry.substr(0, equals), entry.substr(equals + 1));
}

Status put_map(JsonWriter& writer, const char* key, const char* flag, const std::vector<std::string>& entries,
               bool numbers = false) {
    if (entries.empty()) return {};
    put_key(writer, key);
    Body map(writer);
    for (const std::string& entry : entries) {
        WINDLASS_TRY(const auto pair, split_pair(flag, entry));
        if (!numbers) {
            map.whole_text(pair.first.c_str(), pair.second);
            continue;
        }
        std::int64_t value = 0;
        const char* end = pair.second.data() + pair.second.size();
        if (const auto [read, failed] = std::from_chars(pair.second.data(), end, value);
            failed != std::errc() || read != end)
            return make_error(ErrorKind::invalid, fmt::format("{} {}: it looks like NAME=NUMBER", flag, entry));
        map.number(pair.first.c_str(), value);
    }
    map.end();
    return {};
}

Status put_limits(JsonWriter& writer, const SubmitWords& words) {
    if (!words.cpus && !words.processes && words.memory.empty() && words.disk.empty() && words.cpu_time.empty())
        return {};
    put_key(writer, "limits");
    Body limits(writer);
    if (words.cpus) limits.fraction("cpus", *words.cpus);
    WINDLASS_TRY_STATUS(limits.size("memory_bytes", words.memory));
    WINDLASS_TRY_STATUS(limits.size("disk_bytes", words.disk));
    WINDLASS_TRY_STATUS(limits.duration("cpu_s", words.cpu_time));
    limits.number("processes", words.processes);
    limits.end();
    return {};
}

void put_retry(JsonWriter& writer, const SubmitWords& words) {
    if (words.retry_exit_codes.empty() && words.retry_signals.empty() && !words.retry_timeout) return;
    put_key(writer, "retry_on");
    Body retry(writer);
    retry.numbers("exit_codes", words.retry_exit_codes);
    retry.numbers("signals", words.retry_signals);
    if (words.retry_timeout) {
        put_key(writer, "timeout");
        writer.Bool(true);
    }
    retry.end();
}

void put_files(JsonWriter& writer, const SubmitWords& words) {
    if (words.uploaded.empty()) return;
    put_key(writer, "files");
    writer.StartObject();
    for (const auto& [name, sha256] : words.uploaded) {
        put_key(writer, name);
        Body file(writer);
        file.whole_text("sha256", sha256);
        file.end();
    }
    writer.EndObject();
}

void put_after(JsonWriter& writer, const std::vector<std::string>& after) {
    if (after.empty()) return;
    put_key(writer, "after");
    writer.StartArray();
    for (const std::string& word : after) {
        const auto colon = word.find(':');
        Body dependency(writer);
        dependency.whole_text("job", colon == std::string::npos ? word : word.substr(colon + 1));
        dependency.whole_text("when", colon == std::string::npos ? "ok" : word.substr(0, colon));
        dependency.end();
    }
    writer.EndArray();
}

// A JSON list as it is; one object per line becomes a list.
Result<std::string> list_of_file(const std::string& path) {
    WINDLASS_TRY(const std::string text, text_of_file(path));
    if (const auto first = text.find_first_not_of(" \t\r\n"); first != std::string::npos && text[first] == '[')
        return text;
    std::string list = "[";
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string line = text.substr(at, end - at);
        at = end + 1;
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        if (list.size() > 1) list += ',';
        list += line;
    }
    return list + "]";
}

Status put_array(JsonWriter& writer, const SubmitWords& words) {
    if (!words.array_file.empty() && (words.array || words.max_fails))
        return make_error(ErrorKind::invalid,
                          "--array-file says how many members there are; --array and --max-fails do not go with it");
    if (!words.array_file.empty()) {
        WINDLASS_TRY(const std::string list, list_of_file(words.array_file));
        if (const auto parsed = parse_json(list); !parsed || !parsed->IsArray())
            return make_error(ErrorKind::invalid, "--array-file " + words.array_file +
                                                      ": it holds a JSON list of objects, or one JSON object per line");
        put_key(writer, "array");
        writer.RawValue(list.data(), list.size(), rapidjson::kArrayType);
    } else if (words.array) {
        put_key(writer, "array");
        Body array(writer);
        array.number("count", words.array);
        array.number("max_fails", words.max_fails);
        array.end();
    } else if (words.max_fails) {
        return make_error(ErrorKind::invalid, "--max-fails goes with --array");
    }
    return {};
}

// A script is the job's code, run by its interpreter, with what stands behind `--` as its arguments.
std::string commands_of(const SubmitWords& words, const std::vector<std::string>& commands) {
    if (words.script.empty()) return commands.empty() ? std::string() : shell_text(commands);
    std::string text = words.interpreter + " ./code";
    for (const std::string& argument : commands) text += " " + shell_word(argument);
    return text;
}

Status put_code_and_data(Body& body, const SubmitWords& words) {
    if (words.code == "-" && words.data == "-")
        return make_error(ErrorKind::invalid, "only one of --code and --data can be read from standard input");
    WINDLASS_TRY(const std::string code, words.script.empty() ? text_of_file(words.code) : words.script_text);
    WINDLASS_TRY(const std::string data, text_of_file(words.data));
    for (const auto& [flag, text] : {std::pair("--code", &code), std::pair("--data", &data)})
        if (!is_valid_utf8(*text) || text->find('\0') != std::string::npos)
            return make_error(ErrorKind::invalid,
                              fmt::format("{}: only text (UTF-8) can be sent so; give other bytes with --file", flag));
    body.whole_text("code", code);
    body.whole_text("data", data);
    return {};
}

}  // namespace

Status upload_files(Server& server, SubmitWords& words, bool show) {
    for (const std::string& entry : words.files) {
        const auto equals = entry.find('=');
        const std::string path = equals == std::string::npos ? entry : entry.substr(equals + 1);
        const std::string name =
            equals == std::string::npos ? std::filesystem::path(path).filename().string() : entry.substr(0, equals);
        WINDLASS_TRY(std::string sha256, upload(server, path, show));
        words.uploaded.emplace_back(name, std::move(sha256));
    }
    words.files.clear();
    return {};
}

Result<std::string> body_of(const SubmitWords& words, const std::vector<std::string>& commands) {
    if (commands.empty() && words.script.empty() && words.job_file.empty() && words.image.empty())
        return make_error(ErrorKind::invalid,
                          "what is to be run is missing: a script (windlass run job.sh), or commands behind `--` "
                          "(windlass run -- echo hello)");
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    Body body(writer);
    WINDLASS_TRY_STATUS(put_code_and_data(body, words));
    body.whole_text("running_commands", commands_of(words, commands));
    body.text("name", words.name);
    body.text("queue", words.queue);
    body.texts("tags", words.tags);
    body.number("priority", words.priority);
    WINDLASS_TRY_STATUS(body.duration("timeout_s", words.timeout));
    body.number("max_attempts", words.max_attempts);
    WINDLASS_TRY_STATUS(body.duration("retry_delay_s", words.retry_delay));
    put_retry(writer, words);
    WINDLASS_TRY_STATUS(put_limits(writer, words));
    body.text("network", words.network);
    WINDLASS_TRY_STATUS(put_map(writer, "env", "--env", words.env));
    put_files(writer, words);
    body.texts("outputs", words.outputs);
    put_after(writer, words.after);
    body.text("not_before", words.not_before);
    body.text("deadline", words.deadline);
    WINDLASS_TRY_STATUS(put_map(writer, "requires", "--require", words.required));
    WINDLASS_TRY_STATUS(put_map(writer, "resources", "--resource", words.resources, true));
    body.text("image", words.image);
    body.texts("datasets", words.datasets);
    WINDLASS_TRY_STATUS(put_array(writer, words));
    body.end();
    if (words.job_file.empty()) return std::string(text_of(buffer));
    WINDLASS_TRY(const std::string file, text_of_file(words.job_file));
    return with_job_file(file, text_of(buffer));
}

Status read_directives(CLI::App& command, SubmitWords& words) {
    if (words.script.empty()) return {};
    if (!words.code.empty())
        return make_error(ErrorKind::invalid, "a script is the job's code; --code does not go with it");
    WINDLASS_TRY(words.script_text, text_of_file(words.script));
    WINDLASS_TRY(Script script, read_script(words.script_text));
    words.interpreter = std::move(script.interpreter);
    CLI::App said;
    const auto unused = add_words(said);
    try {
        said.parse(std::vector<std::string>(script.directives.rbegin(), script.directives.rend()));
    } catch (const CLI::ParseError& error) {
        return make_error(ErrorKind::invalid, fmt::format("the #WINDLASS lines of {}: {}", words.script, error.what()));
    }
    for (const CLI::Option* option : said.get_options()) {
        CLI::Option* const flag = command.get_option_no_throw(option->get_name());
        if (option->count() == 0 || flag == nullptr || flag->count() > 0) continue;
        if (option->get_positional())
            return make_error(ErrorKind::invalid,
                              fmt::format("the #WINDLASS lines of {} hold flags alone", words.script));
        flag->add_result(option->results());
        flag->run_callback();
    }
    return {};
}

std::shared_ptr<SubmitWords> add_words(CLI::App& command) {
    auto words = std::make_shared<SubmitWords>();
    command.add_option("script", words->script,
                       "a script that is the job; flags may stand in its comments: #WINDLASS --memory 2GiB");
    command.add_option("--job", words->job_file, "a file with fields of a submit as JSON; - is standard input");
    const auto one_by_one = [](CLI::Option* option) {
        option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    };
    command.add_option("--name", words->name, "for people, shown in lists");
    command.add_option("--queue", words->queue, "the named queue in which it waits");
    one_by_one(command.add_option("--tag", words->tags, "a word to find it by, may be repeated"));
    command.add_option("--priority", words->priority, "-100 to 100, higher first among your own jobs");
    command.add_option("--timeout", words->timeout, "of running, until the job is stopped: 90, 1h30m");
    command.add_option("--memory", words->memory, "memory limit: bytes, or 512MiB, 2GiB");
    command.add_option("--disk", words->disk, "limit of what it writes");
    command.add_option("--cpus", words->cpus, "cores, e.g. 0.5 or 4");
    command.add_option("--cpu-time", words->cpu_time, "limit of processor time: 90, 1h30m");
    command.add_option("--processes", words->processes, "processes and threads at the same time");
    command.add_option("--network", words->network, "none, or full where the site allows it");
    one_by_one(command.add_option("--env", words->env, "NAME=VALUE, may be repeated"));
    command.add_option("--max-attempts", words->max_attempts, "try again until so many attempts failed");
    command.add_option("--retry-delay", words->retry_delay, "before the second attempt; doubled before each later one");
    command.add_option("--retry-exit-code", words->retry_exit_codes, "try again only after these")->delimiter(',');
    command.add_option("--retry-signal", words->retry_signals, "try again only after these")->delimiter(',');
    command.add_flag("--retry-timeout", words->retry_timeout, "try again also after the timeout");
    command.add_option("--code", words->code, "file that becomes `code` in the working directory; - is standard input");
    command.add_option("--data", words->data, "file that becomes `data` in the working directory; - is standard input");
    one_by_one(command.add_option("--file", words->files,
                                  "PATH or NAME=PATH: uploaded once, placed in the working directory"));
    one_by_one(command.add_option("--output", words->outputs, "pattern of files to keep beside out/"));
    one_by_one(command.add_option("--after", words->after, "ID (when it succeeded), any:ID, failed:ID"));
    command.add_option("--not-before", words->not_before, "2026-12-24T18:00:00Z");
    command.add_option("--deadline", words->deadline, "2026-12-24T18:00:00Z; neither waits nor runs any longer");
    command.add_option("--image", words->image, "the site's image to run in; without a command its entry point runs");
    one_by_one(command.add_option("--dataset", words->datasets, "of the site, found at /tmp/<name>"));
    one_by_one(command.add_option("--require", words->required, "LABEL=VALUE that the worker must have"));
    one_by_one(command.add_option("--resource", words->resources, "NAME=COUNT, e.g. gpu=1"));
    command.add_option("--array", words->array, "run it so many times, with WINDLASS_ARRAY_INDEX from 0");
    command.add_option("--array-file", words->array_file,
                       "run it once for each JSON object of this file, whose strings are its environment");
    command.add_option("--max-fails", words->max_fails, "more failed members than this, and the rest is cancelled");
    command.footer(
        "Behind `--`: one word is shell text ('sort data | uniq -c'), several are a program and its arguments.");
    return words;
}

}  // namespace windlass::cli
