// Man pages and completions of shells, made from the same tree of words and flags as --help. Pure.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace windlass::cli {

// In the language of man(7): the command as a whole (`noun` empty), or one of its words with all below it.
std::string man_page(const CLI::App& app, const std::string& noun);
// The words below the command that have a page of their own.
std::vector<std::string> man_pages(const CLI::App& app);

// For the end of --help.
std::string exit_code_help();

// All words and flags as one document in Markdown: docs/commands.md.
std::string markdown_reference(const CLI::App& app);

std::string bash_completion(const CLI::App& app);
std::string zsh_completion(const CLI::App& app);
std::string fish_completion(const CLI::App& app);

}  // namespace windlass::cli
