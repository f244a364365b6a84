// A sandbox that runs nothing: the test says what happens in its boxes.
#pragma once

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "worker/file_descriptor.h"
#include "worker/sandbox/sandbox.h"

namespace windlass::worker::testing {

class FakeSandbox final : public Sandbox {
  public:
    struct Box {
        BoxSpec spec;
        FileDescriptor standard_output;  // the job's ends
        FileDescriptor standard_error;
        std::vector<Milliseconds> stops;
        bool ended = false;
    };

    Result<Launched> start(const BoxSpec& spec) override {
        if (!refuse_.empty()) return make_error(ErrorKind::unavailable, refuse_);
        if (!break_at_start_.empty()) {  // without an event: nothing becomes readable
            broken_ = break_at_start_;
            return make_error(ErrorKind::not_found, broken_);
        }
        Box box{spec, {}, {}, {}, false};
        int out[2], err[2];
        WINDLASS_CHECK(pipe2(out, O_CLOEXEC | O_NONBLOCK) == 0 && pipe2(err, O_CLOEXEC | O_NONBLOCK) == 0, "no pipe");
        box.standard_output.reset(out[1]);
        box.standard_error.reset(err[1]);
        boxes_.emplace(++last_, std::move(box));
        if (!outlives_) return Launched{last_, out[0], err[0]};
        records_[last_] = spec.record;
        files_.emplace_back(memfd_create("out", MFD_CLOEXEC));
        files_.emplace_back(memfd_create("err", MFD_CLOEXEC));
        const std::size_t last_file = files_.size() - 1;
        const int out_file = files_[last_file - 1].get();
        const int err_file = files_[last_file].get();
        kept_[last_] = {last_, dup(out[0]), dup(err[0]), out_file, err_file};
        return Launched{last_, out[0], err[0], out_file, err_file};
    }
    void stop(BoxId box, Milliseconds grace) override { boxes_.at(box).stops.push_back(grace); }
    std::optional<Microseconds> cpu_used(BoxId box) const override {
        const auto used = cpu_used_.find(box);
        return used == cpu_used_.end() ? std::nullopt : std::optional(used->second);
    }
    BoxUse use(BoxId box) const override {
        const auto use = use_.find(box);
        return use == use_.end() ? BoxUse{} : use->second;
    }
    std::vector<pid_t> processes(BoxId box) const override {
        const auto found = processes_.find(box);
        return found == processes_.end() ? std::vector<pid_t>{} : found->second;
    }
    int work_directory(BoxId box) const override {
        const auto found = work_directories_.find(box);
        return found == work_directories_.end() ? -1 : found->second.get();
    }
    std::vector<Inherited> take_inherited() override { return std::exchange(inherited_, {}); }
    bool outlives() const override { return outlives_; }
    void add_to_record(BoxId box, char kind, std::string_view text) override {
        records_[box] += record_entry(kind, text);
    }
    void forget(BoxId box) override { forgotten_.push_back(box); }
    void good_until(std::optional<SteadyTime> until) override { good_until_ = until; }
    std::optional<SteadyTime> good_until() const { return good_until_; }
    int fd() const override { return events_fd_.get(); }
    std::vector<BoxEvent> take_events() override {
        eventfd_t ignored = 0;
        eventfd_read(events_fd_.get(), &ignored);
        return std::exchange(events_, {});
    }
    std::string broken() const override { return broken_; }
    const std::vector<Finding>& findings() const override { return findings_; }
    int stuck_boxes() const override { return 0; }

    // ---- the test's side ----
    Box& box(BoxId id) { return boxes_.at(id); }
    std::size_t started() const { return boxes_.size(); }  // boxes so far; their ids are 1, 2, …
    void say_started(BoxId id, SteadyTime at = SystemClock().now().steady) {
        events_.emplace_back(std::in_place_type<BoxStarted>, BoxStarted{id, at});
        eventfd_write(events_fd_.get(), 1);
    }
    void print(BoxId id, std::string_view bytes) { put(boxes_.at(id).standard_output, bytes); }
    void print_error(BoxId id, std::string_view bytes) { put(boxes_.at(id).standard_error, bytes); }
    void say_stuck(BoxId id, std::string why) {
        events_.emplace_back(BoxStuck{id, std::move(why)});
        eventfd_write(events_fd_.get(), 1);
    }
    // Takes the directory. The job's ends of the pipes stay open when `hold_pipes`, as if a stray descriptor existed.
    void say_ended(BoxId id, Outcome outcome = {}, int work_directory_fd = -1, bool hold_pipes = false) {
        if (!hold_pipes) {
            boxes_.at(id).standard_output.reset();
            boxes_.at(id).standard_error.reset();
        }
        boxes_.at(id).ended = true;
        BoxEnded ended;
        ended.box = id;
        ended.outcome = std::move(outcome);
        ended.usage.cpu_user = Microseconds{1234};
        ended.work_directory_fd = work_directory_fd;
        events_.emplace_back(std::in_place_type<BoxEnded>, std::move(ended));
        eventfd_write(events_fd_.get(), 1);
    }
    void break_down(std::string sentence) {
        broken_ = std::move(sentence);
        eventfd_write(events_fd_.get(), 1);
    }
    void say_use(BoxId id, BoxUse use) { use_[id] = use; }
    void say_processes(BoxId id, std::vector<pid_t> processes) { processes_[id] = std::move(processes); }
    void say_work_directory(BoxId id, const std::string& path) {
        work_directories_[id].reset(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    void say_cpu_used(BoxId id, Microseconds used) { cpu_used_[id] = used; }
    // From here on boxes outlive whoever started them.
    void outlive() { outlives_ = true; }
    // Who started them is dead: the next one gets all that it has not let go of.
    void bequeath() {
        for (const auto& [box, launched] : kept_) {
            if (std::find(forgotten_.begin(), forgotten_.end(), box) != forgotten_.end()) continue;
            Launched again = launched;
            again.stdout_fd = dup(launched.stdout_fd);
            again.stderr_fd = dup(launched.stderr_fd);
            inherited_.push_back({again, "", entries_of(records_.at(box))});
        }
    }
    void lose_record(BoxId box) { records_.at(box).clear(); }
    const std::vector<BoxId>& forgotten() const { return forgotten_; }
    void refuse_starts(std::string sentence) { refuse_ = std::move(sentence); }
    void break_at_start(std::string sentence) { break_at_start_ = std::move(sentence); }

  private:
    static void put(const FileDescriptor& fd, std::string_view bytes) {
        WINDLASS_CHECK(::write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
                       "the pipe does not take so much at once");
    }

    FileDescriptor events_fd_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::map<BoxId, Box> boxes_;
    BoxId last_ = 0;
    std::map<BoxId, Microseconds> cpu_used_;
    std::map<BoxId, BoxUse> use_;
    std::map<BoxId, std::vector<pid_t>> processes_;
    std::map<BoxId, FileDescriptor> work_directories_;
    std::vector<BoxEvent> events_;
    std::string broken_, refuse_, break_at_start_;
    bool outlives_ = false;
    std::vector<Inherited> inherited_;
    std::vector<BoxId> forgotten_;
    std::optional<SteadyTime> good_until_;
    std::map<BoxId, std::string> records_;
    std::map<BoxId, Launched> kept_;  // their descriptors are never closed: a test does not live long
    std::vector<FileDescriptor> files_;
    std::vector<Finding> findings_;
};

}  // namespace windlass::worker::testing
