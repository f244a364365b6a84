// Which server, and as whom: flags and variables first, then what `windlass login` stored.
#pragma once

#include <string>

#include "shared/result.h"

namespace windlass::cli {

struct Credentials {
    std::string url;    // normal form (server_url.h)
    std::string token;  // empty: none known for this server
};

// ~/.config/windlass/credentials (mode 0600).
Result<std::string> credentials_path();
Result<Credentials> read_credentials();  // not_found when nobody logged in
Status write_credentials(const Credentials& credentials);
Status remove_credentials();  // fine when there are none

// --url, else WINDLASS_URL, else the stored address; the token is WINDLASS_TOKEN, else the stored one, which is only
// ever sent to the address it was stored for.
Result<Credentials> find_credentials(const std::string& url_flag);

}  // namespace windlass::cli
