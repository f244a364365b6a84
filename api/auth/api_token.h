// The form of an API token of ours: "wl_", 43 characters of letters and digits (256 random bits), and six more that are
// the CRC-32 of all before them, in base 62: a scanner that looks for leaked secrets can tell a real one from a
// look-alike without asking anybody, and we refuse a mistyped one without looking it up.
#pragma once

#include <string>
#include <string_view>

namespace windlass::api {

std::string make_api_token();
// False for what begins like one of ours and is none. True for all else: tokens of other forms are known by their hash.
bool may_be_api_token(std::string_view token);
// What people see of it afterwards.
std::string shown_prefix(std::string_view token);

}  // namespace windlass::api
