// What the handlers of the monitoring family share, in one place of App. Built by main; outlives the front.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "api/monitoring/admin_notices.h"
#include "api/monitoring/cluster_jobs_repository.h"
#include "api/monitoring/job_tags_repository.h"
#include "api/monitoring/mail_carrier.h"
#include "api/monitoring/monitored_jobs.h"
#include "api/monitoring/monitoring_config.h"
#include "shared/database/session_pool.h"

namespace windlass::api {

// JobMetadata.Data from what is stored of the job's metrics.
using ComputeData =
    std::function<Result<std::vector<JobMetadataData>>(SessionPool& pool, const MonitoringConfig&, const JobMetadata&)>;

struct Monitoring {
    Monitoring(SessionPool& sessions, std::int64_t first_own, MailSettings mail_to, ComputeData compute = {},
               SendMail send = send_by_smtp)
        : pool(sessions),
          first_own_job(first_own),
          mail(std::move(mail_to), std::move(send)),
          compute_data(std::move(compute)) {}

    SessionPool& pool;
    const std::int64_t first_own_job;  // ids of outside clusters lie below
    MonitoredJobs jobs{pool};
    ClusterJobsRepository clusters{pool};
    JobTagsRepository tags{pool};
    AdminNoticesRepository notices{pool};
    NoticeBrake brake;
    MailCarrier mail;
    const ComputeData compute_data;  // empty: nothing is known of metrics

    Result<MonitoringConfig> config() {
        WINDLASS_TRY(const auto session, pool.lease());
        WINDLASS_TRY(auto loaded, load_monitoring_config(*session));
        return std::move(loaded.config);
    }
};

}  // namespace windlass::api
