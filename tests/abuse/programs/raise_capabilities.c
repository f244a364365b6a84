/* Gives itself capabilities. */
#include <linux/capability.h>
#include <sys/prctl.h>
#include "abuse.h"
int main(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    for (int bit = 0; bit < 41; bit++) {
        struct __user_cap_data_struct sets[2] = {{0}, {0}};
        sets[bit / 32].permitted = sets[bit / 32].effective = 1U << bit % 32;
        MUST_FAIL(syscall(SYS_capset, &header, sets));
        sets[bit / 32] = (struct __user_cap_data_struct){0, 0, 1U << bit % 32};
        MUST_FAIL(syscall(SYS_capset, &header, sets));
        MUST_FAIL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0));
    }
    return stopped();
}
