// Recurring jobs: reads them from the store, submits what is due, and keeps how far each has come. The decisions are in
// schedules.h; this is when and with what.
//
// Everything belongs to the loop's thread.
#pragma once

#include <uv.h>

#include <map>
#include <string>
#include <vector>

#include "scheduler/schedules.h"
#include "scheduler/turns.h"
#include "shared/loop_timer.h"

namespace windlass::scheduler {

class ScheduleDesk {
  public:
    ScheduleDesk(uv_loop_t* loop, Turns& turns);
    ScheduleDesk(const ScheduleDesk&) = delete;
    ScheduleDesk& operator=(const ScheduleDesk&) = delete;

    // Reads all of them anew; `done` says whether it could be. They may have changed.
    void reload(std::function<void(const Status&)> done = {});
    // True when it was our submit that is answered here.
    bool answered(const AnswerSubmit& answer);
    bool answered(const RefuseSubmit& refusal);

  private:
    void take(std::vector<ScheduleRecord> records);
    void look();
    void run(const Due& due);
    void leave_out(const Due& due, const std::string& why);
    void arm();

    Turns& turns_;
    LoopTimer timer_;
    Schedules schedules_;
    std::map<std::int64_t, ScheduleRecord> records_;
    std::optional<Due> under_way_;  // submitted, not durable yet: nothing else is looked at until it is
    RequestId request_;             // of it. Below 0: not a number of anybody who asked
    bool reloading_ = false;
    bool again_ = false;  // they changed while they were read
};

}  // namespace windlass::scheduler
