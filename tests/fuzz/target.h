// Fuzz targets: one function per parser of what strangers (or a damaged disk) may send. The same functions are run in
// two ways: by libFuzzer with sanitizers (scripts/fuzz), and in every test run by corpus_test.cpp, over the committed
// corpus and a few thousand mutations of it that are the same each time.
//
// A target must be deterministic, and reports what is wrong by require(). Crashes and sanitizer reports speak for
// themselves.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace windlass::fuzz {

// A promise that does not hold for this input.
struct Finding : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline void require(bool holds, const char* promise) {
    if (!holds) throw Finding(promise);
}
inline void require(bool holds, const char* promise, std::string_view about) {
    if (!holds) throw Finding(std::string(promise) + ": " + std::string(about));
}

// One line each; what is promised stands in the file of the target. A new one: add it here, in targets.cpp, in
// CMakeLists.txt, and give it a folder in corpus/.
void fuzz_configuration(std::string_view input);
void fuzz_credentials(std::string_view input);
void fuzz_event_stream(std::string_view input);
void fuzz_forwarded(std::string_view input);
void fuzz_http_framing(std::string_view input);
void fuzz_id_tokens(std::string_view input);
void fuzz_job_body(std::string_view input);
void fuzz_json(std::string_view input);
void fuzz_line_protocol(std::string_view input);
void fuzz_output_patterns(std::string_view input);
void fuzz_plans_and_units(std::string_view input);
void fuzz_request_bodies(std::string_view input);
void fuzz_signed_links(std::string_view input);
void fuzz_uploads(std::string_view input);
void fuzz_websocket_frames(std::string_view input);
void fuzz_wire_frames(std::string_view input);
void fuzz_wire_message(std::string_view input);

struct Target {
    std::string_view name;  // of the function, of its folder in corpus/ and of its file in dictionaries/
    void (*run)(std::string_view input);
};
std::span<const Target> targets();

// Numbers that look random and depend on the seed alone (SplitMix64, Steele et al. 2014).
class Numbers {
  public:
    explicit Numbers(std::uint64_t seed) : state_(seed) {}
    // Seeded by the bytes of the input (FNV-1a).
    static Numbers of(std::string_view input) {
        std::uint64_t hash = 0xcbf29ce484222325u;
        for (const char c : input) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
        return Numbers(hash);
    }
    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15u;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    std::size_t below(std::size_t bound) { return bound == 0 ? 0 : next() % bound; }

  private:
    std::uint64_t state_;
};

// Hands `input` to `take` in pieces, as reads from a socket might: mostly few bytes, sometimes many.
template <class Take>
void in_cuts(std::string_view input, Take take) {
    auto numbers = Numbers::of(input);
    while (!input.empty()) {
        const std::size_t most = numbers.below(4) == 0 ? input.size() : 8;
        const auto piece = input.substr(0, 1 + numbers.below(most));
        input.remove_prefix(piece.size());
        if (!take(piece)) return;
    }
}

}  // namespace windlass::fuzz
