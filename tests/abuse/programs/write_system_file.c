/* Writes a file of /usr that its administrator left writable to everybody. */
#define HARMLESS_AS_ROOT
#include "abuse.h"

int main(int argc, char** argv) {
    char path[256];
    snprintf(path, sizeof path, "%s/writable", argv[argc - 1]);
    if (access(path, F_OK) != 0) return succeeded("there is nothing to try");
    MUST_FAIL(open(path, O_WRONLY));
    return stopped();
}
