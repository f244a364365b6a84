// How fast the queue alone decides: no socket, no database, no thread. Prints figures; not a test.
//
//     windlass_queue_speed [jobs=1000000] [users=10000] [workers=1000] [turns=1000000]
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>

#include "scheduler/queue.h"

namespace windlass::scheduler {
namespace {

// Of this program alone, whatever else the machine does.
double seconds_now() {
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

std::size_t heap_bytes() {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

struct Load {
    std::int64_t jobs = 1'000'000;
    std::int64_t users = 10'000;
    std::int64_t workers = 1'000;
    std::int64_t turns = 1'000'000;
};

// Keeps every worker full: the oldest attempt ends, and the queue says what starts in its place.
class Site {
  public:
    explicit Site(const Load& load) : load_(load) {}

    void run() {
        const std::size_t before = heap_bytes();
        enqueue();
        const std::size_t each = (heap_bytes() - before) / static_cast<std::size_t>(load_.jobs);
        std::printf("  %zu bytes per queued job\n", each);
        join();
        for (int round = 0; round < 3; ++round) complete();
    }

  private:
    void enqueue() {
        constexpr std::int64_t at_once = 100;
        const double begin = seconds_now();
        for (std::int64_t first = 0; first < load_.jobs; first += at_once) {
            Submit submit;
            submit.jobs.resize(at_once);
            for (NewJob& job : submit.jobs) {
                job.owner = UserId{first / at_once % load_.users + 1};
                job.need.cpu_millis = 1000;
                job.need.memory_bytes = gibibyte;
            }
            queue_.on(submit, now_);
        }
        std::printf("  %.0f jobs/s enqueued\n", static_cast<double>(load_.jobs) / (seconds_now() - begin));
    }
    void join() {
        for (std::int64_t worker = 1; worker <= load_.workers; ++worker) {
            WorkerJoined joined;
            joined.worker = WorkerId{worker};
            joined.capacity.cpu_millis = 4000;
            joined.capacity.memory_bytes = 8 * gibibyte;
            note(queue_.on(joined, now_));
        }
    }
    void complete() {
        const double begin = seconds_now();
        std::int64_t done = 0;
        for (; done < load_.turns / 3 && !running_.empty(); ++done) {
            now_.steady += Microseconds{20};
            now_.wall += Microseconds{20};
            AttemptFinished finished;
            finished.worker = running_.front().worker;
            finished.attempt = running_.front().attempt;
            finished.wall = Milliseconds{80};
            running_.pop_front();
            note(queue_.on(finished, now_));
            if (done % 40 == 0) queue_.on(TimePassed{}, now_);
        }
        std::printf("  %.0f jobs/s leased and completed\n", static_cast<double>(done) / (seconds_now() - begin));
    }
    void note(const Effects& effects) {
        for (const Effect& effect : effects)
            if (const auto* lease = std::get_if<SendLease>(&effect)) running_.push_back(*lease);
    }

    Load load_;
    Queue queue_{QueueSettings{}};
    Now now_{SteadyTime{Seconds{1000}}, from_unix_us(1'700'000'000'000'000)};
    std::deque<SendLease> running_;
};

}  // namespace
}  // namespace windlass::scheduler

int main(int argc, char** argv) {
    windlass::scheduler::Load load;
    std::int64_t* const fields[] = {&load.jobs, &load.users, &load.workers, &load.turns};
    for (int i = 1; i < argc && i <= 4; ++i) *fields[i - 1] = std::atoll(argv[i]);
    windlass::scheduler::Site(load).run();
}
