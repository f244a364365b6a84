#include "worker/sandbox/egress.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <optional>

namespace windlass::worker {
namespace {

struct Block {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
};

std::optional<Block> parse_block(std::string_view text) {
    const std::size_t slash = text.find('/');
    in_addr address{};
    if (inet_pton(AF_INET, std::string(text.substr(0, slash)).c_str(), &address) != 1) return std::nullopt;
    unsigned bits = 32;
    if (slash != std::string_view::npos) {
        const char* const end = text.data() + text.size();
        const auto [stopped, error] = std::from_chars(text.data() + slash + 1, end, bits);
        if (error != std::errc() || stopped != end || bits > 32) return std::nullopt;
    }
    const std::uint32_t host_part = bits == 0 ? ~0U : bits == 32 ? 0U : ~0U >> bits;
    const std::uint32_t number = ntohl(address.s_addr);
    if ((number & host_part) != 0) return std::nullopt;  // 10.1.2.3/8: whoever writes that means something else
    return Block{number, number | host_part};
}

bool overlap(const Block& a, const Block& b) {
    return a.first <= b.last && b.first <= a.last;
}

std::string set(std::string_view name, const std::vector<std::string>& blocks) {
    return fmt::format(
        "  set {} {{\n    type ipv4_addr\n    flags interval\n    auto-merge\n    elements = {{ {} }}\n  }}\n", name,
        fmt::join(blocks, ", "));
}

}  // namespace

// IANA IPv4 Special-Purpose Address Registry (RFC 6890 and successors) without what is globally reachable, multicast
// (RFC 5771), and the addresses at which clouds serve metadata. TEST-NET-2 and -3 are left open: nobody is there.
const std::vector<RefusedRange>& refused_ranges() {
    static const std::vector<RefusedRange> ranges = {
        {"0.0.0.0/8", "this network; 0.0.0.0 means the host itself (RFC 791)", false},
        {"10.0.0.0/8", "private (RFC 1918)", true},
        {"100.64.0.0/10", "shared by carriers; metadata of Alibaba 100.100.100.200 (RFC 6598)", true},
        {"127.0.0.0/8", "loopback (RFC 1122)", false},
        {"168.63.129.16/32", "platform services of Azure", false},
        {"169.254.0.0/16", "link-local; metadata of most clouds 169.254.169.254 (RFC 3927)", false},
        {"172.16.0.0/12", "private (RFC 1918)", true},
        {"192.0.0.0/24", "protocol assignments; metadata of Oracle 192.0.0.192 (RFC 6890)", false},
        {"192.0.2.0/24", "between the job and its slirp4netns, whose own services answer there (RFC 5737)", false},
        {"192.88.99.0/24", "relays into IPv6, which is refused (RFC 7526)", true},
        {"192.168.0.0/16", "private (RFC 1918)", true},
        {"198.18.0.0/15", "benchmarking (RFC 2544)", true},
        {"224.0.0.0/4", "multicast (RFC 5771)", false},
        {"240.0.0.0/4", "reserved, and broadcast (RFC 1112, RFC 919)", false},
    };
    return ranges;
}

Status check_egress(const EgressSettings& settings) {
    const auto no_block = [](std::string_view setting, const std::string& text) {
        return make_error(ErrorKind::invalid, fmt::format("{}: '{}' is no IPv4 block such as 198.51.100.0/24 (with no "
                                                          "bits beyond the prefix); IPv6 is refused to jobs as a whole",
                                                          setting, text));
    };
    for (const std::string& text : settings.deny) {
        if (!parse_block(text)) return no_block("worker.network_deny", text);
    }
    for (const std::string& text : settings.allow) {
        const auto block = parse_block(text);
        if (!block) return no_block("worker.network_allow", text);
        for (const RefusedRange& range : refused_ranges()) {
            if (range.exceptions || !overlap(*block, *parse_block(range.block))) continue;
            return make_error(ErrorKind::invalid,
                              fmt::format("worker.network_allow: '{}' reaches into {}, from which there are no "
                                          "exceptions: {}",
                                          text, range.block, range.what));
        }
    }
    return {};
}

std::string make_ruleset(const EgressSettings& settings, const std::vector<std::string>& host_addresses) {
    std::vector<std::string> never;
    std::vector<std::string> refused = settings.deny;
    for (const RefusedRange& range : refused_ranges()) {
        (range.exceptions ? refused : never).emplace_back(range.block);
    }
    for (const auto* addresses : {&settings.site, &host_addresses}) {
        for (const std::string& address : *addresses) {
            if (parse_block(address)) never.push_back(address);
        }
    }
    constexpr std::string_view refuse = "reject with icmpx type admin-prohibited";
    std::string text = "table inet windlass {\n" + set("never", never) + set("refused", refused);
    if (!settings.allow.empty()) text += set("allowed", settings.allow);
    text += "  chain output {\n    type filter hook output priority filter; policy drop;\n";
    const auto rule = [&](std::string_view match, std::string_view verdict) {
        text += fmt::format("    {} {}\n", match, verdict);
    };
    rule("oifname \"lo\"", "accept");  // it leads back to the job itself
    rule("meta nfproto ipv6", refuse);
    // With a source route, the address that the rules below look at is not where the packet is meant to end.
    rule("ip option lsrr exists", "drop");
    rule("ip option ssrr exists", "drop");
    // Port 53 only, whatever this slirp4netns makes of others: the resolver may be the host's own loopback.
    rule(fmt::format("ip daddr {} meta l4proto {{ tcp, udp }} th dport 53", JobSubnet::resolver), "accept");
    rule("ip daddr @never", refuse);
    if (!settings.allow.empty()) rule("ip daddr @allowed meta l4proto { tcp, udp, icmp }", "accept");
    rule("ip daddr @refused", refuse);
    rule("meta l4proto { tcp, udp, icmp }", "accept");
    return text + "  }\n}\n";
}

}  // namespace windlass::worker
