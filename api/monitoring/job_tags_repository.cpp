#include "api/monitoring/job_tags_repository.h"

#include "api/names.h"

namespace windlass::api {
namespace {

constexpr std::int64_t most_tags_per_job = 100;
constexpr std::int64_t most_listed = 10'000;

Status as_status(Result<std::int64_t> changed) {
    return changed ? Status() : Status(std::move(changed).error());
}

Result<JobTag> stored_tag(Session& session, UserId account, const std::string& name, bool by_admin) {
    WINDLASS_TRY(const auto rows,
                 session.query("select g.id, g.name, g.by_admin, a.username from monitoring_tag g join account a on "
                               "a.id = g.account where g.account = :account and g.name = :name and g.by_admin = :admin",
                               account.value, name, by_admin));
    if (rows.empty()) return make_error(ErrorKind::unavailable, "The tag was removed at the same moment.");
    return JobTag{rows.front().integer(0), rows.front().text(1), rows.front().truth(2), rows.front().text(3)};
}

}  // namespace

Result<std::variant<JobTag, TagRefusal>> JobTagsRepository::add(const JobMetadata& job, const std::string& name,
                                                                UserId account, bool by_admin, WallTime now) {
    using Outcome = std::variant<JobTag, TagRefusal>;
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY(const auto known,
                 session->query("select id from monitoring_tag where account = :account and name = :name and by_admin "
                                "= :admin",
                                account.value, name, by_admin));
    if (known.empty()) {
        WINDLASS_TRY(const auto number, session->query("update id_counter set next = next + 1 where name = "
                                                       "'monitoring_tag' returning next - 1"));
        WINDLASS_TRY_STATUS(as_status(
            session->execute("insert into monitoring_tag (id, account, name, by_admin, created_us) values (:id, "
                             ":account, :name, :admin, :now) on conflict (account, name, by_admin) do nothing",
                             number.front().integer(0), account.value, name, by_admin, to_unix_us(now))));
    }
    // Held, so that nobody removes it before it has a job.
    WINDLASS_TRY_STATUS(as_status(session->execute(
        "update monitoring_tag set created_us = created_us where account = :account and name = :name and by_admin = "
        ":admin",
        account.value, name, by_admin)));
    WINDLASS_TRY(auto tag, stored_tag(*session, account, name, by_admin));
    WINDLASS_TRY(const auto count, session->query("select count(*) from monitoring_job_tag where external_id = :id and "
                                                  "cluster = :cluster and tag <> :tag",
                                                  job.id, job.cluster_id, tag.id));
    if (count.front().integer(0) >= most_tags_per_job) return Outcome(TagRefusal::too_many);
    WINDLASS_TRY_STATUS(as_status(
        session->execute("insert into monitoring_job_tag (tag, cluster, external_id, user_key) values (:tag, :cluster, "
                         ":id, :user) on conflict (tag, cluster, external_id) do nothing",
                         tag.id, job.cluster_id, job.id, name_key(job.user_name))));
    WINDLASS_TRY_STATUS(transaction.commit());
    return Outcome(std::move(tag));
}

Result<std::optional<TagRefusal>> JobTagsRepository::remove(const JobMetadata& job, std::int64_t tag,
                                                            const MonitoredBy& by) {
    using Outcome = std::optional<TagRefusal>;
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY(const auto rows, session->query("select account from monitoring_tag where id = :id", tag));
    if (rows.empty()) return Outcome(TagRefusal::no_such_tag);
    WINDLASS_TRY(const auto on_job, session->query("select tag from monitoring_job_tag where tag = :tag and cluster = "
                                                   ":cluster and external_id = :id",
                                                   tag, job.cluster_id, job.id));
    if (on_job.empty()) return Outcome(TagRefusal::not_on_this_job);
    if (!by.everybodys && rows.front().integer(0) != by.account.value) return Outcome(TagRefusal::of_somebody_else);
    WINDLASS_TRY_STATUS(
        as_status(session->execute("update monitoring_tag set created_us = created_us where id = :id", tag)));
    WINDLASS_TRY_STATUS(as_status(
        session->execute("delete from monitoring_job_tag where tag = :tag and cluster = :cluster and external_id = :id",
                         tag, job.cluster_id, job.id)));
    WINDLASS_TRY_STATUS(as_status(session->execute(
        "delete from monitoring_tag where id = :tag and not exists (select 1 from monitoring_job_tag where tag = :tag)",
        tag)));
    WINDLASS_TRY_STATUS(transaction.commit());
    return Outcome();
}

Result<std::vector<JobTag>> JobTagsRepository::visible(const MonitoredBy& by) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select g.id, g.name, g.by_admin, a.username from monitoring_tag g join account a on "
                                "a.id = g.account where :all = 1 or g.account = :account or exists (select 1 from "
                                "monitoring_job_tag t where t.tag = g.id and t.user_key = :user) order by g.name, g.id "
                                "limit :most",
                                by.everybodys, by.account.value, by.user_key, most_listed));
    std::vector<JobTag> tags;
    for (const Row& row : rows) tags.push_back({row.integer(0), row.text(1), row.truth(2), row.text(3)});
    return tags;
}

}  // namespace windlass::api
