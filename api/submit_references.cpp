#include "api/submit_references.h"

#include "api/network_permission.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "api/blobs_repository.h"
#include "api/field_reader.h"
#include "api/quotas_repository.h"
#include "api/relations_repository.h"
#include "api/site/site_names.h"

namespace windlass::api {
namespace {

using Items = std::vector<OrProblem<SubmittedJob>>;

Status read_owners(const Call& call, const Items& items, std::map<JobId, UserId>& owners) {
    std::set<JobId> ids;
    for (const auto& item : items)
        if (item.ok())
            for (const auto& on : item.value().after)
                if (on.job) ids.insert(on.job);
    if (ids.empty()) return Status();
    WINDLASS_TRY(owners, call.app.relations.owners({ids.begin(), ids.end()}));
    return Status();
}

// Those of the files that are neither uploaded nor in the submit itself.
Status read_missing(const Call& call, UserId owner, const Items& items, std::set<std::string>& missing) {
    std::set<std::string> looked_at;
    for (const auto& item : items) {
        if (!item.ok()) continue;
        for (const auto& [path, hash] : item.value().spec.files) {
            if (item.value().inline_files.contains(hash) || !looked_at.insert(hash).second) continue;
            WINDLASS_TRY(const auto owned, call.app.blobs.owned(owner, hash));
            if (!owned) missing.insert(hash);
        }
    }
    return Status();
}

// Names of the site's own things that the caller cannot use.
Status check_site_names(SiteNames& site, const JobSpec& spec, Faults& faults) {
    if (!spec.image.empty()) {
        WINDLASS_TRY(const bool usable, site.may_use(SiteKind::image, spec.image));
        if (!usable) faults.too_much("/image", fmt::format("there is no image \"{}\" here", spec.image));
    }
    for (std::size_t i = 0; i < spec.datasets.size(); ++i) {
        WINDLASS_TRY(const bool usable, site.may_use(SiteKind::dataset, spec.datasets[i]));
        if (!usable)
            faults.too_much(fmt::format("/datasets/{}", i),
                            fmt::format("there is no data set \"{}\" here", spec.datasets[i]));
    }
    return Status();
}

}  // namespace

Status refuse_unknown_references(const Call& call, UserId owner, Items& items) {
    std::map<JobId, UserId> owners;
    std::set<std::string> missing;
    WINDLASS_TRY_STATUS(read_owners(call, items, owners));
    WINDLASS_TRY_STATUS(read_missing(call, owner, items, missing));
    SiteNames site(call);
    for (auto& item : items) {
        if (!item.ok()) continue;
        if (auto refused = network_refusal(item->spec, call.principal, call.app.settings)) {
            item = *std::move(refused);
            continue;
        }
        const SubmittedJob& job = item.value();
        Faults faults;
        WINDLASS_TRY_STATUS(check_site_names(site, job.spec, faults));
        for (std::size_t i = 0; i < job.after.size(); ++i) {
            if (!job.after[i].job) continue;
            const auto found = owners.find(job.after[i].job);
            if (found == owners.end() || (found->second != owner && !call.principal.is_admin()))
                faults.too_much(fmt::format("/after/{}/job", i),
                                fmt::format("there is no job {} that you may wait for", job.after[i].job.value));
        }
        for (const auto& [path, hash] : job.spec.files)
            if (missing.contains(hash) && !job.inline_files.contains(hash))
                faults.too_much(pointer_to("/files", path) + "/sha256",
                                fmt::format("{} was not uploaded: PUT /api/blobs/{}/", hash, hash));
        if (faults.any()) item = std::move(faults).problem();
    }
    return Status();
}

OrProblem<std::optional<std::int64_t>> check_stored_quota(const Call& call, UserId owner, std::int64_t more) {
    WINDLASS_TRY(const auto quota, call.app.quotas.effective(owner, call.app.clock.now().steady));
    if (!quota.stored_bytes) return quota.stored_bytes;
    WINDLASS_TRY(const auto stored, call.app.quotas.stored_bytes(owner));
    if (more > *quota.stored_bytes - stored) return over_stored_quota(*quota.stored_bytes, stored, more);
    return quota.stored_bytes;
}

Problem over_stored_quota(std::int64_t most, std::int64_t stored, std::int64_t more) {
    Problem problem = make_problem(
        429, fmt::format("Your quota is {} bytes of uploads; {} are there, and these are {} more. Delete some with "
                         "DELETE /api/blobs/<sha256>/.",
                         most, stored, more));
    problem.type = "urn:windlass:problem:stored-quota";
    problem.retry_after_s = 60;
    return problem;
}

OrProblem<bool> store_inline_files(const Call& call, UserId owner, Items& items) {
    std::map<std::string, std::string> blobs;
    for (auto& item : items)
        if (item.ok()) blobs.merge(std::exchange(item.value().inline_files, {}));
    std::int64_t bytes = 0;
    for (auto blob = blobs.begin(); blob != blobs.end();) {
        WINDLASS_TRY(const auto owned, call.app.blobs.owned(owner, blob->first));
        if (!owned) bytes += static_cast<std::int64_t>(blob->second.size());
        blob = owned ? blobs.erase(blob) : std::next(blob);
    }
    if (blobs.empty()) return true;
    WINDLASS_TRY(const auto most, check_stored_quota(call, owner, bytes));
    WINDLASS_TRY(const auto kept, call.app.blobs.keep(owner, blobs, most, call.app.clock.now().wall));
    if (kept != BlobKeeping::over_quota) return true;
    WINDLASS_TRY(const auto stored, call.app.quotas.stored_bytes(owner));
    return over_stored_quota(*most, stored, bytes);
}

}  // namespace windlass::api
