// Many thousand requests made from the document, against the real handlers: none of them may bring out a fault of the
// server, and every answer must be as the document says. Deterministic: the seed is printed with a failure.
//   WINDLASS_GENERATED_REQUESTS   how many (20000)
//   WINDLASS_GENERATED_SEED       which ones (1)
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

#include "answer_check.h"
#include "api/front/target.h"
#include "api/openapi/description.h"
#include "request_generator.h"
#include "shared/digest.h"
#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class GeneratedRequests : public ApiTest {
  protected:
    GeneratedRequests() {
        people_ = {make_account("ada"), make_account("grace"), make_account("root", Roles(Role::admin))};
        for (const char* name : {"default", "night", "w1", "w2", "Basic", "ada"}) generator_.remember("name", name);
        for (const char* user : {"ada", "grace", "root"}) generator_.remember("user", user);
        for (const Account& person : people_) EXPECT_TRUE(courses_->set_teacher(person.id, true, clock_.now().wall));
        for (const char* subject : {"tier:Basic", "tier:Premium", "user:ada", "user:nobody"})
            generator_.remember("subject", subject);
        for (const char* path : {"a.txt", "dir/b.txt"}) generator_.remember("path", path);
        // None that is the code or data of a job: the played scheduler, unlike the real one, notes no right to those.
        generator_.remember("sha256", sha256_hex("an upload"));
        // What a course may be made of.
        execute("insert into worker (id, name, first_seen_us) values (1, 'node', 0)");
        for (const char* row : {"(1, 1, 'jupyter', 'sha256:aa')", "(1, 2, 'iris', '')", "(1, 2, 'mnist', '')"})
            execute(std::string("insert into site_offer (worker, kind, name, digest) values ") + row);
        scheduler_->queues = {{"default", 1000, std::nullopt, false, "", 0, 0}};
        protocol::WorkerView worker;
        worker.name = "w1";
        worker.connected = true;
        worker.cpu_millis = 4000;
        scheduler_->workers = {worker};
    }

    void run(std::uint64_t number) {
        auto made = generator_.next();
        // Time goes on, so that the limits of rates and of failed logins are met and are over again.
        clock_.advance(Milliseconds{250});
        move_the_world();
        const std::string where = fmt::format("request {} of seed {} ({})", number, seed_, made.operation);
        if (const auto target = parse_target(made.target); !target) return refused_by_the_front(where, made);
        add_credential(made);
        const auto pending = begin(made.method, made.target, made.body, {}, made.headers);
        constexpr std::size_t most_pieces = 50;  // what follows a job has no end of its own
        // What waits for the end of a job is not waited for.
        const bool patient = made.target.find("wait=") != std::string::npos;
        const auto answer = patient && waits(pending) ? reach_deadline(pending) : finish(pending, most_pieces);
        judge(where, made, answer);
    }

    void judge(const std::string& where, const GeneratedRequest& made, const Answer& answer) {
        ++statuses_[answer.status];
        if (answer.status == 401 && asker_ >= 0) replace(static_cast<std::size_t>(asker_));
        if (answer.status < 300) succeeded_.insert(made.operation);
        if (answer.status >= 500 && answer.status != 503) wrong(where, fmt::format("answered {}", answer.status));
        if (const int parts = failed_parts(); parts != failed_before_) {
            wrong(where, fmt::format("{} {}\n{}", made.method, made.target, made.body.substr(0, 500)));
            failed_before_ = failed_parts();
        }
        if (answer.status < 300 && made.method == "POST") remember_numbers(answer.body);
        if (answer.status < 300 && made.method == "POST" && answer.body.starts_with("{\"id\":\"")) {
            const auto id = answer.body.substr(7, answer.body.find('"', 7) - 7);
            generator_.remember("id", id);
            if (made.operation.starts_with("POST /api/jobs/")) jobs_made_.push_back(JobId{std::atoll(id.c_str())});
        }
    }

    // Ids that are numbers: of courses, classes, launches, tokens.
    void remember_numbers(const std::string& body) {
        for (const auto& [member, parameter] : {std::pair("\"id\":", "id"),
                                                {"\"course_id\":", "id"},
                                                {"\"course_id\":", "course"},
                                                {"\"class_id\":", "id"},
                                                {"\"job_id\":", "id"}}) {
            const auto at = body.find(member);
            if (at == std::string::npos) continue;
            const auto first = at + std::string_view(member).size();
            const auto end = body.find_first_not_of("0123456789", first);
            if (end != first) generator_.remember(parameter, body.substr(first, end - first));
        }
    }

    // Somebody revoked his own token, or deleted himself: another comes in his place.
    void replace(std::size_t person) {
        people_[person] = make_account(fmt::format("person{}", ++newcomers_), person == 2 ? Role::admin : Role::user);
        generator_.remember("id", people_[person].id.text());
    }

    // Judged by the fixture: see fault_of_answer().
    static int failed_parts() {
        return ::testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
    }

    void wrong(const std::string& where, const std::string& what) {
        if (++wrong_ <= 20) ADD_FAILURE() << where << ": " << what;
    }

    // As the front does: the application renders what the front finds wrong.
    void refused_by_the_front(const std::string& where, const GeneratedRequest& made) {
        ++statuses_[400];
        ++refused_early_;
        const auto response = Server::render_error(400, "It is no target.", "", "test-1");
        if (response.status != 400 || response.content_type != "application/problem+json") wrong(where, made.target);
    }

    void add_credential(GeneratedRequest& made) {
        const auto kind = made.who % 20;
        asker_ = -1;
        if (kind == 0) return;
        const int person = kind < 11 ? 0 : kind < 13 ? 1 : 2;
        std::string credential = "Bearer " + people_[static_cast<std::size_t>(person)].token;
        if (kind < 17) asker_ = person;
        if (kind == 19) credential = "Bearer " + std::string(made.who / 20 % 80, 'x');
        if (kind == 18) credential = "Basic YTpi";
        if (kind == 17) {
            made.headers.emplace_back("Cookie", "access_token=" + people_[0].token);
            return;
        }
        made.headers.emplace_back("Authorization", credential);
    }

    // The scheduler comes and goes, refuses, and jobs run and end.
    void move_the_world() {
        scheduler_->away = generator_.once_in(60);
        scheduler_->operator_refusal = generator_.once_in(12) ? "It is in use." : "";
        scheduler_->refusal.reset();
        if (generator_.once_in(40))
            scheduler_->refusal = protocol::SubmitRefused{
                {}, static_cast<protocol::SubmitRefused::Why>(generator_.below(3)), "Too much.", 1500};
        if (!jobs_made_.empty() && generator_.once_in(20)) end_a_job();
    }

    void end_a_job() {
        const auto place = jobs_made_.begin() + static_cast<std::ptrdiff_t>(generator_.below(jobs_made_.size()));
        const JobId job = *place;
        jobs_made_.erase(place);
        const auto standing = jobs_->standing(job);
        if (!standing || !*standing || (*standing)->state != JobState::queued) return;
        const auto array = relations_->array(job);
        if (!array || *array) return;  // members run, and not the array
        scheduler_->start(job);
        if (generator_.once_in(3)) return;
        AttemptResult result;
        result.outcome.kind = generator_.once_in(2) ? OutcomeKind::exited : OutcomeKind::signalled;
        result.outcome.signal = result.outcome.kind == OutcomeKind::signalled ? 9 : 0;
        scheduler_->finish(job, generator_.once_in(2) ? JobState::succeeded : JobState::failed, result, "hello\n", "");
    }

    const std::uint64_t seed_ = setting("WINDLASS_GENERATED_SEED", 1);
    RequestGenerator generator_{published_description().document, seed_};
    std::vector<Account> people_;
    std::vector<JobId> jobs_made_;
    std::map<int, std::uint64_t> statuses_;
    std::set<std::string> succeeded_;
    std::uint64_t wrong_ = 0;
    int failed_before_ = 0;
    int asker_ = -1;  // whose credential the request has; -1: none that is good
    int newcomers_ = 0;
    std::uint64_t refused_early_ = 0;
};

TEST_F(GeneratedRequests, NoneBringsOutAFaultAndEveryAnswerIsDocumented) {
    const auto count = setting("WINDLASS_GENERATED_REQUESTS", 20'000);
    for (std::uint64_t number = 1; number <= count && wrong_ <= 20; ++number) run(number);
    std::string told;
    for (const auto& [status, times] : statuses_) told += fmt::format(" {}: {}", status, times);
    fmt::print("{} requests of seed {} to {} operations; answers{}; {} refused by the front; {} operations succeeded\n",
               count, seed_, generator_.operations(), told, refused_early_, succeeded_.size());
    EXPECT_EQ(statuses_.count(500), 0u);
    // Else the generator knocks at doors that never open.
    EXPECT_GT(succeeded_.size() * 8, generator_.operations() * 5)
        << "never opened: " << fmt::format("{}", fmt::join(generator_.operations_without(succeeded_), ", "));
}

}  // namespace
}  // namespace windlass::api::test
