// What the nouns of the command have in common: ask the server, print lines for people, its JSON, or ids alone.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/server.h"
#include "cli/table.h"

namespace windlass::cli {

// A list of objects: a table; with --quiet the member `essential` of each alone.
Status print_list(const Options& options, const ServerAnswer& answer, const std::vector<Column>& columns,
                  const char* essential);
// The list of objects that stands at `key` of the answer.
Status print_list_at(const Options& options, const ServerAnswer& answer, const char* key,
                     const std::vector<Column>& columns, const char* essential);
// The list of texts that stands there, one a line.
Status print_names_at(const Options& options, const ServerAnswer& answer, const char* key);
// The object that stands there, as print_object() shows it.
Status print_object_at(const Options& options, const ServerAnswer& answer, const char* key, const char* essential);
// The answer of the family of courses without its "error": false; in what this command prints that means a failure.
std::string without_envelope(const ServerAnswer& answer);
// What the server says it has done; with --quiet nothing.
Status print_message(const Options& options, const ServerAnswer& answer);
// One object: a member a line; with --quiet the member `essential` alone.
void print_object(const Options& options, const ServerAnswer& answer, const char* essential);
// "cpus: 1" per line; nested objects as JSON, which is exact and still readable.
void print_members(const rapidjson::Value& object);

// The sentence on standard error; with --json also {"error": {"message", "exit_code"}} on standard output.
ExitCode complain(const Options& options, const Error& error);

// Runs `action` when the word is used; what it fails with becomes the exit code.
void on_use(CLI::App& command, Options& options, std::function<Status()> action);

// The word "list": what is at `path`, as print_list() shows it.
void add_list(CLI::App& parent, const char* meaning, const char* path, std::vector<Column> columns,
              const char* essential, Options& options);

// A word with one argument behind it.
CLI::App* add_with_argument(CLI::App& parent, const char* word, const char* meaning, const char* argument,
                            const char* argument_meaning, Options& options,
                            std::function<Status(const std::string&)> action);

// Sends a request without a body, or with one, and prints the object that comes back.
Status perform(const Options& options, const char* method, const std::string& path, const std::string& body,
               const char* essential, const char* done);

}  // namespace windlass::cli
