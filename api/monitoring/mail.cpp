#include "api/monitoring/mail.h"

#include <curl/curl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sodium.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <mutex>
#include <sstream>

#include "shared/digest.h"
#include "shared/private_file.h"

namespace windlass::api {
namespace {

constexpr long patience_ms = 10'000;
constexpr long connect_patience_ms = 5'000;
constexpr std::size_t base64_line = 57;  // bytes; 76 characters

// Deliberately narrow: it is set once, by whoever runs the site.
bool is_address(std::string_view text) {
    const auto at = text.find('@');
    if (at == 0 || at == std::string_view::npos || at + 1 == text.size() || text.size() > 254) return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) > ' ' && c != 0x7f &&
               std::string_view("<>,;:\"()[]\\").find(c) == std::string_view::npos;
    });
}

bool is_on_this_host(std::string_view url) {
    auto host = url.substr(url.find("//") + 2);
    host = host.substr(0, host.find('/'));
    for (const std::string_view local : {"127.0.0.1", "localhost", "[::1]"})
        if (host == local || host.starts_with(std::string(local) + ":")) return true;
    return false;
}

Result<std::string> read_password(const std::string& path) {
    WINDLASS_TRY(auto password, read_private_line("api.smtp_password_file", path));
    if (password.empty())
        return make_error(ErrorKind::invalid, fmt::format("api.smtp_password_file {}: holds no password", path));
    return password;
}

std::string base64(std::string_view bytes) {
    constexpr int variant = sodium_base64_VARIANT_ORIGINAL;
    std::string text(sodium_base64_encoded_len(bytes.size(), variant), '\0');
    sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                      variant);
    text.pop_back();  // the NUL
    return text;
}

struct Upload {
    std::string_view rest;
};
std::size_t give(char* to, std::size_t size, std::size_t count, void* from) {
    auto& rest = static_cast<Upload*>(from)->rest;
    const auto taken = std::min(rest.size(), size * count);
    std::copy_n(rest.data(), taken, to);
    rest.remove_prefix(taken);
    return taken;
}

struct CurlDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

}  // namespace

Result<MailSettings> mail_settings(const Config::Api& api) {
    MailSettings settings{api.smtp_url, api.smtp_from, api.smtp_to, api.smtp_user, {}};
    if (!settings.configured()) return settings;
    if (!settings.url.starts_with("smtp://") && !settings.url.starts_with("smtps://"))
        return make_error(ErrorKind::invalid, "api.smtp_url must begin with smtp:// or smtps://");
    if (settings.url.find('@') != std::string::npos)
        return make_error(ErrorKind::invalid, "api.smtp_url holds no login: use smtp_user and smtp_password_file");
    if (!is_address(settings.from)) return make_error(ErrorKind::invalid, "api.smtp_from must be an address");
    if (settings.to.empty() || !std::all_of(settings.to.begin(), settings.to.end(), is_address))
        return make_error(ErrorKind::invalid, "api.smtp_to must be a list of addresses");
    if (settings.user.empty()) return settings;
    WINDLASS_TRY(settings.password, read_password(api.smtp_password_file));
    return settings;
}

std::string mime_of(const MailSettings& settings, const Mail& mail, WallTime now, std::string_view message_id) {
    const std::time_t seconds = to_unix_us(now) / 1'000'000;
    std::string message = fmt::format(
        "Date: {:%a, %d %b %Y %H:%M:%S} +0000\r\nFrom: {}\r\nTo: {}\r\nSubject: {}\r\nMessage-ID: <{}@windlass>\r\n"
        "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n",
        fmt::gmtime(seconds), settings.from, fmt::join(settings.to, ", "), mail.subject, message_id);
    for (std::string_view rest = mail.text; !rest.empty(); rest.remove_prefix(std::min(base64_line, rest.size())))
        message += base64(rest.substr(0, base64_line)) + "\r\n";
    return message;
}

Status send_by_smtp(const MailSettings& settings, const Mail& mail, WallTime now) {
    static std::once_flag started;
    std::call_once(started, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    const std::unique_ptr<CURL, CurlDeleter> easy(curl_easy_init());
    if (!easy) return make_error(ErrorKind::unavailable, "libcurl gives no handle");
    const std::string message = mime_of(settings, mail, now, random_token().substr(0, 24));
    Upload upload{message};
    curl_slist* list = nullptr;
    for (const auto& to : settings.to) list = curl_slist_append(list, ("<" + to + ">").c_str());
    const std::unique_ptr<curl_slist, CurlDeleter> recipients(list);
    const std::string from = "<" + settings.from + ">";
    CURL* const curl = easy.get();
    curl_easy_setopt(curl, CURLOPT_URL, settings.url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, patience_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_patience_ms);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from.c_str());
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.get());
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    // A password never goes over a network in the clear.
    const bool must_encrypt = !settings.user.empty() && !is_on_this_host(settings.url);
    curl_easy_setopt(curl, CURLOPT_USE_SSL, static_cast<long>(must_encrypt ? CURLUSESSL_ALL : CURLUSESSL_TRY));
    if (!settings.user.empty()) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, settings.user.c_str());
        curl_easy_setopt(curl, CURLOPT_PASSWORD, settings.password.c_str());
    }
    if (const CURLcode failed = curl_easy_perform(curl); failed != CURLE_OK)
        return make_error(ErrorKind::unavailable, fmt::format("{}: {}", settings.url, curl_easy_strerror(failed)));
    return {};
}

}  // namespace windlass::api
