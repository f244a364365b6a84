#include "shared/site_names.h"

#include "shared/json.h"

namespace windlass {

std::string_view fault_of_site_name(std::string_view name) {
    if (name.empty()) return "must not be empty";
    if (name.size() > most_site_name_bytes) return "must not be longer than 200 bytes";
    if (!is_valid_utf8(name)) return "must be UTF-8";
    if (name == "." || name == "..") return "must not be . or ..";
    if (name.find('/') != std::string_view::npos) return "must not contain a slash";
    for (std::size_t i = 0; i < name.size(); i++) {
        const auto byte = static_cast<unsigned char>(name[i]);
        // C0, DEL, and C1 as UTF-8 (C2 80 … C2 9F): they change what a terminal shows.
        if (byte < 0x20 || byte == 0x7f) return "must not contain control characters";
        if (byte == 0xc2 && i + 1 < name.size() && static_cast<unsigned char>(name[i + 1]) < 0xa0)
            return "must not contain control characters";
    }
    return {};
}

}  // namespace windlass
