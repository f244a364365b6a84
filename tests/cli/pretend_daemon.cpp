// Stands in for a daemon in tests of the supervisor. Arguments: a record file, a name, and how to behave:
//   serve      says READY=1 with a URL and ends when told to
//   refuse     says why and exits with 3 before it is ready
//   stubborn   is ready and ignores SIGTERM
//   crash-once is ready and kills itself, the first time
//   crash      is ready and kills itself, every time
// Start, end and parent's death are written to the record file, one line each.
#include <signal.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace {

void record(const std::string& path, const std::string& line) {
    std::ofstream(path, std::ios::app) << line << std::endl;
}

bool has_line(const std::string& path, const std::string& wanted) {
    std::ifstream in(path);
    int found = 0;
    for (std::string line; std::getline(in, line);) found += line == wanted ? 1 : 0;
    return found > 1;
}

}  // namespace

int main(int, char** argv) {
    const std::string file = argv[1];
    const std::string name = argv[2];
    const std::string how = argv[3];
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    record(file, name + " starts");
    std::fprintf(stderr, "%s says hello\n", name.c_str());
    if (how == "refuse") {
        std::fprintf(stderr, "%s: the moon is in the wrong place\n", name.c_str());
        return 3;
    }
    const char* listen = std::getenv("PRETEND_URL");
    sd_notify(0, ("READY=1\nX_WINDLASS_URL=" + std::string(listen == nullptr ? "" : listen)).c_str());
    if (how == "crash" || (how == "crash-once" && !has_line(file, name + " starts"))) {
        raise(SIGKILL);
    }
    int number = 0;
    do {
        sigwait(&set, &number);
    } while (how == "stubborn");
    record(file, name + " ends");
    return 0;
}
