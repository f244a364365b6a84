/* Prints without end. */
#include "abuse.h"
int main(void) {
    static char block[65536];
    memset(block, 'A', sizeof block);
    for (;;) {
        if (write(1, block, sizeof block) < 0 || write(2, block, sizeof block) < 0) return stopped();
    }
}
