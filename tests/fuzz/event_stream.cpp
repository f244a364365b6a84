// Bytes from a server, as Server-Sent Events (cli/event_reader.h).
//
// Promises: the cuts into reads change nothing; no event has a line end in its type or id.
#include "cli/event_reader.h"

#include <tuple>
#include <vector>

#include "tests/fuzz/target.h"

namespace windlass::fuzz {
namespace {

using Event = std::tuple<std::string, std::string, std::string>;

struct Collected {
    std::vector<Event> events;
    cli::EventReader reader{[this](const cli::ServerEvent& event) {
        require(!event.type.empty(), "an event has a type");
        require(event.type.find('\n') == std::string::npos && event.id.find('\n') == std::string::npos,
                "type and id are one line");
        events.emplace_back(event.type, event.id, event.data);
    }};
};

}  // namespace

void fuzz_event_stream(std::string_view input) {
    Collected whole, cut;
    whole.reader.add(input);
    in_cuts(input, [&](std::string_view piece) {
        cut.reader.add(piece);
        return true;
    });
    require(whole.events == cut.events, "the cuts do not change the events");
}

}  // namespace windlass::fuzz
