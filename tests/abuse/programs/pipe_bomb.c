/* Makes pipes, each as large as it gets. */
#include "abuse.h"
int main(void) {
    for (int i = 0; i < 5000; i++) {
        int pipes[2];
        if (pipe(pipes) != 0 || fcntl(pipes[0], F_SETPIPE_SZ, 1 << 20) < 0) return stopped();
    }
    return succeeded("5000 pipes of a mebibyte");
}
