#include "api/accounts/password_rules.h"

#include <algorithm>
#include <string>
#include <unordered_set>

#include "api/names.h"
#include "shared/embedded.h"

namespace windlass::embedded {
std::span<const File> common_passwords();
}

namespace windlass::api {
namespace {

const std::unordered_set<std::string_view>& common_words() {
    static const auto words = [] {
        std::unordered_set<std::string_view> set;
        std::string_view rest = embedded::common_passwords().front().bytes;  // a word a line
        while (!rest.empty()) {
            const auto end = std::min(rest.find('\n'), rest.size());
            const auto word = rest.substr(0, end);
            rest.remove_prefix(std::min(end + 1, rest.size()));
            if (!word.empty() && !word.starts_with('#')) set.insert(word);
        }
        return set;
    }();
    return words;
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80;
}

// "aaaaaaaa"
bool is_one_character(std::string_view text) {
    return !text.empty() && text.find_first_not_of(text.front()) == std::string_view::npos;
}

// Every step the same: "abcdefgh", "87654321".
bool is_a_run(std::string_view text) {
    if (text.size() < 2) return true;
    const int step = text[1] - text[0];
    if (step != 1 && step != -1) return false;
    for (std::size_t i = 1; i < text.size(); ++i)
        if (text[i] - text[i - 1] != step) return false;
    return true;
}

}  // namespace

bool is_common_password(std::string_view password) {
    const std::string key = name_key(password);
    if (common_words().contains(key) || is_one_character(key) || is_a_run(key)) return true;
    // "password123!": what is behind the last letter adds next to nothing.
    const auto last = std::find_if(key.rbegin(), key.rend(), is_letter);
    const std::string_view base(key.data(), static_cast<std::size_t>(key.rend() - last));
    return !base.empty() && common_words().contains(base);
}

std::string_view fault_of_password(std::string_view password, std::initializer_list<std::string_view> about) {
    const auto length = count_characters(password);
    if (length < shortest_password) return "must have at least 8 characters";
    if (length > longest_password) return "must not be longer than 255 characters";
    if (is_blank(password)) return "must not be blank";
    const std::string key = name_key(password);
    for (const auto known : about)
        if (!known.empty() && key == name_key(known)) return "must not be the username or the e-mail address";
    if (is_common_password(password)) return "is too common: it is among the first that are tried";
    return {};
}

}  // namespace windlass::api
