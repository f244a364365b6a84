#include "scheduler/worker_trust.h"

#include <fmt/format.h>

#include "shared/trust/certificate.h"

namespace windlass::scheduler {
namespace {

Error denied(std::string why) {
    return make_error(ErrorKind::denied, std::move(why) + "; make a new one with: windlass worker enrol NAME");
}

}  // namespace

Result<bool> judge_redemption(const StoredToken* token, const WorkerTrust* trust, const Redemption& redemption) {
    if (token == nullptr) return denied("this enrolment token is not known here, or was withdrawn");
    if (token->worker != redemption.worker)
        return denied(fmt::format("this enrolment token is for the worker \"{}\" and not for \"{}\" (worker.name)",
                                  token->worker, redemption.worker));
    if (redemption.now >= token->expires)
        return denied("this enrolment token ended at " + trust::utc_text(token->expires));
    if (!token->key_sha256) return true;
    if (*token->key_sha256 != redemption.key_sha256) return denied("this enrolment token was used already");
    if (trust == nullptr || trust->revoked || trust->generation != token->generation)
        return denied("what this enrolment token was used for was revoked or replaced since");
    return false;
}

}  // namespace windlass::scheduler
