/* Takes every limit of PID 1 down to nothing. Without root it is the same user, and may. */
#include <sys/resource.h>
#include "abuse.h"
int main(void) {
    const struct rlimit nothing = {0, 0};
    for (int resource = 0; resource < 16; resource++) prlimit(1, resource, &nothing, NULL);
    return 0; /* whether the box still ends as it should is for the driver to see */
}
