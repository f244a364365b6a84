#include "api/front_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/front/listening_socket.h"
#include "shared/wire/connection.h"

namespace windlass::api {
namespace {

Result<mode_t> parse_mode(const std::string& text) {
    mode_t mode = 0;
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, mode, 8);
    if (parsed.ec != std::errc{} || parsed.ptr != end || mode > 0777)
        return make_error(ErrorKind::invalid, "api.unix_socket_mode must be octal, like 0660");
    return mode;
}

// None of them can be left out: a client that costs nothing to hold could hold everything.
Result<Milliseconds> parse_deadline(const char* name, std::int64_t seconds) {
    constexpr std::int64_t longest_s = 24 * 3600;
    if (seconds < 1 || seconds > longest_s)
        return make_error(ErrorKind::invalid, fmt::format("{} must be from 1 to {}", name, longest_s));
    return Milliseconds{Seconds{seconds}};
}

}  // namespace

Result<FrontSettings> front_settings(const Config::Api& api) {
    FrontSettings settings;
    settings.listen = api.listen;
    WINDLASS_TRY(settings.proxies, TrustedProxies::parse(api.trusted_proxies, api.trusted_proxy_headers));
    settings.hsts_s = api.hsts_s;
    settings.tls = {api.tls_certificate_file, api.tls_key_file};
    settings.threads = static_cast<int>(api.threads);
    settings.limits.body_bytes = api.body_bytes;
    // The form around the file is small; what is too much of the file itself is said by the handler.
    settings.limits.spool = std::make_shared<const Spool>(
        SpoolSettings{api.spool_directory, api.image_bytes + mebibyte, api.spool_bytes, {"/api/user/images"}});
    if (const auto tried = settings.limits.spool->open(); !tried)
        return make_error(ErrorKind::invalid, tried.error().message + "; set api.spool_directory");
    settings.limits.connections = static_cast<std::int32_t>(api.connections);
    settings.limits.websocket_message_bytes = api.websocket_message_bytes;
    settings.limits.websocket_unsent_bytes = api.websocket_unsent_bytes;
    settings.limits.websocket_ping = Seconds{std::max<std::int64_t>(api.websocket_ping_s, 1)};
    settings.limits.websocket_pong_deadline = settings.limits.websocket_ping;
    settings.allowed_origins = api.allowed_origins;
    settings.limits.connections_per_address = static_cast<std::int32_t>(api.connections_per_address);
    settings.limits.requests_per_connection = api.requests_per_connection;
    settings.limits.body_bytes_per_s = api.body_bytes_per_s;
    WINDLASS_TRY(settings.limits.head_deadline, parse_deadline("api.head_deadline_s", api.head_deadline_s));
    WINDLASS_TRY(settings.limits.body_deadline, parse_deadline("api.body_deadline_s", api.body_deadline_s));
    WINDLASS_TRY(settings.limits.idle_deadline, parse_deadline("api.idle_deadline_s", api.idle_deadline_s));
    WINDLASS_TRY(settings.limits.write_deadline, parse_deadline("api.write_deadline_s", api.write_deadline_s));
    WINDLASS_TRY(settings.unix_mode, parse_mode(api.unix_socket_mode));
    WINDLASS_TRY(settings.inherited, inherited_descriptors());
    return settings;
}

Result<bool> registration_open(const Config::Api& api, const FrontSettings& front) {
    if (api.registration == "open") return true;
    if (api.registration == "admin") return false;
    if (api.registration != "loopback")
        return make_error(ErrorKind::invalid, "api.registration must be open, admin or loopback");
    if (!front.proxies.empty()) return false;  // what a proxy passes on comes from anywhere
    if (!front.inherited.empty())
        return std::all_of(front.inherited.begin(), front.inherited.end(), listens_on_this_machine_only);
    WINDLASS_TRY(const auto endpoint, wire::parse_endpoint(api.listen));
    return endpoint.is_loopback();
}

}  // namespace windlass::api
