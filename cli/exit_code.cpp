#include "cli/exit_code.h"

#include <cstdio>

namespace windlass::cli {

ExitCode exit_code_of(const Error& error) {
    switch (error.kind) {
        case ErrorKind::unavailable:
            return exit_unreachable;
        case ErrorKind::denied:
            return exit_denied;
        case ErrorKind::not_found:
            return exit_not_found;
        case ErrorKind::invalid:
        case ErrorKind::conflict:
        case ErrorKind::stale:
        case ErrorKind::internal:
            return exit_failed;
    }
    return exit_failed;
}

ExitCode complain(const Error& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "windlass: %s\n", error.message.c_str());
    return exit_code_of(error);
}

}  // namespace windlass::cli
