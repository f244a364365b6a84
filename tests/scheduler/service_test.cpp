// Jobs in the whole scheduler: from their submit to what watchers hear of their end.
#include <set>

#include "tests/scheduler/service_fixture.h"

namespace windlass::scheduler::service_test {
namespace {

TEST_F(ServiceTest, a_job_goes_from_submit_to_its_result) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    api.connection->send(two_jobs(77), "codeD1dat");
    const auto [submitted, none] = wait_for<protocol::JobsSubmitted>(api);
    EXPECT_EQ(submitted.request, RequestId{77});
    ASSERT_EQ(submitted.jobs.size(), 2u);

    const auto [first, first_body] = wait_for<protocol::Lease>(worker);
    const auto [second, second_body] = wait_for<protocol::Lease>(worker);
    EXPECT_EQ(first.attempt, (AttemptRef{submitted.jobs[0], 1}));
    EXPECT_EQ(first.spec.running_commands, "first");
    EXPECT_EQ(first_body, "codeD1");
    EXPECT_EQ(second_body, "codedat") << "-1 means: the same code as the item before";

    api.connection->send(protocol::WatchJob{submitted.jobs[0]});
    worker.connection->send(protocol::AttemptStarted{first.attempt});
    worker.connection->send(protocol::AttemptOutput{first.attempt, OutputStream::standard_output, 0}, "hello ");
    protocol::AttemptFinished finished;
    finished.attempt = first.attempt;
    finished.result.stdout_bytes = 11;
    finished.result.files = {{"f", 2, sha256_hex("ff"), true}};
    finished.stdout_offset = 6;
    finished.stdout_size = 5;
    worker.connection->send(finished, "worldff");
    EXPECT_TRUE(wait_for<protocol::AcknowledgeFinish>(worker).first.accepted);
    EXPECT_EQ(wait_for<protocol::JobEnded>(api).first.job, submitted.jobs[0]);

    std::string output;
    std::size_t results = 0, blobs = 0;
    control_->each_batch([&](const Batch& batch) {
        for (const auto& chunk : batch.output) output += chunk.bytes;
        results += batch.results.size();
        for (const auto& blob : batch.blobs) blobs += blob.bytes == "ff";
    });
    EXPECT_EQ(output, "hello world");
    EXPECT_EQ(results, 1u);
    EXPECT_EQ(blobs, 1u);
}

TEST_F(ServiceTest, what_was_kept_long_enough_is_looked_for_also_where_nothing_happens) {
    settings_.housekeeping.quiet_for = Milliseconds{1};
    settings_.housekeeping.look_every = Milliseconds{1};
    settings_.housekeeping.keep_finished = std::chrono::days{30};
    start();
    EXPECT_TRUE(loop_.run_until([&] { return control_->times_forgotten >= 3; }));
}

TEST_F(ServiceTest, nothing_is_told_before_it_is_durable) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    ASSERT_TRUE(loop_.run_until([&] { return control_->waiting == 0; }));
    control_->close_gate();
    api.connection->send(two_jobs(1), "codeD1dat");
    ASSERT_TRUE(loop_.run_until([&] { return control_->waiting == 1; }));  // the batch waits for its commit
    // A question that needs no commit is answered meanwhile, so the loop had its chance to be indiscreet.
    api.connection->send(protocol::AskStatistics{RequestId{2}});
    EXPECT_EQ(wait_for<protocol::Statistics>(api).first.starting, 2);
    worker.connection->send(protocol::Renew{});
    wait_for<protocol::Renewed>(worker);
    EXPECT_FALSE(api.has<protocol::JobsSubmitted>());
    EXPECT_FALSE(worker.has<protocol::Lease>());
    control_->open_gate();
    wait_for<protocol::JobsSubmitted>(api);
    wait_for<protocol::Lease>(worker);
}

