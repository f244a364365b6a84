/* Asks for a memory that is executable wherever it is readable, and for other old ways. */
#include <sys/personality.h>
#include "abuse.h"
int main(void) {
    MUST_BE_REFUSED(personality(READ_IMPLIES_EXEC));
    MUST_BE_REFUSED(personality(ADDR_COMPAT_LAYOUT));
    MUST_BE_REFUSED(personality(MMAP_PAGE_ZERO));
    MUST_BE_REFUSED(personality(PER_SVR4));
    return stopped();
}
