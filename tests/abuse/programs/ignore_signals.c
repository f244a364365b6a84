/* Ignores whatever may be ignored, and stays. */
#include "abuse.h"
int main(void) {
    for (int i = 1; i < 65; i++) signal(i, SIG_IGN);
    for (;;) pause();
}
