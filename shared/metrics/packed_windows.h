// Rows of metric_window, many at a time. Internal to the store.
#pragma once

#include <map>
#include <set>
#include <string>

#include "shared/database/session.h"

namespace windlass::metrics {

struct WindowKey {
    std::int64_t series = 0;
    std::int64_t resolution_s = 0;  // 0: points as measured
    std::int64_t start_ms = 0;

    auto operator<=>(const WindowKey&) const = default;
};

using PackedWindows = std::map<WindowKey, std::string>;

// Fills in the bytes of those that exist; the others stay as they are.
Status read_windows(Session& session, PackedWindows& windows);
// Makes or replaces them.
Status write_windows(Session& session, const PackedWindows& windows);
Status delete_windows(Session& session, const std::set<WindowKey>& windows);

template <class T>
Status as_status(Result<T> result) {
    if (!result) return std::move(result).error();
    return {};
}

// Numbers as PostgreSQL writes an array: {1,2,3}. For `unnest(cast(:ids as bigint[]))`.
class ArrayText {
  public:
    void add(std::int64_t number) { add(std::string_view(std::to_string(number))); }
    void add(std::string_view plain) {  // without quotes, commas, braces and backslashes
        text_.append(text_.size() > 1 ? "," : "").append(plain);
    }
    std::string take() {
        text_ += '}';
        return std::move(text_);
    }

  private:
    std::string text_ = "{";
};

}  // namespace windlass::metrics
