// What the `windlass` command ends with. Part of its contract: scripts depend on it (`windlass --help` lists it).
#pragma once

#include <string_view>

#include "shared/result.h"

namespace windlass::cli {

enum ExitCode : int {
    exit_ok = 0,
    exit_failed = 1,          // asked and refused, or something broke
    exit_usage = 2,           // wrong flags or words
    exit_unreachable = 3,     // no answer, or "not now": trying again later can help
    exit_denied = 4,          // no credential, a wrong one, or not allowed
    exit_not_found = 5,       // no such job, user, …
    exit_timed_out = 124,     // run, job wait: the job reached its time limit
    exit_without_code = 125,  // run, job wait: the job has no exit code of its own (cancelled, lost, a limit, not sent)
    exit_signal_base = 128,   // run, job wait: 128 + the signal that ended the job
};

// The same for people: in --help, in the manual and in docs/commands.md.
struct ExitCodeMeaning {
    std::string_view code;
    std::string_view meaning;
};
inline constexpr ExitCodeMeaning exit_code_meanings[] = {
    {"0", "done"},
    {"1", "refused, or broken; `doctor`: something is BAD"},
    {"2", "wrong flags or words; nothing was sent"},
    {"3", "the server cannot be reached or says \"not now\": trying again later can help"},
    {"4", "not logged in, or not allowed"},
    {"5", "not found"},
    {"124", "`run`, `job wait`: the job reached its time limit"},
    {"125", "`run`, `job wait`: the job has no exit code of its own (cancelled, lost, a limit, not sent)"},
    {"128 + n", "`run`, `job wait`: signal n ended the job"},
    {"other", "`run`, `job wait`: the job's own exit code"},
};

ExitCode exit_code_of(const Error& error);

// "windlass: <message>" on standard error.
ExitCode complain(const Error& error);

}  // namespace windlass::cli
