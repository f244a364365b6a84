/* Waits for a child that waits for a child, and cannot be interrupted in it. */
#include "abuse.h"
int main(void) {
    const pid_t child = vfork();
    if (child == 0) {
        for (;;) pause();
    }
    return 0;
}
