#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/exit_code.h"
#include "cli/help_pages.h"
#include "cli/noun.h"

namespace windlass::cli {

void add_completion(CLI::App& app, Options& options) {
    auto shell = std::make_shared<std::string>();
    CLI::App* completion = app.add_subcommand("completion", "print the completion of a shell: bash, zsh or fish");
    completion->add_option("shell", *shell, "bash, zsh or fish")->required();
    on_use(*completion, options, [shell, &app]() -> Status {
        if (*shell == "bash")
            fmt::print("{}", bash_completion(app));
        else if (*shell == "zsh")
            fmt::print("{}", zsh_completion(app));
        else if (*shell == "fish")
            fmt::print("{}", fish_completion(app));
        else
            return make_error(ErrorKind::invalid, fmt::format("\"{}\": bash, zsh and fish are known", *shell));
        return {};
    });

    auto noun = std::make_shared<std::string>();
    CLI::App* man = app.add_subcommand("man", "print a page of the manual: windlass man job | man -l -");
    man->add_option("word", *noun, "a word of the command; without it, the page of all of it");
    auto markdown = std::make_shared<bool>(false);
    man->add_flag("--markdown", *markdown, "all of it as one document in Markdown");
    on_use(*man, options, [noun, markdown, &app]() -> Status {
        if (*markdown) {
            fmt::print("{}", markdown_reference(app));
            return {};
        }
        const auto pages = man_pages(app);
        if (!noun->empty() && std::ranges::find(pages, *noun) == pages.end())
            return make_error(ErrorKind::not_found,
                              fmt::format("the command has no word \"{}\"; `windlass --help` lists them", *noun));
        fmt::print("{}", man_page(app, *noun));
        return {};
    });
}

}  // namespace windlass::cli
