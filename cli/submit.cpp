#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/job_ending.h"
#include "cli/private_file.h"
#include "cli/server.h"
#include "cli/shell_words.h"

namespace windlass::cli {
namespace {

struct SubmitWords {
    std::string name;
    std::optional<int> priority;
    std::optional<double> timeout_s;
    std::optional<int> max_attempts;
    std::optional<double> cpus;
    std::string memory;  // 512M, 2G, or bytes
    std::vector<std::string> env;
    std::string code;
    std::string data;
};

Result<std::string> text_of_file(const std::string& path) {
    if (path.empty()) return std::string();
    if (path != "-") return read_file(path);
    return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

Result<std::int64_t> bytes_of(const std::string& text) {
    std::size_t used = 0;
    double value = 0;
    try {
        value = std::stod(text, &used);
    } catch (const std::exception&) {
        used = 0;
    }
    const std::string unit = text.substr(used);
    const std::int64_t factor = unit.empty() || unit == "B" ? 1
                                : unit == "K"               ? 1LL << 10
                                : unit == "M"               ? 1LL << 20
                                : unit == "G"               ? 1LL << 30
                                                            : 0;
    if (used == 0 || factor == 0 || !(value > 0) || value * static_cast<double>(factor) > 9e15)
        return make_error(ErrorKind::invalid, fmt::format("--memory {}: give bytes, or a number with K, M or G", text));
    return static_cast<std::int64_t>(value * static_cast<double>(factor));
}

void put_text(JsonWriter& writer, const char* key, const std::string& value) {
    put_key(writer, key);
    put(writer, value);
}

Status put_env(JsonWriter& writer, const std::vector<std::string>& env) {
    if (env.empty()) return {};
    put_key(writer, "env");
    writer.StartObject();
    for (const std::string& entry : env) {
        const auto equals = entry.find('=');
        if (equals == std::string::npos || equals == 0)
            return make_error(ErrorKind::invalid, fmt::format("--env {}: it looks like NAME=VALUE", entry));
        put_text(writer, entry.substr(0, equals).c_str(), entry.substr(equals + 1));
    }
    writer.EndObject();
    return {};
}

Status put_limits(JsonWriter& writer, const SubmitWords& words) {
    if (!words.cpus && words.memory.empty()) return {};
    put_key(writer, "limits");
    writer.StartObject();
    if (words.cpus) {
        put_key(writer, "cpus");
        writer.Double(*words.cpus);
    }
    if (!words.memory.empty()) {
        WINDLASS_TRY(const std::int64_t bytes, bytes_of(words.memory));
        put_key(writer, "memory_bytes");
        writer.Int64(bytes);
    }
    writer.EndObject();
    return {};
}

Result<std::string> body_of(const SubmitWords& words, const std::vector<std::string>& commands) {
    if (commands.empty())
        return make_error(ErrorKind::invalid, "what is to be run stands behind `--`: windlass run -- echo hello");
    if (words.code == "-" && words.data == "-")
        return make_error(ErrorKind::invalid, "only one of --code and --data can be read from standard input");
    WINDLASS_TRY(const std::string code, text_of_file(words.code));
    WINDLASS_TRY(const std::string data, text_of_file(words.data));
    for (const auto& [flag, text] : {std::pair("--code", &code), std::pair("--data", &data)})
        if (!is_valid_utf8(*text) || text->find('\0') != std::string::npos)
            return make_error(
                ErrorKind::invalid,
                fmt::format("{}: only text (UTF-8) can be sent; pass other bytes as base64 and let the job decode them",
                            flag));
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    put_text(writer, "code", code);
    put_text(writer, "data", data);
    put_text(writer, "running_commands", shell_text(commands));
    if (!words.name.empty()) put_text(writer, "name", words.name);
    if (words.priority) {
        put_key(writer, "priority");
        writer.Int(*words.priority);
    }
    if (words.timeout_s) {
        put_key(writer, "timeout_s");
        writer.Double(*words.timeout_s);
    }
    if (words.max_attempts) {
        put_key(writer, "max_attempts");
        writer.Int(*words.max_attempts);
    }
    WINDLASS_TRY_STATUS(put_limits(writer, words));
    WINDLASS_TRY_STATUS(put_env(writer, words.env));
    writer.EndObject();
    return std::string(text_of(buffer));
}

Result<ServerAnswer> submit(Server& server, const SubmitWords& words, const std::vector<std::string>& commands) {
    WINDLASS_TRY(const std::string body, body_of(words, commands));
    auto answer = server.post("/api/jobs/submit/", body);
    if (!answer && answer.error().kind == ErrorKind::unavailable)
        answer.error().message +=
            ". Whether the job was taken is not known: look with `windlass job list` before sending it again";
    return answer;
}

Status run(const Options& options, const SubmitWords& words, int& exit_code) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const ServerAnswer submitted, submit(server, words, options.behind_dashes));
    const std::string id = member_text(submitted.document, "id");
    if (!options.quiet && isatty(STDERR_FILENO) != 0) fmt::print(stderr, "windlass: job {}\n", id);
    WINDLASS_TRY(const ServerAnswer job, wait_for_job(server, id));
    WINDLASS_TRY(const ServerAnswer result, server.get("/api/results/" + id + "/"));
    if (options.json) {
        fmt::print("{}\n", result.text);
    }
    const rapidjson::Value* results = results_of(result);
    if (results == nullptr) return make_error(ErrorKind::internal, fmt::format("job {} ended without a result", id));
    if (!options.json) {
        const std::string out = member_text(*results, "stdout");
        const std::string err = member_text(*results, "stderr");
        std::fwrite(out.data(), 1, out.size(), stdout);
        std::fflush(stdout);
        std::fwrite(err.data(), 1, err.size(), stderr);
    }
    const JobEnding ending = ending_of(member_text(job.document, "status"), *results);
    if (!ending.sentence.empty() && !options.quiet) fmt::print(stderr, "windlass: job {}: {}\n", id, ending.sentence);
    exit_code = ending.exit_code;
    return {};
}

std::shared_ptr<SubmitWords> add_words(CLI::App& command) {
    auto words = std::make_shared<SubmitWords>();
    command.add_option("--name", words->name, "for people, shown in lists");
    command.add_option("--priority", words->priority, "-100 to 100, higher first among your own jobs");
    command.add_option("--timeout", words->timeout_s, "seconds of running until the job is stopped");
    command.add_option("--memory", words->memory, "memory limit: bytes, or 512M, 2G");
    command.add_option("--cpus", words->cpus, "cores, e.g. 0.5 or 4");
    command.add_option("--env", words->env, "NAME=VALUE, may be repeated")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command.add_option("--max-attempts", words->max_attempts, "try again until so many attempts failed");
    command.add_option("--code", words->code, "file that becomes `code` in the working directory; - is standard input");
    command.add_option("--data", words->data, "file that becomes `data` in the working directory; - is standard input");
    command.footer(
        "Behind `--`: one word is shell text ('sort data | uniq -c'), several are a program and its arguments.");
    return words;
}

}  // namespace

void add_submit(CLI::App& app, Options& options) {
    CLI::App* submit_command = app.add_subcommand("submit", "send a job and print its id");
    submit_command->callback([words = add_words(*submit_command), &options] {
        auto server = Server::find(options.url);
        auto answer = server ? submit(*server, *words, options.behind_dashes) : Result<ServerAnswer>(server.error());
        if (!answer) {
            options.exit_code = complain(answer.error());
            return;
        }
        fmt::print("{}\n", options.json ? answer->text : member_text(answer->document, "id"));
    });
    CLI::App* run_command =
        app.add_subcommand("run", "send a job, wait for it, print its output, end with its exit code");
    run_command->callback([words = add_words(*run_command), &options] {
        if (const Status status = run(options, *words, options.exit_code); !status) {
            complain(status.error());
            options.exit_code = exit_without_code;
        }
    });
}

}  // namespace windlass::cli
