// The SQL of courses, classes, teachers and deployments. Threads: any; each call borrows one session.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/idempotency.h"
#include "shared/database/session_pool.h"
#include "shared/ids.h"
#include "shared/job_state.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

struct Course {
    std::int64_t id = 0;
    UserId owner;
    std::string name;
    std::string image;
    std::vector<std::string> datasets;  // in the order in which they were given
    std::string description;            // markdown
    std::string level;
    std::int64_t gpu = 0;
    std::string command;  // empty: the entry point of the image
    std::int64_t port = 8080;
    std::string check_path = "/";
};

struct CourseClass {
    std::int64_t id = 0;
    UserId owner;
    std::string name;
    std::int64_t members = 0;
    std::vector<std::int64_t> courses;
};

struct Deployment {
    std::int64_t id = 0;
    std::int64_t course = 0;
    UserId account;
    std::optional<JobId> job;  // none: its submit is under way, or its end is not known
};

// A deployment whose job has not ended, and is not about to.
struct RunningDeployment {
    std::int64_t id = 0;
    JobId job;
    JobState state = JobState::queued;
    bool ready = false;  // its service answers, in the attempt that runs now
    std::string course_name;
    std::string image;
    std::vector<std::string> datasets;
};

// Where the service of a running job is to be found.
struct ServicePlace {
    UserId owner;
    JobState state = JobState::queued;
    AttemptNumber attempt = 0;
    std::string address;  // of the worker's listener; empty: it has not answered its check
};

class CoursesRepository {
  public:
    explicit CoursesRepository(SessionPool& pool) : pool_(pool) {}

    // ---- accounts, as far as courses need them
    Result<std::optional<UserId>> account(const std::string& username);
    Result<bool> is_teacher(UserId account);
    Status set_teacher(UserId account, bool teacher, WallTime now);
    Result<std::vector<std::string>> teachers();  // usernames

    // ---- courses
    // `also` is done in the same transaction.
    using Also = std::function<Status(Session& session, std::int64_t id)>;
    Result<std::int64_t> create(const Course& course, WallTime now, const Also& also);  // its id
    Result<std::optional<Course>> one(std::int64_t id);
    // Those he owns and those of the classes he is in, by id; `all`: every one.
    Result<std::vector<Course>> visible(UserId account, bool all);
    Result<bool> may_see(UserId account, const Course& course);
    Status remove(std::int64_t course);

    // ---- classes
    Result<std::int64_t> create_class(UserId owner, const std::string& name, WallTime now, const Also& also);
    Result<std::optional<CourseClass>> one_class(std::int64_t id);
    Result<std::vector<CourseClass>> classes_of(UserId account, bool all);  // as owner or member
    Result<std::set<std::int64_t>> class_ids(UserId account);               // as owner or member
    Status remove_class(std::int64_t id);
    Result<std::vector<std::string>> members(std::int64_t id);  // usernames
    Status set_member(std::int64_t id, UserId account, bool member);
    Status set_course(std::int64_t id, std::int64_t course, bool given);

    // ---- deployments
    // A free place for one more of this course, at most `most` at the same time; those of jobs that have ended are
    // free. nullopt: all are taken. A place whose submit was not answered is given again, with its id.
    Result<std::optional<Deployment>> take_place(std::int64_t course, UserId account, std::int64_t most, WallTime now);
    // False: its course was deleted meanwhile.
    Result<bool> set_job(std::int64_t deployment, JobId job);
    // What a launch with an Idempotency-Key was answered.
    Status record(const IdempotencyKey& key, const Response& answer, WallTime now);
    Result<std::vector<RunningDeployment>> running(UserId account);
    // That of this job, whosever it is; nullopt: none that runs.
    Result<std::optional<Deployment>> of_job(JobId job);
    // The jobs of all deployments of a course. Those whose submit was not answered are found by their key.
    Result<std::vector<JobId>> jobs_of_course(std::int64_t course);
    Result<std::optional<ServicePlace>> service(JobId job);

  private:
    SessionPool& pool_;
};

// The key under which the job of a deployment is submitted (Idempotency-Key, scheduler/queue_io.h), and its route.
inline constexpr std::string_view deployment_route = "course deployment";
std::string deployment_key(std::int64_t deployment);

}  // namespace windlass::api
