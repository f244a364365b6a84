#include "api/oidc/provider.h"

#include <fmt/format.h>
#include <sodium.h>

#include <utility>

#include "api/auth/base64url.h"
#include "shared/digest.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/percent_encoding.h"
#include "shared/private_file.h"

namespace windlass::api {
namespace {

constexpr std::size_t most_waiting = 256;
constexpr Microseconds believed_for = std::chrono::hours{1};
// Keys are rotated once in weeks, but nobody should wait who comes just then.
constexpr Microseconds key_fetches_span = std::chrono::minutes{5};
constexpr std::size_t most_key_fetches = 5;

std::string text_member(const rapidjson::Document& document, const char* name) {
    return document.HasMember(name) && document[name].IsString() ? std::string(text_of(document[name])) : std::string();
}

// RFC 6749 section 5.2: it is not the code that is wrong, it is us.
bool refuses_client(const HttpsAnswer& answer) {
    if (answer.status != 400 && answer.status != 401) return false;
    const auto document = parse_json(answer.body);
    if (!document || !document->IsObject()) return answer.status == 401;
    const auto error = text_member(*document, "error");
    return error == "invalid_client" || error == "unauthorized_client";
}

Error failed(std::string_view what, const HttpsAnswer& answer) {
    return make_error(ErrorKind::unavailable, fmt::format("{} was answered with {}", what, answer.status));
}

}  // namespace

Result<OidcSettings> oidc_settings(const Config::Api& api) {
    OidcSettings settings;
    settings.issuer = api.oidc_issuer;
    if (settings.issuer.empty()) return settings;
    if (api.oidc_client_id.empty())
        return make_error(ErrorKind::invalid, "api.oidc_issuer is set, api.oidc_client_id is not");
    settings.client_id = api.oidc_client_id;
    settings.scope = api.oidc_scope;
    settings.username_claim = api.oidc_username_claim;
    settings.roles_claim = api.oidc_roles_claim;
    if (!api.oidc_client_secret_file.empty()) {
        WINDLASS_TRY(settings.client_secret,
                     read_private_line("api.oidc_client_secret_file", api.oidc_client_secret_file));
    }
    return settings;
}

OidcAttempt new_attempt(std::string redirect_uri) {
    return {random_token(), random_token(), random_token(), std::move(redirect_uri)};
}

std::string challenge_of(std::string_view verifier) {
    std::string hash(crypto_hash_sha256_BYTES, '\0');
    crypto_hash_sha256(reinterpret_cast<unsigned char*>(hash.data()),
                       reinterpret_cast<const unsigned char*>(verifier.data()), verifier.size());
    return to_base64url(hash);
}

OidcProvider::OidcProvider(OidcSettings settings, const Clock& clock, Fetch fetch)
    : settings_(std::move(settings)), clock_(clock), fetch_(std::move(fetch)) {
    thread_ = std::thread([this] { run(); });
}

OidcProvider::~OidcProvider() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    ready_.notify_all();
    thread_.join();
}

Status OidcProvider::submit(std::function<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        if (queue_.size() >= most_waiting)
            return make_error(ErrorKind::unavailable, "too many logins by OpenID Connect are on their way");
        queue_.push_back(std::move(work));
    }
    ready_.notify_one();
    return {};
}

void OidcProvider::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        ready_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        if (stopping_) return;
        const auto work = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        work();
        lock.lock();
    }
}

Status OidcProvider::authorization_url(OidcAttempt attempt, std::function<void(Result<std::string>)> done) {
    return submit([this, attempt = std::move(attempt), done = std::move(done)] { done(noted(url_for(attempt))); });
}

Status OidcProvider::redeem(OidcAttempt attempt, std::string code, std::function<void(Result<IdClaims>)> done) {
    return submit([this, attempt = std::move(attempt), code = std::move(code), done = std::move(done)] {
        done(noted(claims_for(attempt, code)));
    });
}

// Of what is denied the person is told, and nobody here can mend it.
template <typename T>
Result<T> OidcProvider::noted(Result<T> result) {
    if (!result && result.error().kind != ErrorKind::denied) complain(result.error().message);
    return result;
}

void OidcProvider::complain(const std::string& why) {
    if (why == complaint_) return;
    complaint_ = why;
    log::warning("nobody can log in by OpenID Connect: {}", why);
}

void OidcProvider::be_content() {
    if (complaint_.empty()) return;
    complaint_.clear();
    log::info("people can log in by OpenID Connect again");
}

Result<const OidcProvider::Discovered*> OidcProvider::discovered() {
    const SteadyTime now = clock_.now().steady;
    if (discovered_ && now - discovered_->at < believed_for) return &*discovered_;
    std::string base = settings_.issuer;
    while (base.ends_with('/')) base.pop_back();
    const std::string url = base + "/.well-known/openid-configuration";
    WINDLASS_TRY(const auto answer, fetch_({.url = url, .form = {}, .user = {}, .password = {}, .bearer = {}}));
    if (answer.status != 200) return failed(url, answer);
    const auto document = parse_json(answer.body);
    if (!document || !document->IsObject()) return make_error(ErrorKind::unavailable, url + " is no JSON object");
    // OpenID Connect Discovery 1.0 section 4.3: or one provider could speak for another.
    if (text_member(*document, "issuer") != settings_.issuer)
        return make_error(ErrorKind::unavailable,
                          fmt::format("{} speaks for the issuer \"{}\", not for api.oidc_issuer", url,
                                      text_member(*document, "issuer")));
    Discovered found{text_member(*document, "authorization_endpoint"), text_member(*document, "token_endpoint"),
                     text_member(*document, "jwks_uri"), text_member(*document, "userinfo_endpoint"), now};
    if (found.authorization_endpoint.empty() || found.token_endpoint.empty() || found.jwks_uri.empty())
        return make_error(ErrorKind::unavailable, url + " lacks one of the three endpoints that a login needs");
    discovered_ = std::move(found);
    return &*discovered_;
}

