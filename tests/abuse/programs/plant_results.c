/* Leaves things in out/ for whoever collects the results. */
#include <sys/socket.h>
#include <sys/un.h>
#include "abuse.h"
int main(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "out/socket"};
    if (symlink("/etc/shadow", "out/link") != 0 || symlink("/proc/self/environ", "out/magic") != 0 ||
        symlink("/etc", "out/directory") != 0 || mkfifo("out/fifo", 0600) != 0 ||
        bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr*)&address, sizeof address) != 0) {
        return 1;
    }
    return 0; /* whether they can be told from files is for the driver to see */
}
