/* Changes the bits that decide what a new program may. */
#include <sys/prctl.h>
#include "abuse.h"
int main(void) {
    for (int bits = 1; bits < 256; bits <<= 1) MUST_FAIL(prctl(PR_SET_SECUREBITS, bits, 0, 0, 0));
    MUST_FAIL(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return succeeded("new privileges");
    MUST_FAIL(prctl(PR_SET_SECCOMP, 0, 0, 0, 0));
    return stopped();
}
