// Who the client is when proxies stand in between. Pure.
//
// Each proxy appends what it saw to a list; the last entry is from the proxy that speaks to us, the first from whoever
// came first, that is: possibly an invention of the client. So the list is read from its end, and only as far as each
// hop, beginning with the socket, is one the operator listed. The first one who is not is the client.
//
// Only one of the two kinds of headers is read, the one the site's proxies are said to write. A proxy that writes one
// passes the other one on as the client wrote it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/front/ip_block.h"
#include "shared/result.h"

namespace windlass::api {

class TrustedProxies {
  public:
    enum class Headers {
        x_forwarded,  // X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host
        forwarded,    // Forwarded (RFC 7239)
    };

    TrustedProxies() = default;  // nobody
    // Addresses, blocks, and "unix" for whoever can reach a unix socket we listen on. `headers`: "x-forwarded" or
    // "forwarded". invalid: a sentence.
    static Result<TrustedProxies> parse(const std::vector<std::string>& proxies, std::string_view headers);

    bool empty() const { return blocks_.empty() && !unix_; }
    // An address as text, or "unix".
    bool trusts(const std::string& address) const;
    Headers headers() const { return headers_; }

  private:
    bool trusts(const IpAddress& address) const;
    std::vector<IpBlock> blocks_;
    bool unix_ = false;
    Headers headers_ = Headers::x_forwarded;
};

struct ClientView {
    std::string address;  // as from a socket: no port, no brackets
    bool secure = false;
    std::string host;  // with the port, if any
};

// `from_socket` is what holds without any header. An entry that is garbage, unknown or obfuscated ends the walk: the
// client is then the last hop that is known, a proxy.
ClientView client_behind(const TrustedProxies& proxies, ClientView from_socket,
                         const std::vector<std::pair<std::string, std::string>>& headers);

}  // namespace windlass::api
