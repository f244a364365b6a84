/* Watches, and can hold up, every open of a whole file system. */
#include "abuse.h"
int main(void) {
    MUST_BE_REFUSED(syscall(SYS_fanotify_init, 0, O_RDONLY));
    MUST_BE_REFUSED(syscall(SYS_fanotify_init, 4 /* FAN_CLASS_CONTENT */, O_RDONLY));
    MUST_BE_REFUSED(syscall(SYS_fanotify_init, 0x200 /* FAN_REPORT_FID */, O_RDONLY));
    return stopped();
}
