// What lists show, against what the store writes: wherever a job's row lies, however it is asked for.
#include "api/jobs_repository.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "api/relations_repository.h"
#include "tests/scheduler/store_fixture.h"

namespace windlass::api {
namespace {

using namespace scheduler::test;
using scheduler::Batch;
using scheduler::Store;
using testing::ElementsAre;
using testing::IsEmpty;

class JobLists : public testing::TestWithParam<Engine> {
  protected:
    void SetUp() override { ASSERT_TRUE(store->lead()); }
    void commit(const Batch& batch) {
        const Status status = store->commit(batch);
        ASSERT_TRUE(status) << status.error().message;
    }
    // All steps of a list, whatever their size.
    std::vector<std::int64_t> list(const Visible& who, const JobFilter& filter, int scan) {
        std::vector<std::int64_t> ids;
        for (std::int64_t before = newest;;) {
            const auto step = jobs.newest_first(who, filter, before, scan);
            if (!step) {
                ADD_FAILURE() << step.error().message;
                return ids;
            }
            for (const JobLine& line : step->matches) ids.push_back(line.id.value);
            if (step->end) return ids;
            before = step->cursor;
        }
    }
    static JobFilter only(JobState state) { return StateRange{state, state}; }

    SqlStoreDatabase database{GetParam()};
    std::unique_ptr<Store> store = database.open();
    SessionPool pool{database.url(), 2};
    JobsRepository jobs{pool};
    RelationsRepository relations{pool};
    const WorkerId worker{77};
    const Visible everybody{UserId{}, true}, first_user{UserId{1}, false};
};

// Jobs 1…8 of users 1 and 2 in turn: two failed (one moved), two succeeded, one queued, one running; one array (100)
// of five with a member that runs, one cancelled array (200).
struct Content {
    Batch batch;
    explicit Content(WorkerId worker) {
        batch = submit(1, 8);
        for (auto& job : batch.jobs) job.owner = UserId{job.job.value % 2 == 1 ? 1 : 2};
        batch.jobs[0].row = finished_row(JobState::failed);
        batch.jobs[1].row = finished_row(JobState::failed);
        batch.jobs[2].row = finished_row();
        batch.jobs[3].row = finished_row();
        batch.jobs[4].row.event_seq = 1;
        batch.jobs[5].row = leased_row(worker);
        batch.jobs[4].spec.tags = batch.jobs[3].spec.tags = batch.jobs[0].spec.tags = {"t"};
        batch.jobs[1].spec.queue = batch.jobs[2].spec.queue = "gpu";
        batch.jobs[6].row.state = JobState::blocked;
        const Batch array = submit_array(100, 5), cancelled = submit_array(200, 3);
        batch.jobs.push_back(array.jobs[0]);
        batch.jobs.back().owner = UserId{1};
        batch.jobs.push_back(cancelled.jobs[0]);
        batch.jobs.back().owner = UserId{1};
        batch.jobs.back().row = finished_row(JobState::cancelled);
        batch.members.push_back(member(100, 0, finished_row(JobState::failed)));
        batch.members.push_back(member(100, 1, leased_row(worker)));
        batch.members.push_back(member(200, 0, finished_row()));
        batch.jobs[8].array->next_member = 2;
        batch.jobs[8].array->failed = 1;
    }
};

TEST_P(JobLists, show_the_same_before_and_after_jobs_move_to_the_history) {
    commit(Content(worker).batch);
    for (int moved = 0; moved < 3; ++moved) {
        SCOPED_TRACE(moved);
        for (const int scan : {1, 2, 100}) {
            SCOPED_TRACE(scan);
            EXPECT_THAT(list(everybody, {}, scan), ElementsAre(200, 100, 8, 7, 6, 5, 4, 3, 2, 1));
            EXPECT_THAT(list(first_user, {}, scan), ElementsAre(200, 100, 7, 5, 3, 1));
            EXPECT_THAT(list(everybody, only(JobState::failed), scan), ElementsAre(2, 1));
            EXPECT_THAT(list(first_user, only(JobState::failed), scan), ElementsAre(1));
            EXPECT_THAT(list(everybody, only(JobState::queued), scan), ElementsAre(8, 5));
            EXPECT_THAT(list(everybody, only(JobState::blocked), scan), ElementsAre(7));
            EXPECT_THAT(list(first_user, only(JobState::running), scan), ElementsAre(100)) << "a member runs";
            EXPECT_THAT(list(everybody, only(JobState::lost), scan), IsEmpty());
            EXPECT_THAT(list(everybody, StateRange{JobState::succeeded, JobState::lost}, scan),
                        ElementsAre(200, 4, 3, 2, 1));
            JobFilter tagged;
            tagged.tag = "t";
            EXPECT_THAT(list(everybody, tagged, scan), ElementsAre(5, 4, 1));
            EXPECT_THAT(list(first_user, tagged, scan), ElementsAre(5, 1));
            tagged.states = StateRange{JobState::failed, JobState::failed};
            EXPECT_THAT(list(everybody, tagged, scan), ElementsAre(1));
            JobFilter queue;
            queue.queue = "gpu";
            EXPECT_THAT(list(everybody, queue, scan), ElementsAre(3, 2));
            EXPECT_THAT(list(first_user, queue, scan), ElementsAre(3));
            queue.queue = "default";
            queue.states = StateRange{JobState::failed, JobState::failed};
            EXPECT_THAT(list(everybody, queue, scan), ElementsAre(1));
        }
        EXPECT_EQ(jobs.queued(everybody, 0, 10)->matches.size(), 3U);
        ASSERT_TRUE(store->move_finished(moved == 0 ? 2 : 100));
    }
}

TEST_P(JobLists, show_the_members_of_an_array_whether_they_were_started_or_not) {
    commit(Content(worker).batch);
    using S = JobState;
    using Members = std::vector<std::pair<std::int64_t, JobState>>;
    const auto shown = [](const std::vector<MemberView>& members) {
        Members found;
        for (const MemberView& member : members) found.emplace_back(member.line.id.value, member.line.state);
        return found;
    };
    const auto all = [&](std::int64_t id) {
        const ArrayView array = relations.array(JobId{id}).value().value();
        return shown(relations.members(array, array.member(0), array.member(array.count - 1)).value());
    };
    // All steps of those that have a row in this state, whatever their size.
    const auto in = [&](std::int64_t id, JobState state, int scan) {
        const ArrayView array = relations.array(JobId{id}).value().value();
        std::vector<MemberView> found;
        for (JobId after = array.id;;) {
            const auto step = relations.members_in(array, state, after, 10, scan).value();
            found.insert(found.end(), step.matches.begin(), step.matches.end());
            if (step.end) return shown(found);
            after = JobId{step.cursor};
        }
    };
    for (const int scan : {1, 2, 100}) {
        EXPECT_EQ(
            all(100),
            (Members{{101, S::failed}, {102, S::starting}, {103, S::queued}, {104, S::queued}, {105, S::queued}}));
        EXPECT_EQ(in(100, S::failed, scan), (Members{{101, S::failed}}));
        EXPECT_EQ(in(100, S::queued, scan).size(), 0U) << "those that were not started have no row";
        EXPECT_EQ(all(200), (Members{{201, S::succeeded}, {202, S::cancelled}, {203, S::cancelled}}));
        ASSERT_TRUE(store->move_finished(2));
    }
    EXPECT_FALSE(relations.array(JobId{1}).value()) << "it is no array";
}

TEST_P(JobLists, show_one_job_an_array_or_a_member) {
    commit(Content(worker).batch);
    const auto one = [&](std::int64_t id) { return jobs.one(JobId{id}).value(); };
    EXPECT_EQ(one(2)->line.state, JobState::failed);
    EXPECT_EQ(one(2)->spec.queue, "gpu");
    EXPECT_EQ(one(100)->line.state, JobState::running);
    EXPECT_EQ(one(100)->line.array->failed, 1);
    EXPECT_EQ(one(101)->array, JobId{100});
    EXPECT_EQ(one(101)->line.state, JobState::failed);
    EXPECT_EQ(one(105)->line.state, JobState::queued);
    EXPECT_EQ(one(105)->owner, UserId{1});
    EXPECT_FALSE(one(106));
    EXPECT_EQ(one(203)->line.state, JobState::cancelled);
    EXPECT_EQ(jobs.standing(JobId{102}).value()->state, JobState::starting);
    EXPECT_EQ(jobs.standing(JobId{105}).value()->owner, UserId{1});
    EXPECT_FALSE(jobs.standing(JobId{999}).value());
    ASSERT_TRUE(store->move_finished(100));
    EXPECT_EQ(one(101)->line.state, JobState::failed);
    EXPECT_EQ(jobs.standing(JobId{2}).value()->state, JobState::failed);
}

TEST_P(JobLists, never_miss_or_double_a_job_that_moves_meanwhile) {
    constexpr std::int64_t count = 300;
    Batch batch = submit(1, count);
    for (auto& job : batch.jobs) job.row = finished_row();
    commit(batch);
    std::atomic<bool> over = false;
    std::thread mover([&] {
        while (store->move_finished(7).value() > 0) {
        }
        over = true;
    });
    for (bool last = false; !last;) {
        last = over;  // one more reading after the last move
        const auto all = jobs.newest_first(everybody, only(JobState::succeeded), newest, 2 * count);
        ASSERT_TRUE(all) << all.error().message;
        EXPECT_EQ(all->matches.size(), count);
        const auto rows = database.session().query("select count(*), count(distinct id) from job_now");
        ASSERT_TRUE(rows) << rows.error().message;
        EXPECT_EQ((*rows)[0].integer(0), count);
        EXPECT_EQ((*rows)[0].integer(1), count);
    }
    mover.join();
    EXPECT_EQ(database.rows("job_past"), count);
}

INSTANTIATE_TEST_SUITE_P(both_engines, JobLists, testing::Values(Engine::sqlite, Engine::postgresql),
                         [](const auto& engine) { return windlass::test::engine_name(engine.param); });

}  // namespace
}  // namespace windlass::api
