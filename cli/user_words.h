// What the words of `windlass user` and `windlass tier` mean, without a server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/json.h"
#include "shared/result.h"

namespace windlass::cli {

struct UserChangeWords {
    std::optional<std::vector<std::string>> roles;
    std::optional<std::string> tier;
    std::optional<std::string> name;
    std::optional<std::string> first_name;
    std::optional<std::string> last_name;
    std::optional<std::string> email;
    std::optional<std::string> company;
};
// invalid: nothing is to be changed.
Result<std::string> user_change_body(const UserChangeWords& words);

// In the list of GET /api/admin/users: whose username, e-mail address (in any case) or, if there is none, id it is.
Result<std::string> find_user_id(const rapidjson::Value& users, const std::string& user);

struct TierWords {
    std::string name;
    std::optional<std::vector<std::int64_t>> heights;
    bool no_heights = false;
    bool original = false;
    bool no_original = false;
    bool expiring_links = false;
    bool no_expiring_links = false;
};
std::string tier_body(const TierWords& words);

// A member that is a list, as "user,admin".
std::string listed(const rapidjson::Value& row, const char* key);

}  // namespace windlass::cli
