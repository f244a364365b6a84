/* Reads and writes what belongs to the host. */
#include "abuse.h"
int main(void) {
    const char* secret[] = {"/etc/shadow",
                            "/root",
                            "/home",
                            "/var/lib",
                            "/sys",
                            "/boot",
                            "/run",
                            "/etc/ssh",
                            "/mnt",
                            "/srv",
                            "/opt",
                            "/work",
                            "/job/../root",
                            "/proc/self/root/root",
                            "/proc/self/cwd/../home",
                            "/lost+found"};
    for (unsigned i = 0; i < sizeof secret / sizeof *secret; i++) MUST_FAIL(open(secret[i], O_RDONLY));
    const char* fixed[] = {"/usr/bin/x", "/x", "/etc/x", "/dev/x", "/usr/lib/x", "/var/x"};
    for (unsigned i = 0; i < sizeof fixed / sizeof *fixed; i++) MUST_FAIL(open(fixed[i], O_CREAT | O_WRONLY, 0755));
    MUST_FAIL(open("/etc/passwd", O_WRONLY));
    MUST_FAIL(open("/usr/bin/env", O_WRONLY));
    MUST_FAIL(unlink("/etc/passwd"));
    MUST_FAIL(rename("/tmp", "/temporary"));
    MUST_FAIL(symlink("/job", "/link"));
    return stopped();
}
