#include "cli/help_pages.h"

#include <fmt/format.h>

#include <functional>
#include <string_view>

#include "cli/exit_code.h"
#include "cli/output_format.h"
#include "cli/shell_words.h"

namespace windlass::cli {
namespace {

// Of man(7): a line must not begin with a dot or an apostrophe, backslash and hyphen have meanings of their own.
std::string roff(std::string_view text) {
    std::string safe;
    bool line_begins = true;
    for (const char c : text) {
        if (line_begins && (c == '.' || c == '\'')) safe += "\\&";
        if (c == '\\')
            safe += "\\e";
        else if (c == '-')
            safe += "\\-";
        else
            safe += c;
        line_begins = c == '\n';
    }
    return safe;
}

std::vector<const CLI::App*> words_of(const CLI::App& app) {
    std::vector<const CLI::App*> words;
    for (const CLI::App* word : app.get_subcommands([](const CLI::App*) { return true; }))
        if (!word->get_name().empty() && !word->get_group().empty()) words.push_back(word);
    return words;
}

std::vector<const CLI::Option*> flags_of(const CLI::App& app) {
    std::vector<const CLI::Option*> flags;
    for (const CLI::Option* option : app.get_options())
        if (!option->get_group().empty() && !option->get_positional()) flags.push_back(option);
    return flags;
}

bool takes_value(const CLI::Option& option) {
    return option.get_items_expected_max() > 0;
}

std::vector<std::string> spellings(const CLI::Option& option) {
    std::vector<std::string> all;
    for (const std::string& name : option.get_snames()) all.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) all.push_back("--" + name);
    return all;
}

void add_options(std::string& page, const CLI::App& app) {
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_group().empty()) continue;
        std::string names;
        if (option->get_positional()) {
            names = fmt::format("\\fI{}\\fR", roff(option->get_name()));
        } else {
            for (const std::string& name : spellings(*option))
                names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", roff(name));
            if (takes_value(*option)) names += " \\fI" + roff(option->get_type_name()) + "\\fR";
        }
        page += fmt::format(".TP\n{}\n{}\n", names, roff(option->get_description()));
    }
}

void add_words(std::string& page, const CLI::App& app, const std::string& before) {
    for (const CLI::App* word : words_of(app)) {
        const std::string path = before + " " + word->get_name();
        std::string arguments;
        for (const CLI::Option* option : word->get_options())
            if (option->get_positional()) arguments += fmt::format(" \\fI{}\\fR", roff(option->get_name()));
        page += fmt::format(".SS \"{}\"\n.B {}\n[\\fIoptions\\fR]{}\n.PP\n{}.\n", roff(path), roff(path), arguments,
                            roff(word->get_description()));
        add_options(page, *word);
        add_words(page, *word, path);
    }
}

// Calls `on_word` for the command and each word below it, with the path to it ("windlass job list").
void walk(const CLI::App& app, const std::string& path,
          const std::function<void(const std::string&, const CLI::App&)>& on_word) {
    on_word(path, app);
    for (const CLI::App* word : words_of(app)) walk(*word, path + " " + word->get_name(), on_word);
}

}  // namespace

std::vector<std::string> man_pages(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* word : words_of(app)) names.push_back(word->get_name());
    return names;
}

