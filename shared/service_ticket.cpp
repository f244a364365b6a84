#include "shared/service_ticket.h"

#include <charconv>

#include "shared/digest.h"

namespace windlass {
namespace {

constexpr std::string_view greeting = "windlass-service 1 ";

std::string ticket(std::string_view secret, AttemptRef attempt) {
    return hmac_sha256_hex(secret, std::string(greeting) + attempt.text());
}

}  // namespace

std::string service_greeting(std::string_view secret, AttemptRef attempt) {
    return std::string(greeting) + attempt.text() + " " + ticket(secret, attempt) + "\n";
}

std::optional<AttemptRef> greeted(std::string_view line, std::string_view secret) {
    if (!line.starts_with(greeting)) return std::nullopt;
    line.remove_prefix(greeting.size());
    const auto space = line.find(' ');
    const auto dot = line.find('.');
    if (space == std::string_view::npos || dot == std::string_view::npos || dot > space) return std::nullopt;
    AttemptRef attempt;
    const auto number = [&](std::string_view text, auto& value) {
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
        return failed == std::errc() && end == text.data() + text.size() && !text.empty();
    };
    if (!number(line.substr(0, dot), attempt.job.value) ||
        !number(line.substr(dot + 1, space - dot - 1), attempt.attempt))
        return std::nullopt;
    if (!equal_secret(line.substr(space + 1), ticket(secret, attempt))) return std::nullopt;
    return attempt;
}

}  // namespace windlass
