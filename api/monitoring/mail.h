// Mail out, through the site's SMTP server (libcurl). Blocking, at most some seconds: not on the front's threads.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/config.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

struct MailSettings {
    std::string url;              // "smtp://mail.example.org:587" or "smtps://…"; empty: no mail
    std::string from;             // one address
    std::vector<std::string> to;  // at least one
    std::string user;             // empty: without a login. With one: only over TLS, loopback excepted
    std::string password;         // never logged

    bool configured() const { return !url.empty(); }
};
// invalid: half a configuration, an address that is none, a password file that cannot be read or that others may read.
Result<MailSettings> mail_settings(const Config::Api& api);

struct Mail {
    std::string subject;  // ours: ASCII, one line
    std::string text;     // any valid UTF-8
};
// The message as it goes over the wire (RFC 5322, RFC 2045): all of `text` stands in the body, in base64, so that
// nothing in it can become a header, an end of the message or a line that is too long. Pure.
std::string mime_of(const MailSettings& settings, const Mail& mail, WallTime now, std::string_view message_id);

// unavailable: the server is away, or does not take it.
using SendMail = std::function<Status(const MailSettings& settings, const Mail& mail, WallTime now)>;
Status send_by_smtp(const MailSettings& settings, const Mail& mail, WallTime now);

}  // namespace windlass::api
