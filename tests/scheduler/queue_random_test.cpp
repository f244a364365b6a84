// Everything at once, at random, from a seed: all events thrown at a queue, which now and then is thrown away and made
// anew from what its effects said. After each step every invariant holds, the store would have taken every write, and
// queue and store agree. In the end everything that lives can end.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "scheduler/queue.h"
#include "tests/scheduler/persisted_queue.h"

namespace windlass::scheduler {
namespace {

class Random {  // xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016)
  public:
    explicit Random(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ULL + 1) {}
    std::int64_t below(std::int64_t bound) {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return static_cast<std::int64_t>((state_ * 0x2545F4914F6CDD1DULL >> 11) % static_cast<std::uint64_t>(bound));
    }
    bool once_in(std::int64_t times) { return below(times) == 0; }

  private:
    std::uint64_t state_;
};

constexpr std::int64_t users = 5;
constexpr std::int64_t workers = 5;

class Play {
  public:
    explicit Play(std::uint64_t seed) : random_(seed) {
        settings_.first_job_id = JobId{1};
        settings_.crash_limit = 3;
        settings_.reserve_after = Milliseconds{2'000};
        queue_ = std::make_unique<Queue>(settings_);
    }

    void step() {
        switch (random_.below(24)) {
            case 0:
            case 1:
            case 2:
                return submit();
            case 3:
                return cancel();
            case 4:
                return quota();
            case 5:
                return configure();
            case 6:
                return on(DrainWorker{RequestId{1}, worker(), random_.once_in(2)});
            case 7:
                return on(ForgetWorker{RequestId{1}, worker()});
            case 8:
            case 9:
                return join();
            case 10:
                return on(WorkerLeft{worker()});
            case 11:
                return on(LeasesRenewed{worker(), held(worker(), 10)});
            case 12:
                if (random_.once_in(4)) on(WorkerDraining{worker()});
                return;
            case 13:
            case 14:
            case 15:
                return start();
            case 16:
                return hand_back();
            case 17:
                return pass();
            case 18:
                if (random_.once_in(4)) restore();
                return;
            default:
                return finish();
        }
    }

    // Nothing stands in the way of anything any more: all of it ends.
    void finish_everything() {
        for (const char* name : {"default", "a", "b"}) {
            QueueConfig config;
            config.name = name;
            on(ConfigureQueue{RequestId{1}, config});
        }
        for (std::int64_t user = 1; user <= users; ++user) set_quota(UserId{user}, {});
        for (std::int64_t id = 1; id <= workers; ++id) on(WorkerLeft{WorkerId{id}});
        forward(Seconds{200'000});
        on(TimePassed{});
        const WorkerId last{workers + 1};
        WorkerJoined all{last, {}, {}};
        all.capacity.cpu_millis = 1'000'000;
        all.capacity.memory_bytes = 1000 * gibibyte;
        all.capacity.labels = {{"zone", "a"}, {"net", "full"}};
        all.capacity.resources = {{"gpu", 100}};
        on(all);
        for (int round = 0; round < 20'000 && live(); ++round) {
            for (const SendLease& lease : std::vector<SendLease>(leases_))
                if (lease.worker == last) report(lease, OutcomeKind::exited, 0);
            leases_.clear();
            for (const auto& [id, row] : store_.rows())
                if (is_leased(row.state) && row.worker == last) leases_.push_back({last, {id, row.attempt}});
            if (const auto next = queue_->next_timer(); leases_.empty() && next) {
                forward(std::max(*next - now_.steady, Microseconds{0}));
                on(TimePassed{});
            }
        }
        for (const auto& [id, row] : store_.rows())
            if (!is_final(row.state))
                throw std::logic_error("job " + id.text() + " never ends: " + queue_->explain(id).text);
        if (queue_->counts().queued + queue_->counts().blocked > 0) throw std::logic_error("somebody waits for ever");
    }

    std::size_t jobs() const { return store_.rows().size(); }
    const std::map<std::size_t, int>& kinds_of_effects() const { return seen_; }

  private:
    bool live() const {
        return std::any_of(store_.rows().begin(), store_.rows().end(),
                           [](const auto& each) { return !is_final(each.second.state); });
    }
    UserId user() { return UserId{random_.below(users) + 1}; }
    WorkerId worker() { return WorkerId{random_.below(workers) + 1}; }
    JobId job() {
        if (!leases_.empty() && random_.once_in(4)) return any_lease().attempt.job;
        return JobId{random_.below(highest_ + 3) + 1};
    }

    void on(const Event& event) {
        // Clocks are read one after the other.
        now_.wall += Microseconds{random_.below(3)};
        const Effects effects = queue_->on(event, now_);
        take(effects);
        check();
    }
    void take(const Effects& effects) {
        for (const Effect& effect : effects) {
            store_.apply(effect);
            ++seen_[effect.index()];
            if (const auto* lease = std::get_if<SendLease>(&effect)) leases_.push_back(*lease);
            if (const auto* answer = std::get_if<AnswerSubmit>(&effect))
                for (std::size_t index = 0; index < answer->jobs.size(); ++index)
                    highest_ = std::max(highest_, answer->jobs[index].value + sizes_.at(index));
        }
        if (leases_.size() > 200) leases_.erase(leases_.begin(), leases_.begin() + 100);
    }
    void check() {
        std::string why;
        if (!queue_->check_invariants(&why)) throw std::logic_error(why);
        for (const auto& [id, row] : store_.rows()) {
            const std::optional<StateRow> mine = queue_->row(id);
            if (mine.has_value() == is_final(row.state)) throw std::logic_error("who lives is not agreed on");
            if (mine && *mine != row) throw std::logic_error("the row of job " + id.text() + " is not the store's");
        }
        for (const JobId id : {JobId{1}, job(), job()}) {
            const Explanation explanation = queue_->explain(id);
            if (explanation.text.empty()) throw std::logic_error("no word about job " + id.text());
        }
        if (const auto next = queue_->next_timer(); next && *next > now_.steady + std::chrono::hours{48})
            throw std::logic_error("a timer that rings in days");
    }
    void restore() {
        queue_ = std::make_unique<Queue>(settings_);
        take(queue_->restore(store_.load(), now_));
        check();
    }
    void forward(Microseconds time) {
        now_.steady += time;
        now_.wall += time;
    }
    void pass() {
        const std::int64_t scale[] = {1'000, 100'000, 1'000'000, 10'000'000, 3'600'000'000};
        forward(Microseconds{random_.below(scale[random_.below(random_.once_in(10) ? 5 : 4)]) + 1});
        if (random_.once_in(20)) now_.wall -= Seconds{random_.below(100)};  // somebody sets the clock
        if (!random_.once_in(5)) on(TimePassed{});
    }

    NewJob new_job(UserId owner) {
        NewJob job;
        job.owner = owner;
        job.priority = static_cast<std::int16_t>(random_.below(3) - 1);
        job.max_attempts = static_cast<std::int32_t>(random_.below(3) + 1);
        job.need.cpu_millis = static_cast<std::int32_t>((random_.below(4) + 1) * 500);
        job.need.memory_bytes = (random_.below(3) + 1) * gibibyte;
        if (random_.once_in(6)) job.need.labels["zone"] = "a";
        if (random_.once_in(8)) job.need.labels["net"] = "full";
        if (random_.once_in(6)) job.need.resources["gpu"] = random_.below(2) + 1;
        if (random_.once_in(6)) job.need.cpu_millis = 4000;
        if (random_.once_in(3)) job.queue = random_.once_in(2) ? "a" : "b";
        if (random_.once_in(5)) job.rules.not_before = now_.wall + Microseconds{random_.below(5'000'000)};
        if (random_.once_in(5)) job.rules.deadline = now_.wall + Microseconds{random_.below(20'000'000)};
        if (random_.once_in(4)) job.rules.retry_on = RetryOn{{1}, {9}, random_.once_in(2)};
        if (random_.once_in(4)) job.rules.retry_delay = Milliseconds{random_.below(3'000)};
        if (random_.once_in(5)) job.array.count = random_.below(12) + 1;
        if (random_.once_in(3)) job.array.max_fails = random_.below(3);
        return job;
    }
    void submit() {
        Submit submit{RequestId{++request_}, {}, {}};
        const UserId owner = user();
        submit.quota = quotas_[owner];
        for (std::int64_t i = random_.below(5); i >= 0; --i) {
            submit.jobs.push_back(new_job(owner));
            for (std::int64_t deps = random_.once_in(3) ? random_.below(3) : 0; deps > 0; --deps) {
                Dependency after;
                after.condition = static_cast<DependencyCondition>(random_.below(3));
                if (submit.jobs.size() > 1 && random_.once_in(2))
                    after.index =
                        static_cast<std::size_t>(random_.below(static_cast<std::int64_t>(submit.jobs.size()) - 1));
                else
                    after.job = job();
                const auto row = store_.rows().find(after.job);
                if (row != store_.rows().end() && is_final(row->second.state)) after.ended = row->second.state;
                submit.jobs.back().after.push_back(after);
            }
        }
        sizes_.clear();
        for (const NewJob& job : submit.jobs) sizes_.push_back(job.array.count);
        store_.submitted(submit);
        on(submit);
    }
    void cancel() {
        CancelJobs cancel{RequestId{1}, {}, random_.once_in(2) ? "not wanted" : ""};
        for (std::int64_t i = random_.below(4); i >= 0; --i) cancel.jobs.push_back(job());
        on(cancel);
    }
    void set_quota(UserId user, const Quota& quota) {
        quotas_[user] = quota;
        store_.quota(user, quota);
        on(SetQuota{user, quota});
    }
    void quota() {
        Quota quota;
        if (random_.once_in(3)) quota.queued = random_.below(30);
        if (random_.once_in(3)) quota.running = random_.below(4);
        if (random_.once_in(3)) quota.cpu_per_day = Seconds{random_.below(60)};
        set_quota(user(), quota);
    }
    void configure() {
        QueueConfig config;
        const char* const names[] = {"a", "b", "default", "unused"};
        config.name = names[random_.below(4)];
        if (random_.once_in(4)) return on(RemoveQueue{RequestId{1}, config.name});
        config.weight = static_cast<double>(random_.below(4)) + (random_.once_in(10) ? 0.0 : 0.5);
        if (random_.once_in(3)) config.max_running = random_.below(5);
        config.held = random_.once_in(6);
        on(ConfigureQueue{RequestId{1}, config});
    }
    std::vector<AttemptRef> held(WorkerId worker, std::int64_t forgets_once_in) {
        std::vector<AttemptRef> held;
        for (const SendLease& lease : leases_)
            if (lease.worker == worker && !random_.once_in(forgets_once_in) &&
                std::find(held.begin(), held.end(), lease.attempt) == held.end())
                held.push_back(lease.attempt);
        return held;
    }
    void join() {
        WorkerJoined joined{worker(), {}, {}};
        joined.capacity.cpu_millis = static_cast<std::int32_t>((random_.below(5) + 1) * 1000);
        joined.capacity.memory_bytes = (random_.below(8) + 1) * gibibyte;
        joined.capacity.prefetch = static_cast<std::int32_t>(random_.below(4));
        if (random_.once_in(2)) joined.capacity.labels["zone"] = random_.once_in(2) ? "a" : "b";
        if (random_.once_in(2)) joined.capacity.labels["net"] = "full";
        if (random_.once_in(2)) joined.capacity.resources["gpu"] = random_.below(3);
        joined.held = held(joined.worker, 6);
        on(joined);
    }
    SendLease any_lease() {
        SendLease lease =
            leases_.at(static_cast<std::size_t>(random_.below(static_cast<std::int64_t>(leases_.size()))));
        if (random_.once_in(15)) ++lease.attempt.attempt;
        if (random_.once_in(15)) lease.worker = worker();
        return lease;
    }
    void start() {
        if (leases_.empty()) return;
        const SendLease lease = any_lease();
        on(AttemptStarted{lease.worker, lease.attempt});
    }
    void hand_back() {
        if (leases_.empty()) return;
        const SendLease lease = any_lease();
        on(AttemptReturned{lease.worker, lease.attempt});
    }
    void report(const SendLease& lease, OutcomeKind outcome, std::int32_t exit_code) {
        on(AttemptFinished{lease.worker, lease.attempt, outcome, exit_code, 9, Microseconds{random_.below(4'000'000)}});
    }
    void finish() {
        if (leases_.empty()) return;
        report(any_lease(), static_cast<OutcomeKind>(random_.once_in(3) ? random_.below(9) : 0),
               static_cast<std::int32_t>(random_.below(4) == 0 ? random_.below(3) : 0));
    }

    Random random_;
    QueueSettings settings_;
    std::unique_ptr<Queue> queue_;
    PersistedQueue store_;
    Now now_{SteadyTime{Seconds{1000}}, from_unix_us(1'700'000'000'000'000)};
    std::int64_t request_ = 0;
    std::int64_t highest_ = 0;
    std::vector<std::int64_t> sizes_;  // of the jobs of the submit under way
    std::vector<SendLease> leases_;    // lately sent, stale ones among them
    std::map<UserId, Quota> quotas_;
    std::map<std::size_t, int> seen_;
};

class RandomPlays : public testing::TestWithParam<int> {};

TEST_P(RandomPlays, keep_every_invariant_and_lose_no_job) {
    Play play(static_cast<std::uint64_t>(GetParam()));
    int step = 0;
    try {
        for (; step < 2500; ++step) play.step();
        play.finish_everything();
    } catch (const std::exception& broken) {
        FAIL() << "after step " << step << ": " << broken.what();
    }
    EXPECT_GT(play.jobs(), 300U);
    for (std::size_t kind = 0; kind < std::variant_size_v<Effect>; ++kind)
        EXPECT_TRUE(play.kinds_of_effects().contains(kind)) << "no effect of kind " << kind << " in the whole play";
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomPlays, testing::Range(1, 13),
                         [](const auto& each) { return "seed_" + std::to_string(each.param); });

}  // namespace
}  // namespace windlass::scheduler
