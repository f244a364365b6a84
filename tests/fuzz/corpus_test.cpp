// Every target over its committed corpus, and over mutations of it. Runs everywhere, in seconds; the real search is
// scripts/fuzz.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>

#include "tests/fuzz/mutation.h"

namespace windlass::fuzz {

// For GoogleTest's messages.
void PrintTo(const Target& target, std::ostream* out) {
    *out << target.name;
}

namespace {

constexpr std::size_t mutations_per_target = 3000;

std::string content_of(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::filesystem::path> corpus_of(std::string_view target) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::path(WINDLASS_FUZZ) / "corpus" / target))
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());  // the same order on every file system
    return files;
}

// As libFuzzer's dictionaries and C have it, so that a finding can be pasted into a test.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        constexpr std::string_view digits = "0123456789abcdef";
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\')
            out += c;
        else
            out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    }
    return out + '"';
}

class FuzzTarget : public testing::TestWithParam<Target> {
  protected:
    static void run(std::string_view input, const std::string& what) {
        // Of exactly this size, so that a sanitizer sees a read beyond the end.
        const std::vector<char> bytes(input.begin(), input.end());
        try {
            GetParam().run({bytes.data(), bytes.size()});
        } catch (const std::exception& finding) {
            ADD_FAILURE() << what << ": " << finding.what() << "\ninput: " << quoted(input);
        }
    }
};

TEST_P(FuzzTarget, holds_for_its_corpus) {
    const auto files = corpus_of(GetParam().name);
    ASSERT_FALSE(files.empty());
    run("", "nothing at all");
    for (const auto& file : files) run(content_of(file), file.filename());
}

TEST_P(FuzzTarget, holds_for_mutations_of_its_corpus) {
    std::vector<std::string> inputs;
    for (const auto& file : corpus_of(GetParam().name)) inputs.push_back(content_of(file));
    ASSERT_FALSE(inputs.empty());
    const auto dictionary = read_dictionary(
        content_of(std::filesystem::path(WINDLASS_FUZZ) / "dictionaries" / (std::string(GetParam().name) + ".txt")));
    ASSERT_FALSE(dictionary.empty());
    auto numbers = Numbers::of(GetParam().name);
    for (std::size_t i = 0; i < mutations_per_target && !HasFailure(); ++i) {
        const auto& input = inputs[i % inputs.size()];
        const auto& other = inputs[numbers.below(inputs.size())];
        run(mutated(input, other, dictionary, numbers), "mutation " + std::to_string(i));
    }
}

INSTANTIATE_TEST_SUITE_P(Fuzz, FuzzTarget, testing::ValuesIn(targets().begin(), targets().end()),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(FuzzMutation, a_dictionary_is_read_as_libfuzzer_reads_it) {
    EXPECT_EQ(read_dictionary("# words\n\"GET\"\nname=\"a\\\"\\x0d\\x0a\\\\\"\n\nnone\n"),
              (std::vector<std::string>{"GET", "a\"\r\n\\"}));
}

TEST(FuzzMutation, mutations_are_the_same_each_time_and_change_something) {
    const std::vector<std::string> dictionary = {"word"};
    Numbers one(7), two(7);
    std::size_t changed = 0;
    for (int i = 0; i < 100; ++i) {
        const auto text = mutated("some input", "another", dictionary, one);
        EXPECT_EQ(text, mutated("some input", "another", dictionary, two));
        changed += text != "some input" ? 1 : 0;
    }
    EXPECT_GT(changed, 80u);
}

}  // namespace
}  // namespace windlass::fuzz