Result<std::string> OidcProvider::url_for(const OidcAttempt& attempt) {
    WINDLASS_TRY(const auto* found, discovered());
    const std::string query = form_of({{"response_type", "code"},
                                       {"client_id", settings_.client_id},
                                       {"redirect_uri", attempt.redirect_uri},
                                       {"scope", settings_.scope},
                                       {"state", attempt.state},
                                       {"nonce", attempt.nonce},
                                       {"code_challenge", challenge_of(attempt.verifier)},
                                       {"code_challenge_method", "S256"}});
    const bool has_query = found->authorization_endpoint.find('?') != std::string::npos;
    return fmt::format("{}{}{}", found->authorization_endpoint, has_query ? '&' : '?', query);
}

Status OidcProvider::fetch_keys() {
    const SteadyTime now = clock_.now().steady;
    while (!key_fetches_.empty() && now - key_fetches_.front() >= key_fetches_span) key_fetches_.pop_front();
    if (key_fetches_.size() >= most_key_fetches) return {};
    WINDLASS_TRY(const auto* found, discovered());
    WINDLASS_TRY(const auto answer,
                 fetch_({.url = found->jwks_uri, .form = {}, .user = {}, .password = {}, .bearer = {}}));
    if (answer.status != 200) return failed(found->jwks_uri, answer);
    WINDLASS_TRY(keys_, KeySet::parse(answer.body));
    // Not when it failed: who comes here brought a code that the provider took, and must not wait.
    key_fetches_.push_back(now);
    return {};
}

Result<IdClaims> OidcProvider::claims_for(const OidcAttempt& attempt, const std::string& code) {
    WINDLASS_TRY(const auto* found, discovered());
    std::vector<std::pair<std::string, std::string>> fields = {{"grant_type", "authorization_code"},
                                                               {"code", code},
                                                               {"redirect_uri", attempt.redirect_uri},
                                                               {"code_verifier", attempt.verifier}};
    HttpsRequest request{.url = found->token_endpoint, .form = {}, .user = {}, .password = {}, .bearer = {}};
    if (settings_.client_secret.empty()) {
        fields.emplace_back("client_id", settings_.client_id);
    } else {  // RFC 6749 section 2.3.1: encoded like a form, then Basic
        request.user = percent_encoded(settings_.client_id);
        request.password = percent_encoded(settings_.client_secret);
    }
    request.form = form_of(fields);
    WINDLASS_TRY(const auto answer, fetch_(request));
    if (refuses_client(answer)) {
        complain(
            fmt::format("{} does not accept api.oidc_client_id with the secret in api.oidc_client_secret_file; "
                        "compare both with what is registered at the provider",
                        found->token_endpoint));
        return make_error(ErrorKind::denied,
                          "The provider does not know this server. Tell whoever runs it: its log says more.");
    }
    if (answer.status == 400 || answer.status == 401)
        return make_error(ErrorKind::denied, "The provider does not accept this code; log in again.");
    if (answer.status != 200) return failed(found->token_endpoint, answer);
    const auto document = parse_json(answer.body);
    if (!document || !document->IsObject() || text_member(*document, "id_token").empty())
        return make_error(ErrorKind::denied,
                          "The provider gave no id_token; is the scope openid among api.oidc_scope?");
    const std::string token = text_member(*document, "id_token");
    WINDLASS_TRY(const auto kid, key_of_id_token(token));
    if (!keys_ || keys_->empty() || kid.empty() || !keys_->has(kid)) WINDLASS_TRY_STATUS(fetch_keys());
    if (!keys_) return make_error(ErrorKind::unavailable, "the provider's keys are not known");
    be_content();
    const IdTokenExpectations expected{.issuer = settings_.issuer,
                                       .client_id = settings_.client_id,
                                       .nonce = attempt.nonce,
                                       .now = clock_.now().wall,
                                       .username_claim = settings_.username_claim,
                                       .roles_claim = settings_.roles_claim};
    WINDLASS_TRY(auto claims, check_id_token(token, *keys_, expected));
    if (!are_complete(claims, expected))
        WINDLASS_TRY_STATUS(ask_userinfo(claims, text_member(*document, "access_token"), expected));
    return claims;
}

// A provider that has such an endpoint and does not answer there fails the login: without the claim that roles come
// from somebody would lose them.
Status OidcProvider::ask_userinfo(IdClaims& claims, const std::string& access_token,
                                  const IdTokenExpectations& expected) {
    WINDLASS_TRY(const auto* found, discovered());
    if (found->userinfo_endpoint.empty() || access_token.empty()) return {};
    WINDLASS_TRY(
        const auto answer,
        fetch_({.url = found->userinfo_endpoint, .form = {}, .user = {}, .password = {}, .bearer = access_token}));
    if (answer.status != 200) return failed(found->userinfo_endpoint, answer);
    return add_userinfo(claims, answer.body, expected);
}

}  // namespace windlass::api
