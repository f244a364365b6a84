#include "shared/audit.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <iterator>

#include "shared/digest.h"

namespace windlass {

std::string audit_hash(const AuditEntry& entry) {
    std::string text;
    text.reserve(512);
    const auto add = [&](std::string_view part) {
        fmt::format_to(std::back_inserter(text), FMT_COMPILE("{}:"), part.size());
        text += part;
    };
    add(entry.previous_hash);
    add(std::to_string(entry.number));
    add(std::to_string(to_unix_us(entry.at)));
    add(entry.account ? entry.account->text() : std::string());
    add(entry.actor);
    add(entry.credential);
    add(entry.address);
    add(entry.action);
    add(entry.object);
    add(std::to_string(entry.status));
    add(entry.request_id);
    add(entry.detail);
    return sha256_hex(text);
}

std::optional<std::string> AuditChain::check(const AuditEntry& entry) {
    if (checked_ > 0 && entry.number != number_ + 1)
        return fmt::format("after entry {} comes entry {}: some are missing, or were put in another order", number_,
                           entry.number);
    if (checked_ > 0 && entry.previous_hash != hash_)
        return fmt::format("entry {} names another predecessor than entry {}", entry.number, number_);
    if (entry.number == 1 && !entry.previous_hash.empty()) return "entry 1 names a predecessor: the first was replaced";
    if (audit_hash(entry) != entry.hash) return fmt::format("entry {} was changed after it was written", entry.number);
    ++checked_;
    number_ = entry.number;
    hash_ = entry.hash;
    return std::nullopt;
}

}  // namespace windlass
