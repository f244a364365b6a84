#include "cli/shell_words.h"

#include <string_view>

namespace windlass::cli {
namespace {

std::string quoted(const std::string& word) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
    if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
    std::string out = "'";
    for (const char c : word) {
        if (c == '\'')
            out += "'\\''";
        else
            out += c;
    }
    return out + "'";
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
