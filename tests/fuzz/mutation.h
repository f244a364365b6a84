// Mutations of an input that are the same on every machine: what corpus_test.cpp runs where there is no libFuzzer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/target.h"

namespace windlass::fuzz {

// The words of a dictionary in libFuzzer's format: one "text" per line, \xNN for other bytes, # begins a comment.
std::vector<std::string> read_dictionary(std::string_view text);

// `input` with one to four changes: bits, bytes, pieces removed, doubled or moved, words of the dictionary put in, a
// piece of `other` put in.
std::string mutated(std::string_view input, std::string_view other, const std::vector<std::string>& dictionary,
                    Numbers& numbers);

}  // namespace windlass::fuzz