TEST_F(ServiceTest, one_that_is_told_to_stop_commits_what_it_has_and_takes_nothing_more) {
    start();
    Client& api = join("api");
    ASSERT_TRUE(loop_.run_until([&] { return control_->waiting == 0; }));
    control_->close_gate();
    api.connection->send(two_jobs(1), "codeD1dat");
    ASSERT_TRUE(loop_.run_until([&] { return control_->waiting == 1; }));
    service_->stop([this] { service_.reset(); });
    // While that commit lasts the next work comes, as it does where there is always work.
    api.connection->send(two_jobs(2), "codeD1dat");
    ASSERT_TRUE(loop_.run_until([&] { return api.connection->unsent_bytes() == 0; }));
    for (int turn = 0; turn < 10; ++turn) uv_run(loop_.get(), UV_RUN_NOWAIT);
    control_->open_gate();
    ASSERT_TRUE(loop_.run_until([&] { return !service_ && !api.closed.empty(); }));
    EXPECT_EQ(api.take<protocol::JobsSubmitted>().first.request, RequestId{1}) << "what was taken is answered";
    EXPECT_FALSE(api.has<protocol::JobsSubmitted>());
    std::size_t jobs = 0;
    control_->each_batch([&](const Batch& batch) { jobs += batch.jobs.size(); });
    EXPECT_EQ(jobs, 2u);
}

TEST_F(ServiceTest, who_watches_a_job_whose_end_is_not_durable_yet_hears_of_it_only_when_it_is) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const AttemptRef attempt = wait_for<protocol::Lease>(worker).first.attempt;
    control_->close_gate();
    protocol::AttemptFinished finished;
    finished.attempt = attempt;
    worker.connection->send(finished);
    ASSERT_TRUE(loop_.run_until([&] { return control_->waiting == 1; }));
    api.connection->send(protocol::WatchJob{attempt.job});
    api.connection->send(protocol::AskStatistics{RequestId{2}});
    wait_for<protocol::Statistics>(api);  // the question behind the watch is answered, the watch is not
    EXPECT_FALSE(api.has<protocol::JobEnded>());
    control_->open_gate();
    EXPECT_TRUE(wait_for<protocol::JobEnded>(api).first.known);
}

TEST_F(ServiceTest, while_the_database_is_away_submits_are_refused_and_jobs_run_on) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    wait_for<protocol::JobsSubmitted>(api);
    const AttemptRef running = wait_for<protocol::Lease>(worker).first.attempt;

    control_->failure = ErrorKind::unavailable;
    control_->failing = true;
    protocol::AttemptFinished finished;
    finished.attempt = running;
    worker.connection->send(finished);
    const auto refused = [&] {
        api.connection->send(two_jobs(2), "codeD1dat");
        loop_.run_until([&] { return api.has<protocol::Unavailable>() || api.has<protocol::JobsSubmitted>(); },
                        std::chrono::milliseconds(200));
        return api.has<protocol::Unavailable>();
    };
    EXPECT_TRUE(loop_.run_until([&] { return refused(); }));
    EXPECT_EQ(api.take<protocol::Unavailable>().first.request, RequestId{2});
    worker.connection->send(protocol::Renew{{running}});
    wait_for<protocol::Renewed>(worker);
    EXPECT_FALSE(worker.has<protocol::AcknowledgeFinish>()) << "a result is not acknowledged before it is kept";

    control_->failing = false;
    EXPECT_TRUE(wait_for<protocol::AcknowledgeFinish>(worker).first.accepted);
}

TEST_F(ServiceTest, payloads_that_are_not_in_memory_come_from_the_store) {
    settings_.payload_cache_bytes = 0;
    start();
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    wait_for<protocol::JobsSubmitted>(api);
    Client& worker = join("worker");
    EXPECT_EQ(wait_for<protocol::Lease>(worker).second, "codeD1");
    const auto [second, body] = wait_for<protocol::Lease>(worker);
    EXPECT_EQ(second.spec.running_commands, "second");
    EXPECT_EQ(body, "codedat");
}

TEST_F(ServiceTest, a_waiting_job_is_cancelled_at_once_and_a_watcher_hears_of_it) {
    start();
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const JobId job = wait_for<protocol::JobsSubmitted>(api).first.jobs.at(0);
    api.connection->send(protocol::WatchJob{job});
    api.connection->send(protocol::CancelJobs{RequestId{9}, {job}, ""});
    const auto answered = wait_for<protocol::CancelAnswered>(api).first;
    EXPECT_EQ(answered.request, RequestId{9});
    EXPECT_EQ(answered.answers, (std::vector{static_cast<std::int64_t>(CancelAnswer::cancelled)}));
    EXPECT_TRUE(wait_for<protocol::JobEnded>(api).first.known);
    api.connection->send(protocol::WatchJob{job});
    EXPECT_FALSE(wait_for<protocol::JobEnded>(api).first.known) << "ended before: read the table";
}

