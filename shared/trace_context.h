// The header traceparent of W3C Trace Context (https://www.w3.org/TR/trace-context/, section 3.2): to which trace a
// request belongs. We pass it on as it came, and make no spans of our own.
#pragma once

#include <string_view>

namespace windlass {

// What a job sees it as.
inline constexpr const char* traceparent_variable = "TRACEPARENT";

// "00-" 32 digits of a trace, not all 0 "-" 16 digits of its parent, not all 0 "-" 2 digits of flags; digits are
// hexadecimal and lower case. A later version may say more behind another "-"; version ff is none. At most 512 bytes.
bool is_traceparent(std::string_view text);

}  // namespace windlass