std::string man_page(const CLI::App& app, const std::string& noun) {
    const CLI::App& shown = noun.empty() ? app : *app.get_subcommand(noun);
    const std::string name = noun.empty() ? app.get_name() : app.get_name() + "-" + noun;
    const std::string command = noun.empty() ? app.get_name() : app.get_name() + " " + noun;
    std::string page = fmt::format(".TH \"{}\" 1 \"\" \"windlass " WINDLASS_VERSION "\" \"Windlass\"\n", roff(name));
    page +=
        fmt::format(".SH NAME\n{} \\- {}\n.SH SYNOPSIS\n.B {}\n[\\fIoptions\\fR]{}\n", roff(name),
                    roff(shown.get_description()), roff(command), words_of(shown).empty() ? "" : " \\fIword\\fR ...");
    page += ".SH OPTIONS\n";
    add_options(page, shown);
    if (noun.empty()) {
        page += ".SH WORDS\n";
        for (const CLI::App* word : words_of(app))
            page += fmt::format(".TP\n\\fB{}\\fR(1)\n{}\n", roff(app.get_name() + "-" + word->get_name()),
                                roff(word->get_description()));
    } else if (!words_of(shown).empty()) {
        page += ".SH WORDS\n";
        add_words(page, shown, command);
    }
    page += ".SH OUTPUT FOR PROGRAMS\n" + roff(json_promise) + "\n";
    for (const OutputShape& shape : output_shapes)
        page += fmt::format(".TP\n{}\n\\-\\-json: {}; \\-\\-quiet: {}\n", roff(shape.words), roff(shape.json),
                            roff(shape.quiet));
    page += ".SH EXIT STATUS\n";
    for (const ExitCodeMeaning& one : exit_code_meanings)
        page += fmt::format(".TP\n{}\n{}\n", roff(one.code), roff(one.meaning));
    page +=
        ".SH ENVIRONMENT\n.TP\nWINDLASS_URL, WINDLASS_TOKEN\nthe server, and the token it knows one by\n"
        ".TP\nWINDLASS_OUTPUT\njson or quiet: as if the flag were always there\n"
        ".TP\nNO_COLOR\nno colours, also on a terminal\n";
    if (!noun.empty()) page += fmt::format(".SH SEE ALSO\n\\fB{}\\fR(1)\n", roff(app.get_name()));
    return page;
}

std::string exit_code_help() {
    std::string text = "Exit codes:";
    for (const ExitCodeMeaning& one : exit_code_meanings) text += fmt::format("\n  {:<8} {}", one.code, one.meaning);
    return text;
}

std::string markdown_reference(const CLI::App& app) {
    std::string text =
        "# The commands\n\nMade by `windlass man --markdown`; a test compares the two. `windlass man | man -l -` shows "
        "the "
        "same as a page of the manual.\n";
    walk(app, app.get_name(), [&](const std::string& path, const CLI::App& word) {
        std::string arguments, rows;
        for (const CLI::Option* option : word.get_options()) {
            if (option->get_group().empty() || option->check_lname("help")) continue;
            std::string names;
            if (option->get_positional()) {
                arguments += " " + option->get_name();
                names = option->get_name();
            } else {
                for (const std::string& name : spellings(*option)) names += (names.empty() ? "" : ", ") + name;
                if (takes_value(*option)) names += " " + option->get_type_name();
            }
            std::string meaning;
            for (const char c : option->get_description()) meaning += c == '|' ? "\\|" : std::string(1, c);
            rows += fmt::format("| `{}` | {} |\n", names, meaning);
        }
        text += fmt::format("\n{} `{}{}`\n\n{}\n", &word == &app || word.get_parent() == &app ? "##" : "###", path,
                            arguments, word.get_description());
        if (!rows.empty()) text += "\n| | |\n|---|---|\n" + rows;
    });
    text += fmt::format("\n## Output for programs\n\n{}\n\n| | `--json` | `--quiet` |\n|---|---|---|\n", json_promise);
    for (const OutputShape& shape : output_shapes)
        text += fmt::format("| {} | {} | {} |\n", shape.words, shape.json, shape.quiet);
    text +=
        "\nColours and progress bars are for terminals alone; `NO_COLOR` switches colours off there, too. "
        "`WINDLASS_OUTPUT=json` or `quiet` is as if the flag were always there.\n";
    text += "\n## Exit codes\n\n| | |\n|---|---|\n";
    for (const ExitCodeMeaning& one : exit_code_meanings) text += fmt::format("| {} | {} |\n", one.code, one.meaning);
    return text;
}

