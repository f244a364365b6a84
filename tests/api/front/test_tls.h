// A certificate made for one test, and a client that speaks TLS.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "api/front/tls_context.h"
#include "tests/api/front/test_front.h"

struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

namespace windlass::api::test {

// Self-signed, P-256, in a directory of its own that goes with it.
class TestCertificate {
  public:
    explicit TestCertificate(const std::string& name = "windlass.test");
    ~TestCertificate();
    TestCertificate(const TestCertificate&) = delete;
    TestCertificate& operator=(const TestCertificate&) = delete;

    // Another key and certificate in the same files.
    void renew(const std::string& name);
    TlsFiles files() const { return {(directory_ / "certificate.pem").string(), (directory_ / "key.pem").string()}; }
    const std::filesystem::path& directory() const { return directory_; }

  private:
    std::filesystem::path directory_;
};

struct TlsOptions {
    int version = 0;                     // e.g. TLS1_2_VERSION and no other; 0: any
    std::string_view alpn = "http/1.1";  // the one protocol it offers; empty: none
    ssl_session_st* session = nullptr;   // to resume; stays the caller's
    bool handshake = true;               // in the constructor
};

class TlsClient : public Client {
  public:
    // A refused handshake shows in handshake_error().
    explicit TlsClient(const std::string& address, TlsOptions options = {}, int receive_buffer = 0);
    ~TlsClient() override;

    const std::string& handshake_error() const { return handshake_error_; }
    ssl_st* native() const { return ssl_; }
    std::string certificate_name() const;
    std::string chosen_protocol() const;
    // close_notify, while the other direction stays open.
    void say_goodbye() const;
    // After the end of the input: it came with close_notify, so nothing was cut off.
    bool ended_cleanly() const;

  private:
    ssize_t receive(char* to, std::size_t size) override;
    ssize_t transmit(const char* from, std::size_t size) override;
    bool pending() const override;

    ssl_ctx_st* context_;
    ssl_st* ssl_;
    std::string handshake_error_;
};

FrontSettings tls_loopback(const TestCertificate& certificate);

}  // namespace windlass::api::test
