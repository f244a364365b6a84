#include "tests/fuzz/mutation.h"

#include <algorithm>

namespace windlass::fuzz {
namespace {

constexpr std::size_t longest_piece = 32;

// Where libFuzzer's own mutations are found to be fruitful: the ends of ranges, and what ends or separates things.
constexpr std::string_view telling_bytes = std::string_view("\0\x01\x7f\x80\xff\r\n \t\"\\/:;,.{}[]09-+%=", 26);

std::string_view piece_of(std::string_view text, Numbers& numbers) {
    const auto begin = numbers.below(text.size() + 1);
    return text.substr(begin, numbers.below(std::min(text.size() - begin, longest_piece) + 1));
}

void change_once(std::string& text, std::string_view other, const std::vector<std::string>& dictionary,
                 Numbers& numbers) {
    const auto at = numbers.below(text.size() + 1);
    const auto put_in = [&](std::string_view piece) { text.insert(at, std::string(piece)); };
    switch (numbers.below(8)) {
        case 0:
            if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << numbers.below(8)));
            break;
        case 1:
            if (at < text.size()) text[at] = telling_bytes[numbers.below(telling_bytes.size())];
            break;
        case 2:
            put_in(telling_bytes.substr(numbers.below(telling_bytes.size()), 1));
            break;
        case 3:
            text.erase(at, 1 + numbers.below(longest_piece));
            break;
        case 4:
            put_in(piece_of(text, numbers));
            break;
        case 5:
            put_in(piece_of(other, numbers));
            break;
        case 6: {
            const std::string piece(piece_of(text, numbers));
            text.replace(at, std::min(piece.size(), text.size() - at), piece);
            break;
        }
        default:
            if (!dictionary.empty()) put_in(dictionary[numbers.below(dictionary.size())]);
    }
}

}  // namespace

std::vector<std::string> read_dictionary(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto first = line.find('"'), last = line.rfind('"');
        if (line.starts_with('#') || first == last) continue;
        std::string word;
        for (std::size_t i = first + 1; i < last; ++i) {
            if (line[i] == '\\' && i + 3 < last && line[i + 1] == 'x') {
                word += static_cast<char>(std::stoi(std::string(line.substr(i + 2, 2)), nullptr, 16));
                i += 3;
            } else {
                if (line[i] == '\\' && i + 1 < last) ++i;
                word += line[i];
            }
        }
        words.push_back(std::move(word));
    }
    return words;
}

std::string mutated(std::string_view input, std::string_view other, const std::vector<std::string>& dictionary,
                    Numbers& numbers) {
    std::string text(input);
    for (std::size_t changes = 1 + numbers.below(4); changes > 0; --changes)
        change_once(text, other, dictionary, numbers);
    return text;
}

}  // namespace windlass::fuzz
