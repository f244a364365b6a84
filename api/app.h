// Everything that handlers may use. Built by main in order, taken down in reverse; outlives the front.
#pragma once

#include <functional>
#include <string>

#include "shared/config.h"
#include "shared/time.h"

namespace windlass::api {

class AccountsRepository;
class AuditLog;
class AuditRepository;
class BlobsRepository;
class CoursesRepository;
class CurrentSigningKeys;
class Credentials;
class Idempotency;
class ImagesRepository;
class JobsRepository;
class LoginThrottle;
class Metrics;
struct Monitoring;
class PasswordHasher;
class PasswordLinksRepository;
class QuotasRepository;
struct Oidc;
class RateLimits;
class RefusedSubmits;
class RelationsRepository;
class ResultsRepository;
class Scheduler;
class ServicePipes;
class SchedulesRepository;
class SessionsRepository;
class ThumbnailKeeper;
class ThumbnailsRepository;
class SiteRepository;
class TiersRepository;
class TokensRepository;

struct App {
    const Config::Api& settings;
    bool registration_open = false;  // settings.registration, once the address is known
    const Clock& clock;
    AccountsRepository& accounts;
    JobsRepository& jobs;
    ResultsRepository& results;
    RelationsRepository& relations;
    BlobsRepository& blobs;
    QuotasRepository& quotas;
    SchedulesRepository& schedules;
    Idempotency& idempotency;
    SessionsRepository& sessions;
    TokensRepository& tokens;
    Credentials& credentials;
    PasswordHasher& passwords;
    LoginThrottle& throttle;
    Scheduler& scheduler;
    Metrics& metrics;
    AuditRepository& audit_entries;
    AuditLog& audit;
    RateLimits& rates;
    RefusedSubmits& refused_submits;
    TiersRepository& tiers;
    PasswordLinksRepository& password_links;
    SiteRepository& site;
    const CurrentSigningKeys& signing_keys;
    ImagesRepository& images;
    ThumbnailsRepository& making;  // of thumbnails
    ThumbnailKeeper& thumbnails;
    Monitoring& monitoring;
    CoursesRepository& courses;
    ServicePipes& services;
    const std::string& site_secret;  // of scheduler.secret_file; empty: there is none
    Oidc* oidc = nullptr;            // null: the site has no provider of OpenID Connect
};

}  // namespace windlass::api
