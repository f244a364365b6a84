/* Lays filters over the filter: one that allows everything, one that asks itself. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include "abuse.h"
int main(void) {
    struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_filter ask[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_keyctl, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog programs[] = {{1, allow}, {4, ask}};
    for (int i = 0; i < 2; i++) {
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &programs[i]) != 0) return 1;
        MUST_BE_REFUSED(syscall(SYS_keyctl, 0, -3, 0));
    }
    return stopped();
}