TEST_F(ServiceTest, a_submit_with_a_key_is_carried_out_once) {
    start();
    Client& api = join("api");
    auto submit = two_jobs(1);
    submit.route = "POST /api/jobs/submit/";
    submit.key = "k";
    submit.body_sha256 = "one";
    api.connection->send(submit, "codeD1dat");
    const auto first = wait_for<protocol::JobsSubmitted>(api).first;
    EXPECT_FALSE(first.replayed);
    submit.request = RequestId{2};
    api.connection->send(submit, "codeD1dat");
    const auto again = wait_for<protocol::JobsSubmitted>(api).first;
    EXPECT_TRUE(again.replayed);
    EXPECT_EQ(again.jobs, first.jobs);
    submit.request = RequestId{3};
    submit.body_sha256 = "another";
    api.connection->send(submit, "codeD1dat");
    EXPECT_EQ(wait_for<protocol::SubmitRefused>(api).first.why, protocol::SubmitRefused::Why::key_of_another);
    std::size_t jobs = 0;
    control_->each_batch([&](const Batch& batch) { jobs += batch.jobs.size(); });
    EXPECT_EQ(jobs, 2u);
}

TEST_F(ServiceTest, a_key_whose_first_submit_is_under_way_is_in_use) {
    start();
    Client& api = join("api");
    ASSERT_TRUE(loop_.run_until([&] { return control_->waiting == 0; }));
    control_->close_gate();
    auto submit = two_jobs(1);
    submit.key = "k";
    submit.body_sha256 = "one";
    api.connection->send(submit, "codeD1dat");
    ASSERT_TRUE(loop_.run_until([&] { return control_->waiting == 1; }));
    submit.request = RequestId{2};
    api.connection->send(submit, "codeD1dat");
    const auto refused = wait_for<protocol::SubmitRefused>(api).first;
    EXPECT_EQ(refused.request, RequestId{2});
    EXPECT_EQ(refused.why, protocol::SubmitRefused::Why::key_in_use);
    EXPECT_GT(refused.retry_after_ms, 0);
    control_->open_gate();
    EXPECT_EQ(wait_for<protocol::JobsSubmitted>(api).first.request, RequestId{1});
}

TEST_F(ServiceTest, a_job_may_wait_for_one_that_ended_long_ago_and_for_none_that_never_was) {
    start();
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const JobId ended = wait_for<protocol::JobsSubmitted>(api).first.jobs.at(0);
    api.connection->send(protocol::CancelJobs{RequestId{2}, {ended}, ""});
    wait_for<protocol::CancelAnswered>(api);
    auto submit = two_jobs(3);
    submit.jobs[0].after = {{ended, 0, DependencyCondition::failed}};
    submit.jobs[1].after = {{JobId{}, 0, DependencyCondition::ok}};
    api.connection->send(submit, "codeD1dat");
    const auto made = wait_for<protocol::JobsSubmitted>(api).first;
    EXPECT_EQ(made.request, RequestId{3});
    api.connection->send(protocol::AskStatistics{RequestId{4}});
    EXPECT_EQ(wait_for<protocol::Statistics>(api).first.blocked, 1) << "the second waits, the first does not";
    submit.request = RequestId{5};
    submit.jobs[0].after = {{JobId{999'999'999}, 0, DependencyCondition::ok}};
    api.connection->send(submit, "codeD1dat");
    EXPECT_EQ(wait_for<protocol::SubmitRefused>(api).first.why, protocol::SubmitRefused::Why::no_such_job);
}

