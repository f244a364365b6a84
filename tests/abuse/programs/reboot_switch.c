/* Changes what Ctrl-Alt-Delete does to the machine. */
#include <sys/reboot.h>
#include "abuse.h"
int main(void) {
    MUST_BE_REFUSED(reboot(RB_DISABLE_CAD));
    MUST_BE_REFUSED(reboot(RB_ENABLE_CAD));
    return stopped();
}
