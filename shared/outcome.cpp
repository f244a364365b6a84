#include "shared/outcome.h"

#include <array>

namespace windlass {
namespace {
constexpr std::array<std::string_view, 9> names = {"exited",      "signalled",    "out_of_memory",
                                                   "out_of_time", "out_of_disk",  "output_limit",
                                                   "cancelled",   "setup_failed", "worker_lost"};
}

std::string_view name(OutcomeKind kind) {
    return names.at(static_cast<std::size_t>(kind));
}

std::optional<OutcomeKind> outcome_named(std::string_view text) {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == text) return static_cast<OutcomeKind>(i);
    return std::nullopt;
}

}  // namespace windlass
