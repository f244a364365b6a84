/* Makes files without a name where it may not make files. */
#include "abuse.h"
int main(void) {
    MUST_FAIL(open("/", O_TMPFILE | O_RDWR, 0600));
    MUST_FAIL(open("/usr", O_TMPFILE | O_RDWR, 0600));
    MUST_FAIL(open("/etc", O_TMPFILE | O_RDWR, 0600));
    MUST_FAIL(open("/dev", O_TMPFILE | O_RDWR, 0600));
    MUST_FAIL(open("/proc/self", O_TMPFILE | O_RDWR, 0600));
    return stopped();
}
