// Whether somebody may use what he names: the one check of submits, schedules, courses and launches.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "api/call.h"
#include "api/site/site_repository.h"

namespace windlass::api {

// The classes that the caller teaches or is in, as far as any of these is for a class: else nothing is read.
Result<std::set<std::int64_t>> classes_that_matter(const Call& call, const std::vector<SiteThing>& things);

// Names that the caller has used in one request. Each is looked up once. One thread; must not outlive the call.
class SiteNames {
  public:
    explicit SiteNames(const Call& call) : call_(call) {}

    // False: nobody here knows it, or it is not for the caller's eyes. He must not be told which.
    Result<bool> may_use(SiteKind kind, const std::string& name);

  private:
    const Call& call_;
    std::map<std::pair<SiteKind, std::string>, bool> known_;
};

}  // namespace windlass::api
