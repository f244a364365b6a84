/* Takes swap space away, or puts it onto its own file. */
#include <sys/swap.h>
#include "abuse.h"
int main(void) {
    MUST_BE_REFUSED(swapon("act", 0));
    MUST_BE_REFUSED(swapoff("/dev/vda2"));
    return stopped();
}
