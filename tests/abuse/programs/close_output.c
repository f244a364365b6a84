/* Closes its output and goes on: the end of a pipe is not the end of a job. */
#include "abuse.h"
int main(void) {
    for (int i = 0; i < 3; i++) close(i);
    for (;;) pause();
}
