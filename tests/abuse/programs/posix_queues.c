/* Makes message queues with names. */
#include <mqueue.h>
#include "abuse.h"
int main(void) {
    for (int i = 0; i < 4; i++) {
        char name[32];
        struct mq_attr attributes = {.mq_maxmsg = 10, .mq_msgsize = 8192};
        snprintf(name, sizeof name, "/queue-%d", i);
        if (mq_open(name, O_CREAT | O_RDWR, 0600, &attributes) < 0) return stopped();
    }
    return succeeded("4 queues");
}
