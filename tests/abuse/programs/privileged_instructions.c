/* Makes instructions that are the kernel's: stop the processor, read ports and registers. */
#include "abuse.h"
int main(void) {
#ifdef __x86_64__
    for (int i = 0; i < 5; i++) {
        const pid_t child = fork();
        if (child == 0) {
            if (i == 0) __asm__ volatile("cli");
            if (i == 1) __asm__ volatile("hlt");
            if (i == 2) __asm__ volatile("inb $0x71, %%al" ::: "rax");
            if (i == 3) __asm__ volatile("rdmsr" : : "c"(0x1b) : "rax", "rdx");
            if (i == 4) __asm__ volatile("mov %%cr3, %%rax" ::: "rax");
            _exit(0);
        }
        int status = 0;
        if (child < 0 || waitpid(child, &status, 0) != child) return 1;
        if (!WIFSIGNALED(status)) return succeeded("an instruction");
    }
#endif
    errno = EPERM;
    return stopped();
}
