#include "api/courses/courses_repository.h"

#include <utility>

#include "api/names.h"
#include "api/next_id.h"

namespace windlass::api {
namespace {

constexpr std::string_view columns =
    "select c.id, c.owner, c.name, c.image, c.description, c.level, c.gpu, c.command, c.port, c.check_path from course "
    "c ";

Course course_of(const Row& row) {
    Course course;
    course.id = row.integer(0);
    course.owner = UserId{row.integer(1)};
    course.name = row.text(2);
    course.image = row.text(3);
    course.description = row.text(4);
    course.level = row.text(5);
    course.gpu = row.integer(6);
    course.command = row.text(7);
    course.port = row.integer(8);
    course.check_path = row.text(9);
    return course;
}

Result<std::vector<std::string>> datasets_of(Session& session, std::int64_t course) {
    WINDLASS_TRY(const auto rows,
                 session.query("select name from course_dataset where course = :course order by position", course));
    std::vector<std::string> names;
    for (const Row& row : rows) names.push_back(row.text(0));
    return names;
}

Result<std::vector<std::string>> texts(Session& session, std::string_view sql, std::int64_t id) {
    WINDLASS_TRY(const auto rows, session.query(sql, id));
    std::vector<std::string> out;
    for (const Row& row : rows) out.push_back(row.text(0));
    return out;
}

Status done(Result<std::int64_t> changed) {
    return changed ? Status() : Status(std::move(changed).error());
}

}  // namespace

std::string deployment_key(std::int64_t deployment) {
    return "deployment " + std::to_string(deployment);
}

// ---- accounts

Result<std::optional<UserId>> CoursesRepository::account(const std::string& username) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(
        const auto rows,
        session->query("select id from account where username_key = :key and disabled_us is null", name_key(username)));
    if (rows.empty()) return std::optional<UserId>();
    return std::optional(UserId{rows.front().integer(0)});
}

Result<bool> CoursesRepository::is_teacher(UserId account) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select 1 from course_teacher where account = :account", account.value));
    return !rows.empty();
}

Status CoursesRepository::set_teacher(UserId account, bool teacher, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    if (!teacher) return done(session->execute("delete from course_teacher where account = :account", account.value));
    return done(
        session->execute("insert into course_teacher (account, since_us) values (:account, :now) "
                         "on conflict (account) do nothing",
                         account.value, to_unix_us(now)));
}

Result<std::vector<std::string>> CoursesRepository::teachers() {
    WINDLASS_TRY(const auto session, pool_.lease());
    return texts(*session,
                 "select a.username from course_teacher t join account a on a.id = t.account "
                 "where a.disabled_us is null and a.id > :zero order by a.username_key",
                 0);
}

// ---- courses

Result<std::int64_t> CoursesRepository::create(const Course& course, WallTime now, const Also& also) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY(const auto id, next_id(*session, "course"));
    WINDLASS_TRY_STATUS(done(session->execute(
        "insert into course (id, owner, name, image, description, level, gpu, command, port, check_path, created_us) "
        "values (:id, :owner, :name, :image, :description, :level, :gpu, :command, :port, :check, :created)",
        id, course.owner.value, course.name, course.image, course.description, course.level, course.gpu, course.command,
        course.port, course.check_path, to_unix_us(now))));
    std::int64_t position = 0;
    for (const std::string& name : course.datasets)
        WINDLASS_TRY_STATUS(done(
            session->execute("insert into course_dataset (course, position, name) values (:course, :position, :name)",
                             id, ++position, name)));
    WINDLASS_TRY_STATUS(also(*session, id));
    WINDLASS_TRY_STATUS(transaction.commit());
    return id;
}

Result<std::optional<Course>> CoursesRepository::one(std::int64_t id) {
    static const std::string sql = std::string(columns) + "where c.id = :id";
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(sql, id));
    if (rows.empty()) return std::optional<Course>();
    Course course = course_of(rows.front());
    WINDLASS_TRY(course.datasets, datasets_of(*session, id));
    return std::optional(std::move(course));
}

Result<std::vector<Course>> CoursesRepository::visible(UserId account, bool all) {
    static const std::string everybodys = std::string(columns) + "where c.id > :zero order by c.id";
    static const std::string own =
        std::string(columns) +
        "where c.owner = :account or exists (select 1 from course_class_course g join course_class_member m "
        "on m.class = g.class where g.course = c.id and m.account = :account) order by c.id";
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, all ? session->query(everybodys, 0) : session->query(own, account.value));
    std::vector<Course> courses;
    for (const Row& row : rows) {
        Course& course = courses.emplace_back(course_of(row));
        WINDLASS_TRY(course.datasets, datasets_of(*session, course.id));
    }
    return courses;
}

Result<bool> CoursesRepository::may_see(UserId account, const Course& course) {
    if (course.owner == account) return true;
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select 1 from course_class_course g join course_class_member m on m.class = g.class "
                                "where g.course = :course and m.account = :account limit 1",
                                course.id, account.value));
    return !rows.empty();
}

