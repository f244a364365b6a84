/* Climbs out of its root with "..", with descriptors, with links. */
#include "abuse.h"
int main(void) {
    const int root = open("/", O_RDONLY | O_DIRECTORY);
    struct stat here, there;
    fstat(root, &here);
    if (openat(root, "../../../../../../..", O_RDONLY | O_DIRECTORY) < 0) return stopped();
    fstat(openat(root, "../../../../../../..", O_RDONLY | O_DIRECTORY), &there);
    if (here.st_dev != there.st_dev || here.st_ino != there.st_ino) return succeeded("another root");
    MUST_FAIL(symlinkat("/etc/shadow", root, "shadow"));
    if (symlink("/../../../../etc/shadow", "up") == 0) MUST_FAIL(open("up", O_RDONLY));
    MUST_FAIL(link("/usr/bin/env", "hard"));
    return stopped();
}
