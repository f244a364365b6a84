/* Learns the name of the machine that it was told to look for. */
#include "abuse.h"

#include <sys/utsname.h>

int main(int argc, char** argv) {
    struct utsname names;
    if (uname(&names) != 0 || strcmp(names.nodename, argv[argc - 1]) == 0) return succeeded(names.nodename);
    errno = 0;
    return stopped();
}
