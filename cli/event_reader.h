// Reads Server-Sent Events (WHATWG HTML, section 9.2.6) from pieces of any size. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace windlass::cli {

struct ServerEvent {
    std::string type;  // "message" when the event names none
    std::string id;    // the last one that was given
    std::string data;
};

class EventReader {
  public:
    explicit EventReader(std::function<void(const ServerEvent&)> on_event) : on_event_(std::move(on_event)) {}
    void add(std::string_view bytes);

  private:
    void take_line(std::string_view line);

    std::function<void(const ServerEvent&)> on_event_;
    std::string partial_line_;
    ServerEvent event_;
    bool has_data_ = false;
};

}  // namespace windlass::cli
