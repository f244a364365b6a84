/* Reads and writes a file of the host whose path it was told, by every route there is. */
#include "abuse.h"
int main(int argc, char** argv) {
    const char* routes[] = {"",
                            "/..",
                            "/proc/1/root",
                            "/proc/1/cwd/../../../../..",
                            "/proc/self/root",
                            "/proc/self/cwd/../..",
                            "/proc/self/task/1/root",
                            "/proc/thread-self/root/..",
                            "/proc/self/fd/0/../../..",
                            "/proc/self/fd/1/..",
                            "/dev/fd/3/..",
                            "/job/../.."};
    const char* canary = argc > 1 ? argv[1] : "/etc/shadow";
    char path[512];
    for (unsigned i = 0; i < sizeof routes / sizeof *routes; i++) {
        snprintf(path, sizeof path, "%s%s", routes[i], canary);
        MUST_FAIL(open(path, O_RDONLY));
        MUST_FAIL(open(path, O_WRONLY));
        MUST_FAIL(open(path, O_PATH));
        MUST_FAIL(truncate(path, 0));
        MUST_FAIL(chmod(path, 0777));
        MUST_FAIL(unlink(path));
        MUST_FAIL(access(path, F_OK));
    }
    return stopped();
}
