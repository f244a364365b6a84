#include "cli/job_ending.h"

#include <fmt/format.h>

#include <thread>

#include "cli/exit_code.h"
#include "shared/job_state.h"

namespace windlass::cli {
namespace {

constexpr Seconds poll_length{20};
constexpr Seconds patience_with_a_restart{60};
constexpr Milliseconds pause_between_tries{500};

bool is_number(const std::string& id) {
    return !id.empty() && id.size() <= 16 && id.find_first_not_of("0123456789") == std::string::npos;
}

int whole_number(const rapidjson::Value& object, const char* key) {
    const auto member = object.FindMember(key);
    return member != object.MemberEnd() && member->value.IsInt() ? member->value.GetInt() : 0;
}

}  // namespace

Result<std::string> job_path(const std::string& id, const std::string& behind) {
    if (!is_number(id))
        return make_error(ErrorKind::invalid,
                          fmt::format("\"{}\" is not the id of a job; `windlass job list` shows them", id));
    return fmt::format("/api/jobs/{}/{}", id, behind);
}

Result<ServerAnswer> wait_for_job(Server& server, const std::string& id) {
    WINDLASS_TRY(const std::string path, job_path(id, fmt::format("?wait={}", poll_length.count())));
    auto silent_since = std::chrono::steady_clock::time_point::max();
    for (;;) {
        auto answer = server.get(path, poll_length + Seconds{30});
        if (answer) {
            silent_since = std::chrono::steady_clock::time_point::max();
            const auto state = job_state_named(member_text(answer->document, "status"));
            if (!state)
                return make_error(
                    ErrorKind::internal,
                    fmt::format("the server named a status of job {} that this command does not know", id));
            if (is_final(*state)) return answer;
            continue;
        }
        if (answer.error().kind != ErrorKind::unavailable) return answer;
        const auto now = std::chrono::steady_clock::now();
        if (silent_since == std::chrono::steady_clock::time_point::max()) silent_since = now;
        if (now - silent_since > patience_with_a_restart) return answer;
        std::this_thread::sleep_for(pause_between_tries);
    }
}

const rapidjson::Value* results_of(const ServerAnswer& answer) {
    if (!answer.document.IsObject()) return nullptr;
    const auto member = answer.document.FindMember("results");
    const bool there =
        member != answer.document.MemberEnd() && member->value.IsObject() && member->value.MemberCount() > 0;
    return there ? &member->value : nullptr;
}

JobEnding ending_of(const std::string& status, const rapidjson::Value& results) {
    const std::string outcome = member_text(results, "outcome");
    const std::string detail = member_text(results, "detail");
    const std::string because = detail.empty() ? std::string() : ": " + detail;
    if (const auto array = results.FindMember("array"); array != results.MemberEnd() && array->value.IsObject()) {
        const auto all = whole_number(array->value, "count"), good = whole_number(array->value, "succeeded");
        if (status == "succeeded") return {exit_ok, ""};
        return {status == "cancelled" ? exit_without_code : exit_failed,
                fmt::format("the array ended as {}: {} of its {} members succeeded", status, good, all)};
    }
    if (status == "timed_out") return {exit_timed_out, "the job reached its time limit" + because};
    if (status == "cancelled") return {exit_without_code, "the job was cancelled"};
    if (status == "lost") return {exit_without_code, "the job was given up: its workers died too often" + because};
    if (outcome == "exited") return {whole_number(results, "exit_code"), detail};
    if (outcome == "signalled") {
        const int signal = whole_number(results, "signal");
        return {exit_signal_base + signal, fmt::format("the job was ended by signal {}{}", signal, because)};
    }
    if (outcome == "out_of_memory")
        return {exit_without_code, "the job reached its memory limit (limits.memory_bytes)" + because};
    if (outcome == "out_of_disk")
        return {exit_without_code, "the job reached its disk limit (limits.disk_bytes)" + because};
    if (outcome == "output_limit")
        return {exit_without_code, "the job printed far beyond limits.output_bytes" + because};
    return {exit_without_code,
            fmt::format("the job ended as {} ({}){}", status, outcome.empty() ? "no result" : outcome, because)};
}

}  // namespace windlass::cli
