/* Gives its own file capabilities. */
#include <sys/xattr.h>
#include "abuse.h"
int main(void) {
    const unsigned data[5] = {0x02000001, 0xffffffff, 0, 0xffffffff, 0};
    const unsigned with_root[6] = {0x03000001, 0xffffffff, 0, 0xffffffff, 0, getuid()};
    MUST_FAIL(setxattr("act", "security.capability", data, sizeof data, 0));
    MUST_FAIL(setxattr("act", "security.capability", with_root, sizeof with_root, 0));
    MUST_FAIL(setxattr("act", "trusted.x", "x", 1, 0));
    return stopped();
}
