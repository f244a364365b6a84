// Recurring jobs in the whole scheduler.
#include "tests/scheduler/service_fixture.h"

namespace windlass::scheduler::service_test {
namespace {

TEST_F(ServiceTest, a_recurring_job_that_is_due_is_run_once_and_one_that_overlaps_is_left_out) {
    protocol::SubmitItem item;
    item.spec.running_commands = "again";
    ScheduleRecord record;
    record.id = 4;
    record.owner = UserId{9};
    record.cron = "* * * * *";
    record.time_zone = "UTC";
    record.job = R"({"body":{"code":"C","data":"D"},"item":)" + protocol::encode_item(item) + "}";
    record.dealt_with = clock_.now().wall - std::chrono::minutes{3};
    control_->schedules = {record};
    start();
    Client& worker = join("worker");
    const auto [lease, body] = wait_for<protocol::Lease>(worker);
    EXPECT_EQ(lease.spec.running_commands, "again");
    EXPECT_EQ(body, "CD");
    std::vector<JobRecord> jobs;
    control_->each_batch([&](const Batch& batch) { jobs.insert(jobs.end(), batch.jobs.begin(), batch.jobs.end()); });
    ASSERT_EQ(jobs.size(), 1u);
    EXPECT_EQ(jobs[0].owner, UserId{9});
    EXPECT_EQ(jobs[0].schedule, 4);
    EXPECT_EQ(jobs[0].planned, std::chrono::floor<std::chrono::minutes>(*jobs[0].planned));

    // The same again, as if a minute had passed while the first still runs.
    control_->schedules[0].dealt_with = *jobs[0].planned - std::chrono::minutes{1};
    control_->schedules[0].last_job = jobs[0].job;
    Client& api = join("api");  // whoever joins may have changed them
    api.connection->send(protocol::SchedulesChanged{RequestId{1}});
    EXPECT_EQ(wait_for<protocol::OperatorAnswered>(api).first.refused, "");
    std::size_t left_out = 0;
    EXPECT_TRUE(loop_.run_until([&] {
        left_out = 0;
        control_->each_batch([&](const Batch& batch) { left_out += batch.schedules.size(); });
        return left_out > 0;
    }));
    control_->each_batch([&](const Batch& batch) {
        for (const auto& job : batch.jobs) EXPECT_EQ(job.job, jobs[0].job) << "no second one";
    });
}

TEST_F(ServiceTest, recurring_jobs_that_are_read_anew_while_one_of_them_comes_into_being_stop_nobody) {
    protocol::SubmitItem item;
    item.spec.running_commands = "again";
    ScheduleRecord record;
    record.id = 4;
    record.owner = UserId{9};
    record.cron = "* * * * *";
    record.time_zone = "UTC";
    record.missed = MissedPolicy::all;
    record.overlap = OverlapPolicy::queue;
    record.job = R"({"body":{"code":"C","data":"D"},"item":)" + protocol::encode_item(item) + "}";
    record.dealt_with = clock_.now().wall - std::chrono::minutes{3};
    start();
    Client& api = join("api");
    {
        const std::lock_guard lock(control_->mutex);
        control_->schedules = {record};
        control_->gate_closed = true;
    }
    // The first run waits at the gate, the next is due already, and behind them one reads the schedules again.
    api.connection->send(protocol::SchedulesChanged{RequestId{1}});
    EXPECT_TRUE(loop_.run_until([&] { return control_->waiting > 0; }));
    api.connection->send(protocol::SchedulesChanged{RequestId{2}});
    api.connection->send(protocol::AskStatistics{RequestId{3}});
    wait_for<protocol::Statistics>(api);
    {
        const std::lock_guard lock(control_->mutex);
        control_->gate_closed = false;
        control_->shelf_closed = true;
    }
    control_->opened.notify_all();
    const auto runs = [&] {
        std::size_t found = 0;
        control_->each_batch([&](const Batch& batch) { found += batch.jobs.size(); });
        return found;
    };
    EXPECT_TRUE(loop_.run_until([&] { return runs() == 1; }));
    api.connection->send(protocol::AskStatistics{RequestId{4}});
    wait_for<protocol::Statistics>(api);
    {
        const std::lock_guard lock(control_->mutex);
        control_->schedules.front().dealt_with += std::chrono::minutes{1};
    }
    control_->open_gate();
    EXPECT_EQ(wait_for<protocol::OperatorAnswered>(api).first.refused, "");
    EXPECT_EQ(wait_for<protocol::OperatorAnswered>(api).first.refused, "");
    EXPECT_TRUE(loop_.run_until([&] { return runs() >= 2; }));
}

}  // namespace
}  // namespace windlass::scheduler::service_test
