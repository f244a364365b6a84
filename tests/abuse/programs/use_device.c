/* Opens a device node that lies among the files of /usr. */
#define HARMLESS_AS_ROOT
#include "abuse.h"

int main(int argc, char** argv) {
    char path[256];
    snprintf(path, sizeof path, "%s/zero", argv[argc - 1]);
    if (access(path, F_OK) != 0) return succeeded("there is nothing to try");
    MUST_FAIL(open(path, O_RDONLY));
    return stopped();
}
