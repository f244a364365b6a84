/* Becomes itself again and again: the process that is looked at is always a new program. */
#include "abuse.h"
int main(int argc, char** argv) {
    (void)argc;
    execv("/proc/self/exe", argv);
    return stopped();
}
