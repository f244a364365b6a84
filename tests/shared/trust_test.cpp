// The site's authority, its certificates, tokens, and both ends of a TLS connection without a socket between them.
#include "shared/trust/authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <fstream>

#include "shared/digest.h"
#include "shared/trust/enrolment_token.h"
#include "shared/trust/secure_channel.h"
#include "tests/support/temporary_directory.h"

namespace windlass::trust {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr Seconds a_day{24 * 3600};
constexpr Seconds an_hour{3600};
// Any moment will do: nothing here reads the clock of the machine.
const WallTime noon = from_unix_us(1'800'000'000'000'000);

class Trust : public testing::Test {
  protected:
    Trust() { initialise_crypto(); }

    static WallClock at(WallTime time) {
        return [time] { return time; };
    }
    Certificate certify(const PrivateKey& key, const WorkerIdentity& worker = {"node-1", 1}) const {
        return authority_.certify_worker(read_signing_request(key.signing_request()).value(), worker, noon, a_day);
    }
    std::shared_ptr<const TlsServer> server(WallTime now = noon) const {
        // Made at noon, whatever its clock says later.
        auto time = std::make_shared<WallTime>(noon);
        auto made = TlsServer::make(authority_, {"scheduler.example", "127.0.0.1"}, a_day, [time] { return *time; });
        *time = now;
        return made;
    }
    std::shared_ptr<const TlsClient> client(WallTime now = noon) const {
        const PrivateKey key = PrivateKey::make();
        return TlsClient::with(key, certify(key), authority_.certificate(), at(now)).value();
    }

    const Authority authority_ = Authority::make(noon);
};

// Both ends, and what they say to each other until neither says more.
struct Ends {
    Ends(std::shared_ptr<const TlsServer> for_server, std::shared_ptr<const TlsClient> for_client,
         const std::string& name = "scheduler.example")
        : server(std::move(for_server)), client(std::move(for_client), name) {
        client.open({}, at_client);
        talk();
    }
    void talk() {
        while (!client.output().empty() || !server.output().empty()) {
            const std::string said = std::exchange(client.output(), {});
            if (!said.empty()) server.open(said, at_server);
            const std::string answered = std::exchange(server.output(), {});
            if (!answered.empty()) client.open(answered, at_client);
        }
    }
    std::string at_server, at_client;
    SecureChannel server, client;
};

TEST_F(Trust, a_worker_and_the_scheduler_of_one_site_understand_each_other) {
    Ends ends(server(), client());
    ASSERT_TRUE(ends.server.is_open()) << ends.server.fault();
    ASSERT_TRUE(ends.client.is_open()) << ends.client.fault();
    EXPECT_TRUE(ends.server.peer().shown);
    EXPECT_EQ(ends.server.peer().fault, "");
    EXPECT_EQ(ends.server.peer().worker, (WorkerIdentity{"node-1", 1}));
    EXPECT_EQ(ends.server.peer().valid_until, noon + a_day);
    const std::string much(3'000'000, 'x');
    ASSERT_TRUE(ends.client.seal(much));
    ASSERT_TRUE(ends.server.seal("yes"));
    ends.talk();
    EXPECT_EQ(ends.at_server, much);
    EXPECT_EQ(ends.at_client, "yes");
}

TEST_F(Trust, clocks_may_differ_by_an_hour) {
    for (const Seconds off : {-an_hour + Seconds{1}, an_hour}) {
        Ends slow_worker(server(), client(noon + off));
        EXPECT_TRUE(slow_worker.client.is_open()) << slow_worker.client.fault();
        Ends slow_scheduler(server(noon + off), client());
        EXPECT_EQ(slow_scheduler.server.peer().fault, "");
    }
}

TEST_F(Trust, a_worker_whose_clock_is_two_hours_behind_is_told_to_set_it) {
    Ends ends(server(), client(noon - 2 * an_hour));
    EXPECT_FALSE(ends.client.is_open());
    EXPECT_EQ(ends.client.fault(),
              "the certificate of the scheduler begins at 2027-01-15 07:00:00 UTC, and the clock of this machine says "
              "2027-01-15 06:00:00 UTC: set the clock, it is behind");
    EXPECT_THAT(ends.server.fault(), HasSubstr("the TLS handshake failed"));
}

TEST_F(Trust, a_scheduler_whose_clock_is_two_hours_behind_says_so) {
    Ends ends(server(noon - 2 * an_hour), client());
    ASSERT_TRUE(ends.server.is_open()) << "the worker has to be told";
    EXPECT_EQ(ends.server.peer().fault,
              "the certificate of this worker begins at 2027-01-15 07:00:00 UTC, and the scheduler's clock says "
              "2027-01-15 06:00:00 UTC: the scheduler's clock is behind, set it");
    EXPECT_EQ(ends.server.peer().worker, WorkerIdentity());
}

TEST_F(Trust, an_expired_certificate_of_a_worker_is_worth_nothing) {
    Ends ends(server(noon + a_day + Seconds{1}), client());
    EXPECT_TRUE(ends.server.peer().shown);
    EXPECT_EQ(ends.server.peer().fault,
              "the certificate of this worker ended at 2027-01-16 08:00:00 UTC, and the scheduler's clock says "
              "2027-01-16 08:00:01 UTC: enrol it again");
}

TEST_F(Trust, an_expired_certificate_of_the_scheduler_ends_the_handshake) {
    Ends ends(server(), client(noon + a_day + Seconds{1}));
    EXPECT_FALSE(ends.client.is_open());
    EXPECT_THAT(ends.client.fault(), HasSubstr("the certificate of the scheduler ended at 2027-01-16 08:00:00 UTC"));
    EXPECT_THAT(ends.server.fault(), HasSubstr("certificate expired"));
}

TEST_F(Trust, a_scheduler_that_is_dialled_by_a_name_it_does_not_have_is_not_believed) {
    for (const char* name : {"other.example", "127.0.0.2", "x.scheduler.example"}) {
        Ends ends(server(), client(), name);
        EXPECT_FALSE(ends.client.is_open()) << name;
        EXPECT_THAT(ends.client.fault(),
                    HasSubstr("is for scheduler.example, 127.0.0.1, and not for " + std::string(name)));
    }
    EXPECT_TRUE(Ends(server(), client(), "127.0.0.1").client.is_open());
}

TEST_F(Trust, whoever_is_of_another_authority_is_not_believed) {
    const Authority other = Authority::make(noon);
    const auto stranger = TlsServer::make(other, {"scheduler.example"}, a_day, at(noon));
    Ends wrong_scheduler(stranger, client());
    EXPECT_FALSE(wrong_scheduler.client.is_open());
    EXPECT_THAT(wrong_scheduler.client.fault(), HasSubstr("another authority than that of our site"));
    const PrivateKey key = PrivateKey::make();
    const auto foreign =
        other.certify_worker(read_signing_request(key.signing_request()).value(), {"node-1", 1}, noon, a_day);
    Ends wrong_worker(server(), TlsClient::with(key, foreign, authority_.certificate(), at(noon)).value());
    EXPECT_TRUE(wrong_worker.server.peer().shown);
    EXPECT_EQ(wrong_worker.server.peer().fault,
              "the certificate of this worker is not of this site's authority: enrol it here");
}

TEST_F(Trust, a_certificate_of_a_scheduler_is_not_one_of_a_worker) {
    const PrivateKey key = PrivateKey::make();
    const auto certificate = authority_.certify_scheduler(key, {"scheduler.example"}, noon, a_day);
    Ends ends(server(), TlsClient::with(key, certificate, authority_.certificate(), at(noon)).value());
    EXPECT_EQ(ends.server.peer().fault, "this certificate is not one of a worker");
}

TEST_F(Trust, first_contact_believes_the_authority_of_the_fingerprint_alone) {
    const auto pinned = [&](const std::string& fingerprint) { return TlsClient::pinned(fingerprint, at(noon)); };
    Ends right(server(), pinned(authority_.certificate().fingerprint()));
    EXPECT_TRUE(right.client.is_open()) << right.client.fault();
    ASSERT_TRUE(right.server.is_open());
    EXPECT_FALSE(right.server.peer().shown);
    EXPECT_EQ(right.server.peer().worker, WorkerIdentity());
    Ends wrong(server(), pinned(Authority::make(noon).certificate().fingerprint()));
    EXPECT_FALSE(wrong.client.is_open());
    EXPECT_THAT(wrong.client.fault(), HasSubstr("another authority"));
    Ends wrong_name(server(), pinned(authority_.certificate().fingerprint()), "other.example");
    EXPECT_THAT(wrong_name.client.fault(), HasSubstr("not for other.example"));
}

TEST_F(Trust, the_certificate_of_a_worker_cannot_play_the_scheduler) {
    const PrivateKey key = PrivateKey::make();
    const Certificate certificate = certify(key);
    std::shared_ptr<SSL_CTX> context(::SSL_CTX_new(::TLS_server_method()), ::SSL_CTX_free);
    ASSERT_EQ(::SSL_CTX_use_certificate(context.get(), certificate.native()), 1);
    ASSERT_EQ(::SSL_CTX_use_PrivateKey(context.get(), key.native()), 1);
    TlsSession impostor(context.get(), TlsSession::Side::server);
    SecureChannel worker(client(), "scheduler.example");
    std::string clear;
    worker.open({}, clear);
    const std::string hello = std::exchange(worker.output(), {});
    std::string_view left = hello;
    char none[64];
    impostor.read(left, none, sizeof none);
    EXPECT_FALSE(worker.open(impostor.output(), clear));
    EXPECT_EQ(worker.fault(), "what answers there has the certificate of a worker, not of a scheduler");
}

// A client that is none of ours says hello to our server.
std::string fault_at_server_of(SSL_CTX* context, const std::shared_ptr<const TlsServer>& party,
                               std::string& at_client) {
    TlsSession stranger(context, TlsSession::Side::client);
    SecureChannel scheduler(party);
    std::string clear;
    char none[64];
    std::string to_stranger;
    for (int i = 0; i < 4; ++i) {
        std::string_view left = to_stranger;
        stranger.read(left, none, sizeof none);
        scheduler.open(std::exchange(stranger.output(), {}), clear);
        to_stranger = std::exchange(scheduler.output(), {});
    }
    at_client = stranger.fault();
    return scheduler.fault();
}

TEST_F(Trust, nothing_older_than_tls_1_3_is_spoken) {
    std::shared_ptr<SSL_CTX> context(::SSL_CTX_new(::TLS_client_method()), ::SSL_CTX_free);
    ::SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
    std::string at_client;
    EXPECT_THAT(fault_at_server_of(context.get(), server(), at_client),
                HasSubstr("TLS 1.3 is spoken here and nothing older"));
    EXPECT_THAT(at_client, HasSubstr("alert protocol version"));
}

TEST_F(Trust, tls_for_something_else_is_refused) {
    std::shared_ptr<SSL_CTX> context(::SSL_CTX_new(::TLS_client_method()), ::SSL_CTX_free);
    std::string at_client;
    EXPECT_EQ(fault_at_server_of(context.get(), server(), at_client),
              "the peer speaks TLS, but not for windlass (no ALPN)");
    const unsigned char http[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    ::SSL_CTX_set_alpn_protos(context.get(), http, sizeof http);
    EXPECT_THAT(fault_at_server_of(context.get(), server(), at_client), HasSubstr("the TLS handshake failed"));
    EXPECT_THAT(at_client, HasSubstr("no application protocol"));
}

TEST_F(Trust, whoever_speaks_in_the_clear_is_told_what_to_write) {
    SecureChannel scheduler(server());
    std::string clear;
    EXPECT_FALSE(scheduler.open(std::string("\x10\0\0\0\0\0\0\0{\"type\":\"hello\"}", 24), clear));
    EXPECT_EQ(scheduler.fault(), "it does not speak TLS: write tls:// before the address in scheduler.dial");
}

TEST_F(Trust, an_authority_is_made_once_and_read_from_then_on) {
    const test::TemporaryDirectory directory;
    const std::string place = directory.path() + "/trust";
    const auto made = Authority::open(place, noon);
    ASSERT_TRUE(made.ok()) << made.error().message;
    const auto read = Authority::open(place, noon + a_day);
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(made->certificate().fingerprint(), read->certificate().fingerprint());
    struct stat info {};
    ASSERT_EQ(::stat((place + "/authority.key").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777u, 0600u);
    ASSERT_EQ(::stat(place.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777u, 0700u);
}

TEST_F(Trust, an_authority_that_is_not_whole_or_not_private_is_not_used) {
    const test::TemporaryDirectory directory;
    ASSERT_TRUE(Authority::open(directory.path(), noon).ok());
    const std::string key = directory.path() + "/authority.key", certificate = directory.path() + "/authority.pem";
    ASSERT_EQ(::chmod(key.c_str(), 0644), 0);
    EXPECT_THAT(Authority::open(directory.path(), noon).error().message, HasSubstr("can be read by others"));
    ASSERT_EQ(::chmod(key.c_str(), 0600), 0);
    std::ofstream(certificate) << Authority::make(noon).certificate().pem();
    EXPECT_THAT(Authority::open(directory.path(), noon).error().message, HasSubstr("do not belong together"));
    std::ofstream(certificate) << "nonsense";
    EXPECT_THAT(Authority::open(directory.path(), noon).error().message, HasSubstr("no certificate in PEM"));
    ASSERT_EQ(::unlink(certificate.c_str()), 0);
    EXPECT_THAT(Authority::open(directory.path(), noon).error().message, HasSubstr("authority.pem is not"));
}

TEST_F(Trust, a_certificate_says_whose_it_is_and_from_when_until_when) {
    const PrivateKey key = PrivateKey::make();
    const WorkerIdentity worker{"knöten 1,URI:urn:windlass:scheduler", 7};
    const auto read = Certificate::parse(certify(key, worker).pem());
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read->worker(), worker);
    EXPECT_TRUE(read->names().empty()) << "a name cannot add names";
    EXPECT_EQ(read->valid_from(), noon - an_hour);
    EXPECT_EQ(read->valid_until(), noon + a_day);
    const auto of_server = authority_.certify_scheduler(key, {"a.example", "::1", "10.0.0.1"}, noon, a_day);
    EXPECT_THAT(of_server.names(), ElementsAre("a.example", "::1", "10.0.0.1"));
    EXPECT_EQ(of_server.worker(), std::nullopt);
}

TEST_F(Trust, identities_survive_their_uri_and_nothing_else_is_one) {
    for (const WorkerIdentity& worker : {WorkerIdentity{"a", 1}, WorkerIdentity{"ä :/%\n", 9'000'000'000}})
        EXPECT_EQ(worker_of_uri(uri_of_worker(worker)), worker);
    for (const char* uri :
         {"", "urn:windlass:worker:", "urn:windlass:worker:1:", "urn:windlass:worker:0:a", "urn:windlass:worker:-1:a",
          "urn:windlass:worker:x:a", "urn:windlass:worker:1", "urn:windlass:worker:1:%", "urn:windlass:worker:1:%4",
          "urn:windlass:worker:1:%zz", "urn:windlass:scheduler", "https://windlass:worker:1:a"})
        EXPECT_EQ(worker_of_uri(uri), std::nullopt) << uri;
}

TEST_F(Trust, only_a_request_signed_with_its_own_p256_key_is_certified) {
    const PrivateKey key = PrivateKey::make();
    const auto first = read_signing_request(key.signing_request()),
               second = read_signing_request(key.signing_request());
    ASSERT_TRUE(first.ok() && second.ok());
    EXPECT_EQ(first->sha256, second->sha256) << "of the key, not of the request";
    EXPECT_NE(first->sha256, read_signing_request(PrivateKey::make().signing_request())->sha256);
    EXPECT_FALSE(read_signing_request("").ok());
    EXPECT_FALSE(read_signing_request(key.pem()).ok());
    std::string forged = key.signing_request();
    const auto end = forged.rfind("\n-----END");
    forged[end - 6] = forged[end - 6] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(read_signing_request(forged).ok());
    std::shared_ptr<EVP_PKEY> other_curve(::EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384"), ::EVP_PKEY_free);
    std::shared_ptr<X509_REQ> request(::X509_REQ_new(), ::X509_REQ_free);
    std::shared_ptr<BIO> text(::BIO_new(::BIO_s_mem()), ::BIO_free);
    ASSERT_EQ(::X509_REQ_set_pubkey(request.get(), other_curve.get()), 1);
    ASSERT_GT(::X509_REQ_sign(request.get(), other_curve.get(), ::EVP_sha256()), 0);
    ASSERT_EQ(::PEM_write_bio_X509_REQ(text.get(), request.get()), 1);
    char* data = nullptr;
    const long size = ::BIO_get_mem_data(text.get(), &data);
    EXPECT_EQ(read_signing_request({data, static_cast<std::size_t>(size)}).error().message,
              "a worker's key must be one on the curve P-256");
}

TEST_F(Trust, keys_survive_their_pem_and_nothing_else_is_one) {
    const PrivateKey key = PrivateKey::make();
    const auto read = PrivateKey::parse(key.pem());
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read->pem(), key.pem());
    for (const std::string& text : {std::string(), std::string("x"), key.signing_request(),
                                    authority_.certificate().pem(), key.pem().substr(0, 100)})
        EXPECT_FALSE(PrivateKey::parse(text).ok());
}

TEST_F(Trust, a_token_survives_its_text_and_a_damaged_one_does_not) {
    const EnrolmentToken token = make_enrolment_token(authority_.certificate().fingerprint());
    const auto read = parse_enrolment_token(token.text());
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read->secret, token.secret);
    EXPECT_EQ(read->authority, authority_.certificate().fingerprint());
    EXPECT_NE(make_enrolment_token(token.authority).secret, token.secret);
    const std::string text = token.text();
    for (const std::string& wrong : {std::string(), text.substr(1), text.substr(0, text.size() - 1), text + "0",
                                     std::string(text).replace(5, 1, "!"), std::string(text).replace(60, 1, "G")}) {
        const auto refused = parse_enrolment_token(wrong);
        ASSERT_FALSE(refused.ok()) << wrong;
        EXPECT_THAT(refused.error().message, HasSubstr("windlass worker enrol"));
        EXPECT_THAT(refused.error().message, testing::Not(HasSubstr(token.secret)));
    }
}

TEST_F(Trust, names_of_a_scheduler_are_host_names_and_addresses) {
    for (const char* name : {"a", "scheduler-1.example.org", "10.0.0.1", "::1"})
        EXPECT_TRUE(check_server_name(name).ok()) << name;
    for (const char* name : {"", "*.example", "a b", "a,DNS:b", "a/b", "ä"})
        EXPECT_FALSE(check_server_name(name).ok()) << name;
}

}  // namespace
}  // namespace windlass::trust
