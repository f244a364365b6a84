/* Makes a device node of its own and opens it. */
#define HARMLESS_AS_ROOT
#include "abuse.h"

#include <sys/sysmacros.h>

int main(void) {
    if (mknod("zero", S_IFCHR | 0666, makedev(1, 5)) != 0) return stopped();
    MUST_FAIL(open("zero", O_RDONLY));
    return stopped();
}
