/* Stops itself with a signal that cannot be ignored: who waits for it must not wait for ever. */
#include "abuse.h"
int main(void) {
    for (;;) raise(SIGSTOP);
}
