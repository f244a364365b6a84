/* Loads another kernel to be booted. */
#include "abuse.h"
int main(void) {
    MUST_BE_REFUSED(syscall(SYS_kexec_load, 0, 0, NULL, 0));
    MUST_BE_REFUSED(syscall(SYS_kexec_file_load, -1, -1, 1, "", 0));
    return stopped();
}