// By hand what a cascade would do: SQLite has foreign keys only where they are switched on.
Status CoursesRepository::remove(std::int64_t course) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY_STATUS(done(session->execute("delete from course_class_course where course = :course", course)));
    WINDLASS_TRY_STATUS(done(session->execute("delete from course_deployment where course = :course", course)));
    WINDLASS_TRY_STATUS(done(session->execute("delete from course_dataset where course = :course", course)));
    WINDLASS_TRY_STATUS(done(session->execute("delete from course where id = :course", course)));
    return transaction.commit();
}

// ---- classes

namespace {

constexpr std::string_view class_columns =
    "select k.id, k.owner, k.name, (select count(*) from course_class_member m where m.class = k.id) "
    "from course_class k ";

Result<CourseClass> class_of(Session& session, const Row& row) {
    CourseClass one;
    one.id = row.integer(0);
    one.owner = UserId{row.integer(1)};
    one.name = row.text(2);
    one.members = row.integer(3);
    WINDLASS_TRY(const auto rows,
                 session.query("select course from course_class_course where class = :class order by course", one.id));
    for (const Row& course : rows) one.courses.push_back(course.integer(0));
    return one;
}

}  // namespace

Result<std::int64_t> CoursesRepository::create_class(UserId owner, const std::string& name, WallTime now,
                                                     const Also& also) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY(const auto id, next_id(*session, "course_class"));
    WINDLASS_TRY_STATUS(done(
        session->execute("insert into course_class (id, owner, name, created_us) values (:id, :owner, :name, :created)",
                         id, owner.value, name, to_unix_us(now))));
    WINDLASS_TRY_STATUS(also(*session, id));
    WINDLASS_TRY_STATUS(transaction.commit());
    return id;
}

Result<std::optional<CourseClass>> CoursesRepository::one_class(std::int64_t id) {
    static const std::string sql = std::string(class_columns) + "where k.id = :id";
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(sql, id));
    if (rows.empty()) return std::optional<CourseClass>();
    WINDLASS_TRY(auto one, class_of(*session, rows.front()));
    return std::optional(std::move(one));
}

Result<std::vector<CourseClass>> CoursesRepository::classes_of(UserId account, bool all) {
    static const std::string everybodys = std::string(class_columns) + "where k.id > :zero order by k.id";
    static const std::string own = std::string(class_columns) +
                                   "where k.owner = :account or exists (select 1 from course_class_member m "
                                   "where m.class = k.id and m.account = :account) order by k.id";
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, all ? session->query(everybodys, 0) : session->query(own, account.value));
    std::vector<CourseClass> classes;
    for (const Row& row : rows) {
        WINDLASS_TRY(classes.emplace_back(), class_of(*session, row));
    }
    return classes;
}

Result<std::set<std::int64_t>> CoursesRepository::class_ids(UserId account) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query("select id from course_class where owner = :account union "
                                                 "select class from course_class_member where account = :account",
                                                 account.value));
    std::set<std::int64_t> ids;
    for (const Row& row : rows) ids.insert(row.integer(0));
    return ids;
}

Status CoursesRepository::remove_class(std::int64_t id) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY_STATUS(done(session->execute("delete from course_class_course where class = :class", id)));
    WINDLASS_TRY_STATUS(done(session->execute("delete from course_class_member where class = :class", id)));
    WINDLASS_TRY_STATUS(done(session->execute("delete from course_class where id = :class", id)));
    return transaction.commit();
}

Result<std::vector<std::string>> CoursesRepository::members(std::int64_t id) {
    WINDLASS_TRY(const auto session, pool_.lease());
    return texts(*session,
                 "select a.username from course_class_member m join account a on a.id = m.account "
                 "where m.class = :class and a.disabled_us is null order by a.username_key",
                 id);
}

Status CoursesRepository::set_member(std::int64_t id, UserId account, bool member) {
    WINDLASS_TRY(const auto session, pool_.lease());
    if (!member)
        return done(session->execute("delete from course_class_member where class = :class and account = :account", id,
                                     account.value));
    return done(
        session->execute("insert into course_class_member (class, account) values (:class, :account) "
                         "on conflict (class, account) do nothing",
                         id, account.value));
}

Status CoursesRepository::set_course(std::int64_t id, std::int64_t course, bool given) {
    WINDLASS_TRY(const auto session, pool_.lease());
    if (!given)
        return done(
            session->execute("delete from course_class_course where class = :class and course = :course", id, course));
    return done(
        session->execute("insert into course_class_course (class, course) values (:class, :course) "
                         "on conflict (class, course) do nothing",
                         id, course));
}

// ---- deployments

