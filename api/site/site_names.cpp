#include "api/site/site_names.h"

#include <algorithm>

#include "api/courses/courses_repository.h"
#include "api/site/site_permission.h"

namespace windlass::api {

Result<std::set<std::int64_t>> classes_that_matter(const Call& call, const std::vector<SiteThing>& things) {
    if (call.principal.is_admin() || std::none_of(things.begin(), things.end(), is_for_a_class))
        return std::set<std::int64_t>();
    return call.app.courses.class_ids(call.principal.id);
}

Result<bool> SiteNames::may_use(SiteKind kind, const std::string& name) {
    if (const auto found = known_.find({kind, name}); found != known_.end()) return found->second;
    WINDLASS_TRY(const auto thing, call_.app.site.one(kind, name));
    bool usable = false;
    if (thing) {
        WINDLASS_TRY(const auto classes, classes_that_matter(call_, {*thing}));
        usable = may_see(*thing, call_.principal, classes);
    }
    known_.emplace(std::pair(kind, name), usable);
    return usable;
}

}  // namespace windlass::api
