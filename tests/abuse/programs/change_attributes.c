/* Changes times, owners, rights and attributes of files of the host. */
#include <sys/xattr.h>
#include "abuse.h"
int main(void) {
    const char* files[] = {"/usr/bin/env", "/etc/passwd", "/usr", "/", "/dev/null"};
    const struct timespec long_ago[2] = {{1, 0}, {1, 0}};
    for (int i = 0; i < 5; i++) {
        if (i < 4)
            MUST_FAIL(utimensat(AT_FDCWD, files[i], NULL, 0)); /* everybody may write to /dev/null, so touch it */
        MUST_FAIL(utimensat(AT_FDCWD, files[i], long_ago, 0));
        MUST_FAIL(chmod(files[i], 0777));
        MUST_FAIL(chown(files[i], getuid(), getgid()));
        MUST_FAIL(setxattr(files[i], "user.x", "x", 1, 0));
        MUST_FAIL(setxattr(files[i], "security.capability", "x", 1, 0));
        MUST_FAIL(removexattr(files[i], "user.x"));
    }
    return stopped();
}
