// What proxies say about the client (api/front/forwarded.h), and addresses and blocks (api/front/ip_block.h). The input
// is what a client wrote into the header before the first proxy appended to it; each line is tried as a block too.
//
// Promises: whatever a client writes, the address that our own proxy appended is the one that counts; a stranger who
// speaks to us directly is not believed at all; an address that is found has one form; a block contains its beginning.
#include "api/front/forwarded.h"

#include <algorithm>

#include "tests/fuzz/target.h"

namespace windlass::fuzz {
namespace {

using api::ClientView;
using api::TrustedProxies;

const TrustedProxies& proxies(const char* kind) {
    const auto make = [](const char* word) {
        auto parsed = TrustedProxies::parse({"10.0.0.0/8", "2001:db8:aa::/48", "unix"}, word);
        require(parsed.ok(), "the proxies of the test are proxies");
        return std::move(parsed).value();
    };
    static const TrustedProxies rfc7239 = make("forwarded"), de_facto = make("x-forwarded");
    return std::string_view(kind) == "forwarded" ? rfc7239 : de_facto;
}

void try_header(const char* kind, const std::string& name, const std::string& said, const std::string& appended) {
    const ClientView proxy{"10.0.0.1", false, "socket.host"}, stranger{"203.0.113.5", false, "socket.host"};
    const auto unheard = api::client_behind(proxies(kind), stranger, {{name, said}});
    require(unheard.address == stranger.address && !unheard.secure && unheard.host == stranger.host,
            "a stranger is not believed");

    const auto heard = api::client_behind(proxies(kind), proxy, {{name, said}});
    const auto address = api::IpAddress::parse(heard.address);
    require(address && address->text() == heard.address, "an address has one form", heard.address);

    for (const auto& headers : {std::vector<std::pair<std::string, std::string>>{{name, said + ", " + appended}},
                                std::vector<std::pair<std::string, std::string>>{{name, said}, {name, appended}}}) {
        const auto seen = api::client_behind(proxies(kind), proxy, headers);
        require(seen.address == "203.0.113.9", "what our proxy appended counts", seen.address);
        if (std::string_view(kind) == "forwarded")
            require(seen.secure && seen.host == "site.org", "all that our proxy appended counts", seen.host);
    }
}

void try_block(std::string_view text) {
    if (const auto address = api::IpAddress::parse(text)) {
        const auto again = api::IpAddress::parse(address->text());
        require(again && *again == *address, "an address is read as it is written", text);
    }
    if (const auto block = api::IpBlock::parse(text)) {
        require(block->contains(block->first), "a block contains its beginning", text);
        require(block->prefix >= 0 && block->prefix <= 128, "a block has as many bits as an address", text);
    }
}

}  // namespace

void fuzz_forwarded(std::string_view input) {
    std::string said(input.substr(0, 2000));
    // The framer lets no other control character through.
    std::erase_if(said, [](char c) { return c != '\t' && static_cast<unsigned char>(c) < 0x20; });
    try_header("x-forwarded", "X-Forwarded-For", said, "203.0.113.9");
    try_header("forwarded", "Forwarded", said, "for=203.0.113.9;proto=https;host=\"site.org\"");
    for (std::size_t lines = 0; !input.empty() && lines < 8; ++lines) {
        const auto end = std::min(input.find('\n'), input.size());
        try_block(input.substr(0, end));
        input.remove_prefix(std::min(end + 1, input.size()));
    }
}

}  // namespace windlass::fuzz
