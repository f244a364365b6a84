#include "cli/script.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace windlass::cli {

Result<std::vector<std::string>> split_words(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    bool inside = false;  // of a word, which may be empty: ''
    char quote = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (quote != 0) {
            if (c == quote) {
                quote = 0;
            } else if (c == '\\' && quote == '"' && at + 1 < text.size() &&
                       (text[at + 1] == '"' || text[at + 1] == '\\')) {
                word += text[++at];
            } else {
                word += c;
            }
        } else if (c == '\'' || c == '"') {
            quote = c;
            inside = true;
        } else if (c == ' ' || c == '\t' || c == '\r') {
            if (std::exchange(inside, false)) words.push_back(std::exchange(word, {}));
        } else {
            if (c == '\\' && at + 1 < text.size()) ++at;
            word += text[at];
            inside = true;
        }
    }
    if (quote != 0) return make_error(ErrorKind::invalid, fmt::format("a quote ({}) is not closed", quote));
    if (inside) words.push_back(std::move(word));
    return words;
}

Result<Script> read_script(std::string_view text) {
    constexpr std::string_view mark = "#WINDLASS";
    Script script{"/bin/sh", {}};
    int number = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        std::string_view line = text.substr(at, end - at);
        at = end + 1;
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (++number == 1 && line.starts_with("#!")) {
            line.remove_prefix(std::min(line.find_first_not_of(" \t", 2), line.size()));
            if (!line.empty()) script.interpreter = line;
            continue;
        }
        if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
        if (!line.starts_with('#')) break;
        if (!line.starts_with(mark) ||
            (line.size() > mark.size() && line[mark.size()] != ' ' && line[mark.size()] != '\t'))
            continue;
        auto words = split_words(line.substr(mark.size()));
        if (!words)
            return make_error(ErrorKind::invalid,
                              fmt::format("line {} of the script: {}", number, words.error().message));
        std::ranges::move(*words, std::back_inserter(script.directives));
    }
    return script;
}

}  // namespace windlass::cli
