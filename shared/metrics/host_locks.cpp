#include "shared/metrics/host_locks.h"

#include "shared/metrics/packed_windows.h"

namespace windlass::metrics {
namespace {

// Hosts share this many locks. Enough for two writers to meet rarely; few enough for one of many hosts to take quickly.
constexpr std::uint32_t stripes = 256;

// FNV-1a: must be the same in every process.
std::uint32_t stripe_of(std::string_view host) {
    std::uint32_t hash = 2166136261U;
    for (const char c : host) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
    return hash % stripes;
}

}  // namespace

Status lock_hosts(Session& session, const std::set<std::string>& hosts) {
    if (session.engine() == Engine::sqlite) return {};  // `begin immediate` has the one lock that there is
    std::set<std::uint32_t> wanted;
    for (const std::string& host : hosts) wanted.insert(stripe_of(host));
    ArrayText list;
    for (const std::uint32_t stripe : wanted) list.add(stripe);
    // The first number sets these locks apart from all others of the site.
    return as_status(
        session.query("select count(pg_advisory_xact_lock(824499, l.stripe)) from (select stripe from "
                      "unnest(cast(:stripes as int[])) as u(stripe) order by stripe) l",
                      list.take()));
}

}  // namespace windlass::metrics