Result<std::optional<Deployment>> CoursesRepository::take_place(std::int64_t course, UserId account, std::int64_t most,
                                                                WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY_STATUS(done(session->execute(
        "delete from course_deployment where course = :course and account = :account and job is not null and not "
        "exists "
        "(select 1 from job_state s where s.id = course_deployment.job and s.state < 4 and s.cancel_requested = 0)",
        course, account.value)));
    WINDLASS_TRY(const auto taken,
                 session->query("select id, slot, job from course_deployment where course = :course and account = "
                                ":account order by slot",
                                course, account.value));
    Deployment place{0, course, account, std::nullopt};
    std::int64_t slot = 1;
    for (const Row& row : taken) {
        if (row.is_null(2)) place.id = row.integer(0);
        if (row.integer(1) == slot) ++slot;
    }
    if (place.id != 0) {
        WINDLASS_TRY_STATUS(transaction.commit());
        return std::optional(place);
    }
    if (slot > most) return std::optional<Deployment>();
    WINDLASS_TRY(place.id, next_id(*session, "course_deployment"));
    WINDLASS_TRY(const auto added,
                 session->execute("insert into course_deployment (id, course, account, slot, job, created_us) values "
                                  "(:id, :course, :account, :slot, null, :now) on conflict (account, course, slot) do "
                                  "nothing",
                                  place.id, course, account.value, slot, to_unix_us(now)));
    if (added == 0) return std::optional<Deployment>();  // another launch was faster
    WINDLASS_TRY_STATUS(transaction.commit());
    return std::optional(place);
}

Result<bool> CoursesRepository::set_job(std::int64_t deployment, JobId job) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto changed,
                 session->execute("update course_deployment set job = :job where id = :id", job.value, deployment));
    return changed > 0;
}

Status CoursesRepository::record(const IdempotencyKey& key, const Response& answer, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    return Idempotency::record(*session, key, answer, now);
}

Result<std::vector<RunningDeployment>> CoursesRepository::running(UserId account) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(
        const auto rows,
        session->query("select d.id, d.job, s.state, c.name, c.image, c.id, (select count(*) from job_event e where "
                       "e.job = d.job and e.move = 12 and e.attempt = s.attempt) from course_deployment d "
                       "join job_state s on s.id = d.job join course c on c.id = d.course "
                       "where d.account = :account and s.state < 4 and s.cancel_requested = 0 order by d.id",
                       account.value));
    std::vector<RunningDeployment> list;
    for (const Row& row : rows) {
        RunningDeployment& one = list.emplace_back();
        one.id = row.integer(0);
        one.job = JobId{row.integer(1)};
        one.state = static_cast<JobState>(row.integer(2));
        one.course_name = row.text(3);
        one.image = row.text(4);
        one.ready = one.state == JobState::running && row.integer(6) > 0;
        WINDLASS_TRY(one.datasets, datasets_of(*session, row.integer(5)));
    }
    return list;
}

Result<std::optional<Deployment>> CoursesRepository::of_job(JobId job) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select d.id, d.course, d.account from course_deployment d join job_state s on s.id = "
                                "d.job where d.job = :job and s.state < 4 and s.cancel_requested = 0",
                                job.value));
    if (rows.empty()) return std::optional<Deployment>();
    const Row& row = rows.front();
    return std::optional(Deployment{row.integer(0), row.integer(1), UserId{row.integer(2)}, job});
}

Result<std::vector<JobId>> CoursesRepository::jobs_of_course(std::int64_t course) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select id, account, job from course_deployment where course = :course", course));
    std::vector<JobId> jobs;
    for (const Row& row : rows) {
        if (!row.is_null(2)) {
            jobs.push_back(JobId{row.integer(2)});
            continue;
        }
        WINDLASS_TRY(const auto submitted,
                     session->query("select first_job from idempotency_key where account = :account and route = :route "
                                    "and key = :key",
                                    row.integer(1), deployment_route, deployment_key(row.integer(0))));
        if (!submitted.empty() && !submitted.front().is_null(0)) jobs.push_back(JobId{submitted.front().integer(0)});
    }
    return jobs;
}

Result<std::optional<ServicePlace>> CoursesRepository::service(JobId job) {
    WINDLASS_TRY(const auto session, pool_.lease());
    // The last word counts: a scheduler that was started again is told once more.
    WINDLASS_TRY(
        const auto rows,
        session->query("select s.owner, s.state, s.attempt, e.detail from job_state s left join job_event e on e.job = "
                       "s.id and e.move = 12 and e.attempt = s.attempt where s.id = :job order by e.seq desc",
                       job.value));
    if (rows.empty()) return std::optional<ServicePlace>();
    const Row& row = rows.front();
    ServicePlace place;
    place.owner = UserId{row.integer(0)};
    place.state = static_cast<JobState>(row.integer(1));
    place.attempt = static_cast<AttemptNumber>(row.integer(2));
    if (place.state == JobState::running) place.address = row.text_or_null(3).value_or("");
    return std::optional(std::move(place));
}

}  // namespace windlass::api
