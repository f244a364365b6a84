/* Uses all the processor time there is. */
#include "abuse.h"
int main(void) {
    for (volatile unsigned long i = 0;; i++) {
    }
}
