/* Kills everything it may, group by group. */
#include "abuse.h"
int main(void) {
    signal(SIGTERM, SIG_IGN);
    for (int pid = 1; pid < 40000; pid++) {
        if (pid != getpid()) kill(pid, SIGKILL);
    }
    kill(-1, SIGKILL); /* all but itself: what else dies is for the driver to see */
    return stopped();
}
