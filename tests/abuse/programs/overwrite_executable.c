/* Writes over the programs that run it, through /proc (CVE-2019-5736). */
#include "abuse.h"
int main(void) {
    const char* paths[] = {"/proc/self/exe", "/proc/1/exe", "/proc/self/root/usr/bin/env",
                           "/proc/thread-self/root/bin/sh"};
    for (unsigned i = 0; i < 4; i++) {
        if (i != 0) MUST_FAIL(open(paths[i], O_WRONLY)); /* its own file it may write, once it no longer runs */
        MUST_FAIL(open(paths[i], O_RDWR | O_TRUNC));
    }
    return stopped();
}
