// Messages that have the same fields share one description.
#pragma once

#include <concepts>

namespace windlass::protocol {

template <class M, class... Messages>
concept OneOf = (std::same_as<M, Messages> || ...);

}  // namespace windlass::protocol
