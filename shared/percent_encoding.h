// One path segment or query value of a URL (RFC 3986): every byte that is not unreserved becomes %XX.
#pragma once

#include <string>
#include <string_view>

namespace windlass {

std::string percent_encoded(std::string_view text);

}  // namespace windlass