std::string bash_completion(const CLI::App& app) {
    std::string words, values;
    walk(app, app.get_name(), [&](const std::string& path, const CLI::App& word) {
        std::string all;
        for (const CLI::App* below : words_of(word)) all += below->get_name() + " ";
        for (const CLI::Option* option : flags_of(word))
            for (const std::string& name : spellings(*option)) all += name + " ";
        if (&word != &app)
            for (const CLI::Option* option : flags_of(app))
                for (const std::string& name : spellings(*option)) all += name + " ";
        words += fmt::format("    {}) all={} ;;\n", in_quotes(path), in_quotes(all));
    });
    return fmt::format(R"(# bash completion of windlass; load it with: source <(windlass completion bash)
_windlass_words() {{
    case $1 in
{}    *) return 1 ;;
    esac
}}
_windlass() {{
    local path={} word all= index
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${{COMP_WORDS[index]}}
        [ "$word" = -- ] && return
        _windlass_words "$path $word" && path="$path $word"
    done
    _windlass_words "$path"
    COMPREPLY=($(compgen -W "$all" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _windlass windlass
)",
                       words, app.get_name());
}

std::string zsh_completion(const CLI::App& app) {
    const auto described = [](const std::string& name, std::string text) {
        std::string safe;
        for (const char c : name) safe += c == ':' ? "\\:" : std::string(1, c);
        return in_quotes(safe + ":" + text);
    };
    std::string cases;
    walk(app, app.get_name(), [&](const std::string& path, const CLI::App& word) {
        std::string all;
        for (const CLI::App* below : words_of(word))
            all += " " + described(below->get_name(), below->get_description());
        for (const CLI::Option* option : flags_of(word))
            for (const std::string& name : spellings(*option)) all += " " + described(name, option->get_description());
        cases += fmt::format("    {}) all=({}) ;;\n", in_quotes(path), all);
    });
    return fmt::format(R"(#compdef windlass
# zsh completion of windlass; put it into a directory of $fpath as _windlass, or: source <(windlass completion zsh)
_windlass_words() {{
    case $1 in
{}    *) return 1 ;;
    esac
}}
_windlass() {{
    local place={} word
    local -a all
    for word in ${{words[2,CURRENT-1]}}; do
        [[ $word == -- ]] && {{ _files; return }}
        _windlass_words "$place $word" && place="$place $word"
    done
    _windlass_words $place
    _describe -o windlass all || _files
}}
if [ "$funcstack[1]" = _windlass ]; then _windlass "$@"; else compdef _windlass windlass; fi
)",
                       cases, app.get_name());
}

std::string fish_completion(const CLI::App& app) {
    std::string paths, lines;
    walk(app, app.get_name(), [&](const std::string& path, const CLI::App& word) {
        paths += " " + in_quotes(path);
        const std::string here =
            fmt::format("complete -c windlass -n {}", in_quotes(fmt::format("__windlass_at {}", in_quotes(path))));
        for (const CLI::App* below : words_of(word))
            lines += fmt::format("{} -f -a {} -d {}\n", here, in_quotes(below->get_name()),
                                 in_quotes(below->get_description()));
        for (const CLI::Option* option : flags_of(word)) {
            lines += here;
            for (const std::string& name : option->get_snames()) lines += " -s " + name;
            for (const std::string& name : option->get_lnames()) lines += " -l " + name;
            lines += fmt::format("{} -d {}\n", takes_value(*option) ? " -r" : "", in_quotes(option->get_description()));
        }
    });
    return fmt::format(R"(# fish completion of windlass; load it with: windlass completion fish | source
set -g __windlass_paths{}
function __windlass_at
    set -l place {}
    for word in (commandline -opc)[2..]
        test "$word" = --; and return 1
        contains -- "$place $word" $__windlass_paths; and set place "$place $word"
    end
    test "$place" = "$argv[1]"
end
{})",
                       paths, app.get_name(), lines);
}

}  // namespace windlass::cli
