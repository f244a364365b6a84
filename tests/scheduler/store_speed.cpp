// Prints how fast the stores are: rows committed per second by batch size, and the time to load a million queued jobs.
// usage: windlass_store_speed [JOBS-TO-LOAD]
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tests/scheduler/store_fixture.h"

namespace {

using namespace windlass;
using namespace windlass::scheduler;
using namespace windlass::scheduler::test;
using std::chrono::steady_clock;

double seconds_since(steady_clock::time_point start) {
    return std::chrono::duration<double>(steady_clock::now() - start).count();
}

void must(const Status& status) {
    if (status) return;
    std::fprintf(stderr, "%s\n", status.error().message.c_str());
    std::exit(1);
}

// Jobs go through submit, lease and finish in batches of `size`: three commits, nine rows and two changes per job.
void commit_speed(Store& store, std::int64_t& next, std::int64_t size) {
    const WorkerId worker{7};
    double time[3] = {};
    std::int64_t jobs = 0;
    for (const auto start = steady_clock::now(); seconds_since(start) < 3.0; jobs += size, next += size) {
        const Batch batches[3] = {submit(next, size), lease(next, size, worker), finish(next, size, worker)};
        for (int i = 0; i < 3; ++i) {
            const auto begun = steady_clock::now();
            must(store.commit(batches[i]));
            time[i] += seconds_since(begun);
        }
    }
    const double n = static_cast<double>(jobs);
    std::printf("  batches of %4lld: submit %8.0f/s  lease %8.0f/s  finish %8.0f/s  whole life %8.0f jobs/s\n",
                static_cast<long long>(size), n / time[0], n / time[1], n / time[2], n / (time[0] + time[1] + time[2]));
}

void load_speed(StoreDatabase& database, std::unique_ptr<Store>& store, std::int64_t first, std::int64_t jobs) {
    for (std::int64_t done = 0; done < jobs; done += 5000) must(store->commit(submit(first + done, 5000)));
    const auto read = [&](const char* what) {
        const auto start = steady_clock::now();
        const auto stored = store->load();
        if (!stored) must(stored.error());
        std::printf("  load of %zu jobs that have not ended, %s: %.2f s\n", stored->queue.jobs.size(), what,
                    seconds_since(start));
    };
    read("as they are");
    store.reset();
    store = database.open();
    read("by another connection");
}

void read_speed(Session& session, std::int64_t id) {
    const auto start = steady_clock::now();
    constexpr int reads = 20'000;
    for (int i = 0; i < reads; ++i) {
        if (session.query("select name, priority, submitted_us, env from job where id = :id", id - i % 100)->size() !=
            1) {
            must(make_error(ErrorKind::internal, "a job is missing"));
        }
    }
    std::printf("  Session::query by primary key: %.1f us\n", seconds_since(start) / reads * 1e6);
}

}  // namespace

int main(int argc, char** argv) {
    const std::int64_t jobs = argc > 1 ? std::atoll(argv[1]) : 1'000'000;
    for (const Engine engine : {Engine::sqlite, Engine::postgresql}) {
        std::printf("%s\n", windlass::test::engine_name(engine).c_str());
        SqlStoreDatabase database(engine);
        auto store = database.open();
        if (const auto epoch = store->lead(); !epoch) must(epoch.error());
        std::int64_t next = 1;
        for (const std::int64_t size : {1, 100, 1000}) commit_speed(*store, next, size);
        read_speed(database.session(), next - 1);
        load_speed(database, store, next, jobs);
    }
    return 0;
}
