// RFC 4648 section 5 without padding, as JWTs have it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace windlass::api {

std::string to_base64url(std::string_view bytes);
// nullopt: another character, padding, or bits left over. So every value has exactly one text.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace windlass::api
