#include "scheduler/schedule_desk.h"

#include <algorithm>
#include <utility>

#include "scheduler/job_seed.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/protocol.h"

namespace windlass::scheduler {
namespace {

// Clocks of wall and loop differ, and clocks are set: looked at this often while anything is planned.
constexpr Milliseconds longest_sleep{60'000};

std::string text_member(const rapidjson::Value& object, const char* key) {
    const auto member = object.FindMember(key);
    return member != object.MemberEnd() && member->value.IsString() ? std::string(text_of(member->value))
                                                                    : std::string();
}

// What the api stored: {"body": the submit as it was sent, "item": the same in the words of the protocol}.
Result<SubmittedItem> item_of(const std::string& stored) {
    WINDLASS_TRY(const auto document, parse_json(stored, {.allow_nul = true}));
    if (!document.IsObject() || !document.HasMember("body") || !document["body"].IsObject() ||
        !document.HasMember("item"))
        return make_error(ErrorKind::internal, "its job is not stored as one");
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    document["item"].Accept(writer);
    WINDLASS_TRY(protocol::SubmitItem item, protocol::decode_item(text_of(buffer)));
    SubmittedItem made;
    made.payload.spec = std::move(item.spec);
    made.payload.code = make_content(text_member(document["body"], "code"));
    made.payload.data = make_content(text_member(document["body"], "data"));
    made.payload.array_count = item.array_count;
    made.payload.has_params = !item.params.empty();
    made.array = {item.array_count, item.max_fails};
    for (const auto& params : item.params) made.params.push_back(json_object_of(params));
    return made;
}

}  // namespace

ScheduleDesk::ScheduleDesk(uv_loop_t* loop, Turns& turns)
    : turns_(turns), timer_(loop, [this] {
          look();
          turns_.end_turn();
      }) {
    timer_.unref();
}

void ScheduleDesk::reload(std::function<void(const Status&)> done) {
    if (reloading_) again_ = true;
    if (reloading_ && !done) return;
    reloading_ = true;
    turns_.store().ask<std::vector<ScheduleRecord>>(
        [](Store& store) { return store.schedules(); },
        [this, done = std::move(done)](Result<std::vector<ScheduleRecord>> records) {
            reloading_ = false;
            if (records)
                take(std::move(*records));
            else
                log::warning("the recurring jobs could not be read: {}", records.error().message);
            if (done) done(records ? Status() : Status(records.error()));
            if (std::exchange(again_, false)) return reload();
            look();
            turns_.end_turn();
        });
}

void ScheduleDesk::take(std::vector<ScheduleRecord> records) {
    schedules_ = Schedules();
    records_.clear();
    for (ScheduleRecord& record : records) {
        auto cron = Cron::parse(record.cron, record.time_zone);
        if (!cron) {
            log::error("schedule {} is left out: {}", record.id, cron.error().message);
            continue;
        }
        schedules_.put({record.id, record.owner, std::move(*cron), record.overlap, record.missed, record.paused,
                        record.dealt_with, record.last_job});
        records_.emplace(record.id, std::move(record));
    }
}

void ScheduleDesk::look() {
    // What is not durable yet is not in the table, from which all of this may be read anew at any moment.
    while (!under_way_ && !reloading_ && !turns_.deposed()) {
        const auto due =
            schedules_.due(turns_.now().wall, [this](JobId job) { return !turns_.queue().is_active(job); });
        if (!due) break;
        if (due->run)
            run(*due);
        else
            leave_out(*due, due->left_out);
    }
    arm();
}

void ScheduleDesk::run(const Due& due) {
    const ScheduleRecord& record = records_.at(due.schedule);
    auto item = item_of(record.job);
    if (!item) {
        log::error("schedule {}: {}", due.schedule, item.error().message);
        return leave_out(due, item.error().message);
    }
    if (due.cancel) turns_.feed(CancelJobs{{}, {due.cancel}, "the next run of its schedule takes its place"});
    std::vector<SubmittedItem> items;
    items.push_back(std::move(*item));
    items.front().schedule = due.schedule;
    items.front().planned = due.planned;
    NewJob seed = seed_from(record.owner, items.front().payload.spec);
    seed.array = items.front().array;
    if (due.wait_for) seed.after.push_back({due.wait_for, 0, DependencyCondition::any, std::nullopt});
    items.front().after = seed.after;
    request_ = RequestId{request_.value - 1};
    under_way_ = due;
    Attachment attachment;
    attachment.owner = record.owner;
    attachment.items = &items;
    turns_.feed(Submit{request_, {std::move(seed)}, std::nullopt}, std::move(attachment));
}

bool ScheduleDesk::answered(const AnswerSubmit& answer) {
    if (answer.request.value >= 0) return false;
    if (under_way_ && answer.request == request_) {
        schedules_.dealt_with(*std::exchange(under_way_, std::nullopt), answer.jobs.front());
        look();
    }
    return true;
}

bool ScheduleDesk::answered(const RefuseSubmit& refusal) {
    if (refusal.request.value >= 0) return false;
    if (under_way_ && refusal.request == request_) {
        leave_out(*std::exchange(under_way_, std::nullopt), refusal.detail);
        look();
    }
    return true;
}

void ScheduleDesk::leave_out(const Due& due, const std::string& why) {
    log::info("schedule {}: a planned run is left out: {}", due.schedule, why);
    turns_.builder().add_schedule({due.schedule, due.planned});
    schedules_.dealt_with(due, {});
}

void ScheduleDesk::arm() {
    const auto next = schedules_.next();
    // What look() waits for makes it look again: a timer for what is due already would only ring for ever.
    if (!next || under_way_ || reloading_ || turns_.deposed()) return timer_.stop();
    const auto wait = std::chrono::ceil<Milliseconds>(std::max<Microseconds>(*next - turns_.now().wall, {}));
    timer_.start(std::min(wait, longest_sleep));
}

}  // namespace windlass::scheduler
