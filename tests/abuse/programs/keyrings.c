/* Leaves a secret in the kernel's key store, where the next job of the user would find it. */
#include "abuse.h"
int main(void) {
    MUST_FAIL(syscall(SYS_add_key, "user", "x", "secret", 6, -4));
    MUST_FAIL(syscall(SYS_add_key, "user", "x", "secret", 6, -3));
    MUST_FAIL(syscall(SYS_keyctl, 0, -3, 0));
    MUST_FAIL(syscall(SYS_request_key, "user", "x", NULL, -3));
    return stopped();
}
