// What a person says of a job on the command line, as the body of a submit.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/server.h"

namespace windlass::cli {

struct SubmitWords {
    std::string script;    // a file that is the code; what stands behind `--` are its arguments
    std::string job_file;  // JSON with fields of a submit
    std::string name;
    std::string queue;
    std::vector<std::string> tags;
    std::optional<int> priority;
    std::string timeout;  // 90, 1h30m
    std::optional<int> max_attempts;
    std::string retry_delay;
    std::vector<int> retry_exit_codes;
    std::vector<int> retry_signals;
    bool retry_timeout = false;
    std::optional<double> cpus;
    std::string memory;  // 512M, 2G, or bytes
    std::string disk;
    std::string cpu_time;
    std::optional<std::int64_t> processes;
    std::string network;
    std::vector<std::string> env;
    std::string code;
    std::string data;
    std::vector<std::string> files;    // PATH, or NAME=PATH
    std::vector<std::string> outputs;  // patterns
    std::vector<std::string> after;    // ID, any:ID, failed:ID
    std::string not_before;
    std::string deadline;
    std::vector<std::string> required;   // LABEL=VALUE
    std::vector<std::string> resources;  // gpu=1
    std::string image;
    std::vector<std::string> datasets;
    std::optional<std::int64_t> array;   // members
    std::string array_file;              // JSON list, or one JSON object per line
    std::optional<std::int64_t> max_fails;
    std::string script_text;  // made by read_directives(), and who runs it
    std::string interpreter;
    // Made by upload_files(): name -> SHA-256.
    std::vector<std::pair<std::string, std::string>> uploaded;
};

// Adds the flags to a word of the command.
std::shared_ptr<SubmitWords> add_words(CLI::App& command);

// Takes what stands in the comments of the script (script.h) for all that was not said on the command line, and the
// script itself as code. Nothing without a script.
Status read_directives(CLI::App& command, SubmitWords& words);

// Brings what --file names to the server, once for the same bytes.
// `show`: lines on the terminal say how far it has come.
Status upload_files(Server& server, SubmitWords& words, bool show);

Result<std::string> body_of(const SubmitWords& words, const std::vector<std::string>& commands);

}  // namespace windlass::cli
