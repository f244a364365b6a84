/* Makes watchers. */
#include <sys/inotify.h>
#include "abuse.h"
int main(void) {
    for (int i = 0; i < 5000; i++) {
        if (inotify_init1(IN_NONBLOCK) < 0) return stopped();
    }
    return succeeded("5000 watchers");
}
