/* Loads and removes kernel modules. */
#include "abuse.h"
int main(void) {
    MUST_BE_REFUSED(syscall(SYS_init_module, "", 0, ""));
    MUST_BE_REFUSED(syscall(SYS_finit_module, 0, "", 0));
    MUST_BE_REFUSED(syscall(SYS_delete_module, "loop", O_NONBLOCK));
    return stopped();
}
