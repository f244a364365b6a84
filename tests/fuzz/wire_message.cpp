// A header of the wire (shared/protocol.h), and the two texts that the same codec writes into the database.
//
// Promises: whatever can be read is written and read again as the same message; a refusal is a sentence in valid UTF-8,
// as it goes into a log.
#include "shared/json.h"
#include "shared/protocol.h"
#include "tests/fuzz/target.h"

namespace windlass::fuzz {

void fuzz_wire_message(std::string_view input) {
    const auto message = protocol::decode(input);
    if (message) {
        // The messages have no ==; what is written has every field.
        const auto text = protocol::encode(*message);
        const auto again = protocol::decode(text);
        require(again.ok(), "what was written can be read", again ? "" : again.error().message);
        require(again->index() == message->index() && protocol::encode(*again) == text, "the same message", text);
    } else {
        require(is_valid_utf8(message.error().message), "a refusal is a sentence");
    }

    if (const auto item = protocol::decode_item(input)) {
        const auto text = protocol::encode_item(*item);
        const auto again = protocol::decode_item(text);
        require(again.ok() && protocol::encode_item(*again) == text, "the same item", text);
    }

    JobSpec spec;
    if (protocol::decode_details(input, spec)) {
        const auto text = protocol::encode_details(spec);
        JobSpec again;
        require(protocol::decode_details(text, again).ok() && protocol::encode_details(again) == text,
                "the same details", text);
    }
}

}  // namespace windlass::fuzz
