// The SQL of what the site has for jobs: images and data sets. Which worker has what is written by the scheduler
// (site_offer); what an administrator says about one (site_thing) is written here.
// Threads: any; each call borrows one session.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/database/session_pool.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

enum class SiteKind : std::int16_t { image = 1, dataset = 2 };  // stored, as scheduler::SiteThing

struct SiteThing {
    SiteKind kind = SiteKind::image;
    std::string name;
    std::string label;                           // for people; empty: none of its own
    std::vector<std::string> visible_to;         // entries as in site_permission.h; empty: everybody
    bool declared = false;                       // an administrator said something about it
    std::map<std::string, std::string> workers;  // that have it, by name -> digest (of an image)
};
// What is absent stays, or is nothing in a new one.
struct SiteThingChange {
    std::optional<std::string> label;
    std::optional<std::vector<std::string>> visible_to;
};

class SiteRepository {
  public:
    explicit SiteRepository(SessionPool& pool) : pool_(pool) {}

    // That a worker has (connected or not) or an administrator declared, by name.
    Result<std::vector<SiteThing>> all(SiteKind kind);
    // One of them, without its workers. nullopt: nobody knows it.
    Result<std::optional<SiteThing>> one(SiteKind kind, const std::string& name);
    Status put(SiteKind kind, const std::string& name, const SiteThingChange& change, WallTime now);
    // What was said about it; workers that have it keep it. False: nothing was.
    Result<bool> remove(SiteKind kind, const std::string& name);

  private:
    SessionPool& pool_;
};

}  // namespace windlass::api
