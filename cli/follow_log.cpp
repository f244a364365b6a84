#include "cli/follow_log.h"

#include <fmt/format.h>
#include <sodium.h>

#include <chrono>
#include <thread>

#include "cli/event_reader.h"
#include "cli/job_ending.h"

namespace windlass::cli {
namespace {

constexpr Seconds patience_with_a_restart{60};
constexpr Milliseconds pause_between_tries{500};
constexpr Seconds longest_silence{60};  // the server gives a sign of life four times as often

Result<std::string> bytes_of_base64(std::string_view text) {
    std::string bytes(text.size() / 4 * 3 + 3, '\0');
    std::size_t size = 0;
    if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(), text.size(),
                          nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL) != 0)
        return make_error(ErrorKind::internal, "the server sent output that is no base64");
    bytes.resize(size);
    return bytes;
}

}  // namespace

Status follow_log(Server& server, const std::string& id, const std::string& stream, const OnOutput& on_output) {
    using Clock = std::chrono::steady_clock;
    WINDLASS_TRY(std::string path, job_path(id, "log/?encoding=base64"));
    if (!stream.empty()) path += "&stream=" + stream;
    std::string last_id;
    bool ended = false;
    auto last_sign = Clock::now();
    while (true) {
        Status good;
        EventReader reader([&](const ServerEvent& event) {
            last_id = event.id;
            if (event.type == "end") ended = true;
            if (event.type != "output" || !good) return;
            const auto document = parse_json(event.data);
            const auto bytes = document
                                   ? bytes_of_base64(member_text(*document, "base64"))
                                   : Result<std::string>(make_error(ErrorKind::internal, "no JSON from the server"));
            if (!bytes) {
                good = bytes.error();
                return;
            }
            on_output(member_text(*document, "stream") == "stderr", *bytes);
        });
        const auto answered = server.follow(path, last_id, longest_silence, [&](std::string_view bytes) {
            last_sign = Clock::now();
            reader.add(bytes);
            return good.ok();
        });
        if (!good) return good;
        if (ended || (answered && *answered == 204)) return {};
        if (!answered && answered.error().kind != ErrorKind::unavailable) return answered.error();
        if (Clock::now() - last_sign > patience_with_a_restart)
            return answered ? make_error(ErrorKind::unavailable, "the server ended the log before the job had ended")
                            : answered.error();
        std::this_thread::sleep_for(pause_between_tries);
    }
}

}  // namespace windlass::cli
