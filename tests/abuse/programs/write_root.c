/* Makes files in the root that every job is given, where the next job would find them. */
#define HARMLESS_AS_ROOT
#include "abuse.h"

int main(void) {
    MUST_FAIL(open("/left-in-the-root", O_CREAT | O_WRONLY, 0666));
    MUST_FAIL(open("/etc/left-in-the-root", O_CREAT | O_WRONLY, 0666));
    MUST_FAIL(mkdir("/dev/left-in-the-root", 0777));
    return stopped();
}
