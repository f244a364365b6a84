/* Opens descriptors. */
#include "abuse.h"
int main(void) {
    for (int i = 0; i < 5000; i++) {
        if (open("/dev/null", O_RDONLY) < 0) return stopped();
    }
    return succeeded("5000 descriptors");
}
