// What a password may be. Length first, no rules of composition (NIST SP 800-63B section 5.1.1.2), and none of those
// that everybody tries first: common_passwords.txt, compiled in. Bytes are taken as they come: two ways to write the
// same accented letter (NFC and NFD) are two passwords.
#pragma once

#include <initializer_list>
#include <string_view>

namespace windlass::api {

// As promised by the accounts family; in characters.
inline constexpr std::size_t shortest_password = 8;
inline constexpr std::size_t longest_password = 255;

// What is wrong with it, as a sentence's end ("must have …"), or nothing. `about`: what strangers know of its owner
// (username, address), which must not be the password.
std::string_view fault_of_password(std::string_view password, std::initializer_list<std::string_view> about = {});

// Alone, or with digits and signs behind it, in any case.
bool is_common_password(std::string_view password);

}  // namespace windlass::api
