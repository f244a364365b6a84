/* Leaves messages in queues of the kernel, which are nobody's memory. */
#include <sys/ipc.h>
#include <sys/msg.h>
#include "abuse.h"
int main(void) {
    static struct {
        long type;
        char text[8192];
    } message = {.type = 1};
    for (int i = 0; i < 16384; i++) {
        const int queue = msgget(IPC_PRIVATE, 0600);
        if (queue < 0 || msgsnd(queue, &message, sizeof message.text, IPC_NOWAIT) != 0 ||
            msgsnd(queue, &message, sizeof message.text, IPC_NOWAIT) != 0) {
            return stopped();
        }
    }
    return succeeded("256 MiB of messages");
}
