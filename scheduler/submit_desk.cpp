#include "scheduler/submit_desk.h"

#include <algorithm>
#include <utility>

#include "scheduler/job_seed.h"
#include "shared/json.h"
#include "shared/log.h"

namespace windlass::scheduler {
namespace {

constexpr std::int64_t retry_while_away_ms = 2000;

// Cuts code and data of the items out of the body of a submit.
class BodyCutter {
  public:
    explicit BodyCutter(const std::string& body) : body_(body) {}

    // False when the sizes do not match the body. -1: the same as that of the item before.
    bool cut(std::int64_t size, ContentPtr& content) {
        if (size == -1) return true;
        if (size < 0 || static_cast<std::uint64_t>(size) > body_.size() - at_) return false;
        content = make_content(body_.substr(at_, static_cast<std::size_t>(size)));
        at_ += static_cast<std::size_t>(size);
        return true;
    }
    bool at_end() const { return at_ == body_.size(); }

  private:
    const std::string& body_;
    std::size_t at_ = 0;
};

}  // namespace

void SubmitDesk::heard(const PeerPtr& peer, protocol::SubmitJobs submit, const std::string& body) {
    const auto pending = std::make_shared<Pending>();
    pending->peer = peer;
    pending->request = submit.request;
    pending->owner = submit.owner;
    pending->event.quota = submit.quota;
    pending->items.reserve(submit.jobs.size());
    pending->event.jobs.reserve(submit.jobs.size());
    BodyCutter cutter(body);
    ContentPtr code = make_content({}), data = code;
    for (protocol::SubmitItem& item : submit.jobs) {
        if (!cutter.cut(item.code_size, code) || !cutter.cut(item.data_size, data))
            return peer->connection->close("a submit does not match its own sizes");
        NewJob& seed = pending->event.jobs.emplace_back(seed_from(submit.owner, item.spec));
        for (const protocol::SubmitDependency& on : item.after) {
            if (!on.job && (on.index < 0 || std::cmp_greater_equal(on.index, submit.jobs.size())))
                return peer->connection->close("a submit waits for an item that it does not have");
            seed.after.push_back({on.job, static_cast<std::size_t>(on.index), on.condition, std::nullopt});
        }
        seed.array = {item.array_count, item.max_fails};
        SubmittedItem& made = pending->items.emplace_back();
        made.payload = {std::move(item.spec), code, data, item.array_count, !item.params.empty()};
        made.rerun_of = item.rerun_of;
        made.after = seed.after;
        made.array = seed.array;
        for (const auto& params : item.params) made.params.push_back(json_object_of(params));
        if (!made.params.empty() && std::cmp_not_equal(made.params.size(), item.array_count))
            return peer->connection->close("an array does not have parameters for each of its members");
    }
    if (pending->items.empty() || !cutter.at_end())
        return peer->connection->close("a submit does not match its own sizes");
    if (turns_.store().failing()) return unavailable(*pending, "the database is away; nothing was changed");
    if (submit.key.empty()) return look_up_dependencies(pending);
    pending->key = KeyRecord{submit.owner, submit.route, submit.key, submit.body_sha256, turns_.now().wall, {}};
    look_up_key(pending);
}

void SubmitDesk::look_up_key(const PendingPtr& pending) {
    const KeyRecord& key = *pending->key;
    std::string name = key.account.text() + " " + key.route + " " + key.key;
    if (!keys_in_flight_.insert(name).second)
        return refuse(*pending, protocol::SubmitRefused::Why::key_in_use,
                      "The first request with this Idempotency-Key is still under way; ask again in a moment.");
    pending->key_name = std::move(name);
    turns_.store().ask<std::optional<KeyRecord>>(
        [key](Store& store) { return store.submitted_with(key.account, key.route, key.key); },
        [this, pending](Result<std::optional<KeyRecord>> found) {
            if (!found) return unavailable(*pending, found.error().message);
            if (!*found) {
                look_up_dependencies(pending);
                return turns_.end_turn();
            }
            const KeyRecord& first = **found;
            if (first.body_sha256 != pending->key->body_sha256)
                return refuse(*pending, protocol::SubmitRefused::Why::key_of_another,
                              "This Idempotency-Key was used with another body; use a new key for another request.");
            tell(*pending, protocol::JobsSubmitted{pending->request, first.jobs, true});
        });
}

// Notes of each job waited for that has ended how it did, as far as this process knows; gives those it does not know
// of.
std::vector<JobId> SubmitDesk::note_ends(Pending& pending) {
    std::vector<JobId> unknown;
    for (NewJob& seed : pending.event.jobs)
        for (Dependency& on : seed.after) {
            if (!on.job || on.ended || turns_.queue().is_active(on.job)) continue;
            on.ended = turns_.ending(on.job);
            if (!on.ended) unknown.push_back(on.job);
        }
    std::sort(unknown.begin(), unknown.end());
    unknown.erase(std::unique(unknown.begin(), unknown.end()), unknown.end());
    return unknown;
}

void SubmitDesk::look_up_dependencies(const PendingPtr& pending) {
    const std::vector<JobId> unknown = note_ends(*pending);
    if (unknown.empty()) return feed(pending);
    turns_.store().ask<std::vector<std::optional<JobState>>>(
        [unknown](Store& store) { return store.final_states(unknown); },
        [this, pending, unknown](Result<std::vector<std::optional<JobState>>> states) {
            if (!states)
                unavailable(*pending, states.error().message);
            else
                looked_up(pending, unknown, *states);
            turns_.end_turn();
        });
}

void SubmitDesk::looked_up(const PendingPtr& pending, const std::vector<JobId>& jobs,
                           const std::vector<std::optional<JobState>>& states) {
    for (NewJob& seed : pending->event.jobs)
        for (Dependency& on : seed.after) {
            const auto place = std::lower_bound(jobs.begin(), jobs.end(), on.job);
            if (place != jobs.end() && *place == on.job)
                on.ended = states[static_cast<std::size_t>(place - jobs.begin())];
        }
    // What went on when the store was asked and has ended since: the store answers in order, so that the end of it
    // cannot be durable yet, and is known here.
    const std::vector<JobId> never_were = note_ends(*pending);
    if (never_were.empty()) return feed(pending);
    refuse(*pending, protocol::SubmitRefused::Why::no_such_job,
           "There is no job " + never_were.front().text() + " to wait for.");
}

void SubmitDesk::feed(const PendingPtr& pending) {
    pending->event.request = questions_.remember(pending->peer.lock(), pending->request, pending->key_name);
    Attachment attachment;
    attachment.owner = pending->owner;
    attachment.items = &pending->items;
    attachment.key = std::move(pending->key);
    turns_.feed(pending->event, std::move(attachment));
}

void SubmitDesk::answer(const AnswerSubmit& answer) {
    submitted_ += static_cast<std::int64_t>(answer.jobs.size());
    const Questions::Question question = questions_.recall(answer.request);
    keys_in_flight_.erase(question.key);
    if (question.peer) question.peer->connection->send(protocol::JobsSubmitted{question.theirs, answer.jobs, false});
}

void SubmitDesk::answer(const RefuseSubmit& refusal) {
    const Questions::Question question = questions_.recall(refusal.request);
    keys_in_flight_.erase(question.key);
    if (!question.peer) return;
    question.peer->connection->send(protocol::SubmitRefused{question.theirs,
                                                            static_cast<protocol::SubmitRefused::Why>(refusal.why),
                                                            refusal.detail, refusal.retry_after.count()});
}

void SubmitDesk::refuse(const Pending& pending, protocol::SubmitRefused::Why why, std::string detail) {
    const bool in_use = why == protocol::SubmitRefused::Why::key_in_use;
    tell(pending, protocol::SubmitRefused{pending.request, why, std::move(detail), in_use ? 1000 : 0});
}

void SubmitDesk::unavailable(const Pending& pending, const std::string& why) {
    tell(pending, protocol::Unavailable{pending.request, why, retry_while_away_ms});
}

// The end of a submit that did not reach the queue.
void SubmitDesk::tell(const Pending& pending, const protocol::Message& message) {
    keys_in_flight_.erase(pending.key_name);
    if (const PeerPtr peer = pending.peer.lock()) peer->connection->send(message);
}

static_assert(static_cast<int>(RefuseSubmit::Why::queued_quota) ==
                  static_cast<int>(protocol::SubmitRefused::Why::queued_quota) &&
              static_cast<int>(RefuseSubmit::Why::cpu_quota) ==
                  static_cast<int>(protocol::SubmitRefused::Why::cpu_quota) &&
              static_cast<int>(RefuseSubmit::Why::no_such_queue) ==
                  static_cast<int>(protocol::SubmitRefused::Why::no_such_queue));

}  // namespace windlass::scheduler
