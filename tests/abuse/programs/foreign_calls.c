/* Makes system calls of other architectures, whose numbers a filter might mistake. */
#include "abuse.h"
int main(void) {
#ifdef __x86_64__
    pid_t child = fork();
    if (child == 0) {
        long result = 20; /* getpid of i386 */
        __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
        _exit(result > 0 ? 42 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 42) return succeeded("int 0x80");
    child = fork();
    if (child == 0) _exit(syscall(0x40000000 + 39) > 0 ? 42 : 1); /* getpid of x32 */
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 42) return succeeded("x32");
#endif
    errno = ENOSYS;
    return stopped();
}
