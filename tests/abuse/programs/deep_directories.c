/* Makes a directory in a directory in a directory. */
#include "abuse.h"
int main(void) {
    for (int i = 0; i < 100000; i++) {
        if (mkdir("d", 0700) != 0 || chdir("d") != 0) return stopped();
    }
    return succeeded("100000 levels");
}
