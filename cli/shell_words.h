// From the words behind `--` to the text that /bin/sh runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace windlass::cli {

// One word is shell text as it stands ('sort data | uniq -c'). Several are a program and its arguments: each is quoted
// where needed, so that the program gets exactly these words.
std::string shell_text(const std::vector<std::string>& words);

// Between apostrophes, whatever is in it.
std::string in_quotes(std::string_view text);
// One word, quoted where needed.
std::string shell_word(const std::string& word);

}  // namespace windlass::cli
