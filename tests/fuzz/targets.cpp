#include <array>

#include "tests/fuzz/target.h"

namespace windlass::fuzz {

std::span<const Target> targets() {
    static constexpr std::array<Target, 17> all = {{
        {"configuration", fuzz_configuration},
        {"credentials", fuzz_credentials},
        {"event_stream", fuzz_event_stream},
        {"forwarded", fuzz_forwarded},
        {"http_framing", fuzz_http_framing},
        {"id_tokens", fuzz_id_tokens},
        {"job_body", fuzz_job_body},
        {"json", fuzz_json},
        {"line_protocol", fuzz_line_protocol},
        {"output_patterns", fuzz_output_patterns},
        {"plans_and_units", fuzz_plans_and_units},
        {"request_bodies", fuzz_request_bodies},
        {"signed_links", fuzz_signed_links},
        {"uploads", fuzz_uploads},
        {"websocket_frames", fuzz_websocket_frames},
        {"wire_frames", fuzz_wire_frames},
        {"wire_message", fuzz_wire_message},
    }};
    return all;
}

}  // namespace windlass::fuzz
