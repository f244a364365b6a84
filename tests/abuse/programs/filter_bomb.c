/* Lays filter over filter, until each call takes for ever. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include "abuse.h"
int main(void) {
    static struct sock_filter long_program[4096];
    for (int i = 0; i < 4095; i++) long_program[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
    long_program[4095] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {4096, long_program};
    for (int i = 0; i < 64; i++) {
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return stopped();
    }
    return succeeded("64 long filters");
}
