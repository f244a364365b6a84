// /api/results/{id}/files/{path}: the bytes of a file that a job left in out/. They come from strangers' programs: the
// browser is told to save them, not to look at them.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/blobs_repository.h"
#include "api/handlers.h"
#include "api/job_parameters.h"
#include "api/jobs_repository.h"
#include "api/render_job.h"
#include "api/results_repository.h"

namespace windlass::api {
namespace {

// RFC 6266: a plain name for everyone, and the exact one (RFC 8187) for those who can read it.
std::string disposition(std::string_view path) {
    const auto name = path.substr(path.rfind('/') + 1);
    std::string plain, exact;
    for (const char c : name) {
        const bool safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                          c == '-' || c == '_';
        plain += safe ? c : '_';
        exact += safe ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return fmt::format("attachment; filename=\"{}\"; filename*=UTF-8''{}", plain, exact);
}

}  // namespace

OrProblem<Reply> result_file(const Call& call) {
    WINDLASS_TRY(const auto id, path_job(call));
    WINDLASS_TRY(const auto job, call.app.results.one(id));
    if (!job || !call.principal.may_see(job->owner)) return no_such_job(call);
    const auto none = [&] { return not_found("This job left no file of that name in out/."); };
    if (!ending_that_counts(job->line)) return none();
    const auto& files = job->stored->result.files;
    const auto path = call.path[1];
    const auto file = std::find_if(files.begin(), files.end(), [&](const ResultFile& f) { return f.path == path; });
    if (file == files.end()) return none();
    if (!file->stored) return not_found("The job left this file, but it was too large to be kept.");
    Response response;
    if (file->size_bytes > 0) {
        WINDLASS_TRY(auto bytes, call.app.blobs.bytes(file->sha256));
        if (!bytes) return not_found("The bytes of this file are no longer kept.");
        response.body = *std::move(bytes);
    }
    response.content_type = "application/octet-stream";
    response.headers = {{"Content-Disposition", disposition(path)},
                        {"Content-Security-Policy", "sandbox; default-src 'none'"}};
    return Reply(std::move(response));
}

}  // namespace windlass::api
