// What people without a right ask the admins for (POST /api/notify/admin): entries that the admins list and remove, and
// a brake on how many there can be, as anybody may ask. Threads: any.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/problem.h"
#include "shared/database/session_pool.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

// UserInfo, read from a body. Pure.
struct UserInfo {
    std::string username;
    std::vector<std::string> roles;  // of the three role names
};
OrProblem<UserInfo> parse_user_info(std::string_view body);

struct AdminNotice {
    std::int64_t id = 0;
    std::string username;
    std::vector<std::string> roles;
    std::string address;     // where the last request came from
    std::int64_t times = 0;  // how often it was asked for
    WallTime first{};
    WallTime last{};
};

class AdminNoticesRepository {
  public:
    explicit AdminNoticesRepository(SessionPool& pool) : pool_(pool) {}

    // One entry for each name: the same again counts. Of a thousand entries the oldest goes.
    Status leave(const UserInfo& user, std::string_view address, WallTime now);
    // The newest first.
    Result<std::vector<AdminNotice>> all();
    // False: there is none.
    Result<bool> remove(std::int64_t id);

  private:
    SessionPool& pool_;
};

// Five calls an hour from one address, thirty from all together. Kept in memory: several api processes count apart.
class NoticeBrake {
  public:
    // nullopt: go on. Else: how long to wait.
    std::optional<Seconds> take(std::string_view address, SteadyTime now);

  private:
    struct Entry {
        SteadyTime at;
        std::string address;
    };
    std::mutex mutex_;
    std::deque<Entry> last_hour_;  // at most thirty
};

}  // namespace windlass::api
