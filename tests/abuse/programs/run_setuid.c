/* Runs a program of /usr that carries the rights of root. */
#define HARMLESS_AS_ROOT
#include "abuse.h"

int main(int argc, char** argv) {
    char command[512];
    const char* directory = argv[argc - 1];
    snprintf(command, sizeof command, "test \"$(%s/setuid-id -u)\" = 0", directory);
    const int status = system(command);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return succeeded("root");
    snprintf(command, sizeof command, "%s/setuid-id > /dev/null", directory);
    if (system(command) != 0) return succeeded("there is nothing to try");
    errno = EPERM;
    return stopped();
}