// An array of three: one runs, and there is no room for the two others.
class ArrayThatIsCancelled : public ServiceTest {
  protected:
    ArrayThatIsCancelled() {
        start();
        worker_ = &join("worker");
        api_ = &join("api");
        protocol::SubmitJobs submit;
        submit.request = RequestId{1};
        submit.owner = UserId{1};
        protocol::SubmitItem& item = submit.jobs.emplace_back();
        item.spec.running_commands = "member";
        item.spec.limits.cpu_millis = 2000;
        item.array_count = 3;
        api_->connection->send(submit);
        array_ = wait_for<protocol::JobsSubmitted>(*api_).first.jobs.at(0);
        running_ = wait_for<protocol::Lease>(*worker_).first.attempt;
    }
    JobId member(std::int64_t number) const { return JobId{array_.value + 1 + number}; }
    void send_cancel() { api_->connection->send(protocol::CancelJobs{RequestId{9}, {array_}, ""}); }
    void cancel() {
        send_cancel();
        wait_for<protocol::CancelAnswered>(*api_);
        wait_for<protocol::CancelAttempt>(*worker_);
    }
    void end_the_last() {
        protocol::AttemptFinished finished;
        finished.attempt = running_;
        worker_->connection->send(finished);
    }
    // What is known of the end of a job that is waited for decides whether the first of them waits.
    void submit_after(std::vector<protocol::SubmitDependency> after) {
        protocol::SubmitJobs submit = two_jobs(2);
        submit.jobs[0].after = std::move(after);
        api_->connection->send(submit, "codeD1dat");
    }
    protocol::Statistics statistics() {
        api_->connection->send(protocol::AskStatistics{RequestId{4}});
        return wait_for<protocol::Statistics>(*api_).first;
    }

    Client* worker_ = nullptr;
    Client* api_ = nullptr;
    JobId array_;
    AttemptRef running_;
};

TEST_F(ArrayThatIsCancelled, what_never_started_may_be_waited_for_while_the_last_member_still_ends) {
    cancel();
    submit_after({{member(2), 0, DependencyCondition::any}});
    EXPECT_EQ(wait_for<protocol::JobsSubmitted>(*api_).first.request, RequestId{2});
    EXPECT_EQ(statistics().blocked, 0) << "it is over, so there is nothing to wait for";
}

TEST_F(ArrayThatIsCancelled, and_while_the_end_of_the_array_is_not_durable_yet) {
    cancel();
    control_->close_gate();
    end_the_last();
    ASSERT_TRUE(loop_.run_until([&] { return control_->waiting == 1; }));
    submit_after({{member(2), 0, DependencyCondition::any}, {running_.job, 0, DependencyCondition::any}});
    EXPECT_EQ(statistics().blocked, 0);
    control_->open_gate();
    EXPECT_EQ(wait_for<protocol::JobsSubmitted>(*api_).first.request, RequestId{2});
}

TEST_F(ArrayThatIsCancelled, and_when_it_ends_while_another_job_is_looked_up) {
    // Ended, so that it must be looked up.
    api_->connection->send(two_jobs(3), "codeD1dat");
    const JobId ended = wait_for<protocol::JobsSubmitted>(*api_).first.jobs.at(0);
    api_->connection->send(protocol::CancelJobs{RequestId{5}, {ended}, ""});
    wait_for<protocol::CancelAnswered>(*api_);
    control_->close_questions();
    submit_after({{member(2), 0, DependencyCondition::any}, {ended, 0, DependencyCondition::any}});
    ASSERT_TRUE(loop_.run_until([&] { return control_->asked == 1; }));
    send_cancel();
    EXPECT_EQ(statistics().queued, 1) << "the members that wait are cancelled";
    end_the_last();
    worker_->connection->send(protocol::Renew{});
    wait_for<protocol::Renewed>(*worker_);  // by then its end, which came before, is decided
    EXPECT_FALSE(api_->has<protocol::JobsSubmitted>());
    control_->open_gate();
    EXPECT_EQ(wait_for<protocol::JobsSubmitted>(*api_).first.request, RequestId{2});
}

