// /api/jobs/{id}/members/: the members of an array, oldest first.
#include <algorithm>
#include <memory>
#include <utility>

#include "api/find_job.h"
#include "api/handlers.h"
#include "api/job_parameters.h"
#include "api/json_list.h"
#include "api/render_job.h"

namespace windlass::api {
namespace {

constexpr std::int64_t ids_per_step = 500;
constexpr int scanned_per_step = 10'000;  // for members in a state that only a row can have
constexpr int steps_per_page = 100;

// Walks the members after a cursor; those without a row stand for themselves.
class MemberWalk {
  public:
    MemberWalk(RelationsRepository& relations, const ArrayView& array, std::optional<JobState> status, JobId after)
        : relations_(relations), array_(array), status_(status), at_(std::max(after, array.id)) {}

    bool end() const { return at_ >= array_.member(array_.count - 1); }
    JobId cursor() const { return at_; }

    // The matches among the next members, at most `most` of them.
    Result<std::vector<MemberView>> step(int most) {
        if (status_ && *status_ != JobState::queued && *status_ != JobState::blocked &&
            *status_ != array_.state_without_row(array_.count - 1) && *status_ != array_.state_without_row(0)) {
            WINDLASS_TRY(auto found, relations_.members_in(array_, *status_, at_, most, scanned_per_step));
            at_ = JobId{found.cursor};
            return std::move(found.matches);
        }
        const JobId last{std::min(at_.value + ids_per_step, array_.member(array_.count - 1).value)};
        WINDLASS_TRY(auto members, relations_.members(array_, JobId{at_.value + 1}, last));
        if (status_) std::erase_if(members, [this](const auto& member) { return member.line.state != *status_; });
        const bool full = members.size() > static_cast<std::size_t>(most);
        if (full) members.resize(static_cast<std::size_t>(most));
        at_ = full ? members.back().line.id : last;
        return members;
    }

  private:
    RelationsRepository& relations_;
    ArrayView array_;
    std::optional<JobState> status_;
    JobId at_;
};

}  // namespace

OrProblem<Reply> list_members(const Call& call) {
    WINDLASS_TRY(const auto id, path_job(call));
    WINDLASS_TRY(const auto query, parse_list_query(call));
    WINDLASS_TRY(const auto array, visible_array(call, id));
    const JobId after{query.before == newest ? 0 : query.before};
    const auto walk = std::make_shared<MemberWalk>(call.app.relations, array, query.status, after);
    const auto write = [array, &clock = call.app.clock](JsonWriter& json, const std::vector<MemberView>& members) {
        for (const auto& member : members) write_member(json, array, member, clock.now().wall);
    };
    if (!query.limit)
        return list_reply(call, [walk, write](JsonWriter& json) -> Result<bool> {
            if (walk->end()) return false;
            WINDLASS_TRY(const auto members, walk->step(ids_per_step));
            write(json, members);
            return !walk->end();
        });
    std::vector<MemberView> page;
    for (int steps = 0; !walk->end() && std::cmp_less(page.size(), *query.limit) && steps < steps_per_page; ++steps) {
        WINDLASS_TRY(auto members, walk->step(*query.limit - static_cast<int>(page.size())));
        std::move(members.begin(), members.end(), std::back_inserter(page));
    }
    std::vector<std::pair<std::string, std::string>> headers;
    if (!walk->end())
        headers.emplace_back("Link", next_link(call, "/api/jobs/" + id.text() + "/members/", walk->cursor().value));
    return list_reply(
        call,
        [page = std::move(page), write](JsonWriter& json) -> Result<bool> {
            write(json, page);
            return false;
        },
        std::move(headers));
}

}  // namespace windlass::api
