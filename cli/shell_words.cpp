#include "cli/shell_words.h"

#include <string_view>

namespace windlass::cli {

std::string in_quotes(std::string_view text) {
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'')
            quoted += "'\\''";
        else
            quoted += c;
    }
    return quoted + "'";
}

namespace {

std::string quoted(const std::string& word) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
    if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
    return in_quotes(word);
}

}  // namespace

std::string shell_text(const std::vector<std::string>& words) {
    if (words.size() == 1) return words.front();
    std::string text;
    for (const std::string& word : words) {
        if (!text.empty()) text += ' ';
        text += quoted(word);
    }
    return text;
}

std::string shell_word(const std::string& word) {
    return quoted(word);
}

}  // namespace windlass::cli
