/* Reads, empties and silences the kernel's log. */
#include "abuse.h"
int main(void) {
    char text[4096];
    MUST_BE_REFUSED(syscall(SYS_syslog, 3, text, (int)sizeof text));
    MUST_BE_REFUSED(syscall(SYS_syslog, 5, NULL, 0));
    MUST_BE_REFUSED(syscall(SYS_syslog, 6, NULL, 0));
    MUST_BE_REFUSED(syscall(SYS_syslog, 10, NULL, 0));
    return stopped();
}