TEST_F(ArrayThatIsCancelled, who_watches_what_never_started_hears_of_its_end_with_that_of_the_array) {
    api_->connection->send(protocol::WatchJob{member(1)});
    cancel();
    api_->connection->send(protocol::WatchJob{member(2)});
    statistics();  // the question behind the watch is answered, the watch is not
    EXPECT_FALSE(api_->has<protocol::JobEnded>()) << "whoever reads the tables still sees it wait";
    end_the_last();
    const std::set<JobId> told = {wait_for<protocol::JobEnded>(*api_).first.job,
                                  wait_for<protocol::JobEnded>(*api_).first.job};
    EXPECT_EQ(told, (std::set{member(1), member(2)}));
}

TEST_F(ServiceTest, members_of_an_array_are_told_which_they_are) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    for (const bool with_parameters : {false, true}) {
        protocol::SubmitJobs submit;
        submit.request = RequestId{1};
        submit.owner = UserId{1};
        protocol::SubmitItem& item = submit.jobs.emplace_back();
        item.spec.running_commands = "member";
        item.spec.env = {{"A", "all"}};
        item.array_count = 2;
        if (with_parameters) item.params = {{{"X", "zero"}}, {{"X", "one"}}};
        api.connection->send(submit);
        const JobId array = wait_for<protocol::JobsSubmitted>(api).first.jobs.at(0);
        for (const char* index : {"0", "1"}) {
            const protocol::Lease lease = wait_for<protocol::Lease>(worker).first;
            const std::string seen = lease.spec.env.at("WINDLASS_ARRAY_INDEX");
            EXPECT_EQ(seen, index);
            EXPECT_EQ(lease.attempt.job.value, array.value + 1 + std::stoll(seen));
            EXPECT_EQ(lease.spec.env.at("WINDLASS_ARRAY_ID"), array.text());
            EXPECT_EQ(lease.spec.env.at("WINDLASS_ARRAY_COUNT"), "2");
            EXPECT_EQ(lease.spec.env.at("A"), "all");
            EXPECT_EQ(lease.spec.env.contains("X"), with_parameters);
            protocol::AttemptFinished finished;
            finished.attempt = lease.attempt;
            worker.connection->send(finished);
            wait_for<protocol::AcknowledgeFinish>(worker);
        }
    }
}

TEST_F(ServiceTest, an_operator_makes_queues_and_drains_workers) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    protocol::ConfigureQueue queue;
    queue.request = RequestId{1};
    queue.name = "night";
    queue.held = true;
    api.connection->send(queue);
    EXPECT_EQ(wait_for<protocol::OperatorAnswered>(api).first.refused, "");
    auto submit = two_jobs(2);
    for (auto& item : submit.jobs) item.spec.queue = "night";
    api.connection->send(submit, "codeD1dat");
    const JobId job = wait_for<protocol::JobsSubmitted>(api).first.jobs.at(0);
    api.connection->send(protocol::ExplainJob{RequestId{3}, job});
    EXPECT_EQ(wait_for<protocol::JobExplained>(api).first.reason, "queue_held");
    api.connection->send(protocol::ListQueues{RequestId{4}});
    const auto queues = wait_for<protocol::QueuesListed>(api).first.queues;
    ASSERT_EQ(queues.size(), 2u);
    EXPECT_EQ(queues[1].queued, 2);
    api.connection->send(protocol::DrainWorker{RequestId{5}, "w", true});
    EXPECT_EQ(wait_for<protocol::OperatorAnswered>(api).first.refused, "");
    api.connection->send(protocol::DrainWorker{RequestId{6}, "nobody", true});
    EXPECT_NE(wait_for<protocol::OperatorAnswered>(api).first.refused, "");
    api.connection->send(protocol::ListWorkers{RequestId{7}});
    const auto workers = wait_for<protocol::WorkersListed>(api).first.workers;
    ASSERT_EQ(workers.size(), 1u);
    EXPECT_EQ(workers[0].name, "w");
    EXPECT_TRUE(workers[0].connected && workers[0].draining);
    queue.request = RequestId{8};
    queue.held = false;
    api.connection->send(queue);
    wait_for<protocol::OperatorAnswered>(api);
    EXPECT_FALSE(worker.has<protocol::Lease>()) << "it drains";
    api.connection->send(protocol::DrainWorker{RequestId{9}, "w", false});
    wait_for<protocol::Lease>(worker);
}

}  // namespace
}  // namespace windlass::scheduler::service_test
