// Links that open one thing for whoever has them (api/links/signed_link.h). The input is the target of a request, as a
// stranger may write it.
//
// Promises: no target passes that we did not sign, wherever it has the words of one that we did, also with a real
// signature of another target behind it; and what we sign of any target passes until it expires, and for its account
// alone.
#include "api/links/signed_link.h"

#include "api/auth/signing_keys.h"
#include "shared/digest.h"
#include "tests/fuzz/target.h"

namespace windlass::fuzz {
namespace {

const api::SigningKeys& site_keys() {
    // Two keys, as while a site changes them: each of them is asked.
    static const auto parsed = api::SigningKeys::parse(std::string(64, 'a') + "\n" + std::string(64, 'b') + "\n");
    return parsed.value();
}

constexpr WallTime now{Seconds{1'800'000'000}};
constexpr UserId owner{3};

}  // namespace

void fuzz_signed_links(std::string_view input) {
    [[maybe_unused]] static const bool ready = (initialise_crypto(), true);
    static const auto ours = api::signed_target(site_keys(), "/api/results/7/", owner, now + Seconds{300});
    require(!api::check_signed(site_keys(), input, now), "no target passes that we did not sign", input);
    require(api::looks_signed(input) == (input.find("&signature=") != std::string_view::npos),
            "a target says by one word that it is signed", input);

    // A signature of ours is good for its own target and no other.
    const auto signature = ours.substr(ours.rfind("&signature="));
    if (const auto moved = std::string(input) + signature; moved != ours)
        require(!api::check_signed(site_keys(), moved, now), "a signature cannot be moved", input);
    if (!input.empty()) {
        require(!api::check_signed(site_keys(), std::string(input) + ours, now), "nothing can be put before", input);
        require(!api::check_signed(site_keys(), ours + std::string(input), now), "nothing can be put behind", input);
    }

    const auto mine = api::signed_target(site_keys(), input, owner, now + Seconds{300});
    require(api::looks_signed(mine), "what we sign says so", input);
    require(api::check_signed(site_keys(), mine, now) == owner, "what we sign opens, for its account alone", input);
    require(!api::check_signed(site_keys(), mine, now + Seconds{300}), "what has expired is closed", input);
}

}  // namespace windlass::fuzz
