/* Makes files that would run as somebody else. */
#include "abuse.h"
int main(void) {
    close(open("own", O_CREAT | O_WRONLY, 0755));
    MUST_FAIL(chown("own", 0, 0));
    MUST_FAIL(chmod("own", 04755));
    MUST_FAIL(chmod("own", 02755));
    MUST_FAIL(fchmodat(AT_FDCWD, "own", 06755, 0));
    return stopped();
}
