/* Has waiters wait for each other, deeply and in a circle. */
#include <sys/epoll.h>
#include "abuse.h"
int main(void) {
    int inner = epoll_create1(0);
    const int first = inner;
    struct epoll_event event = {.events = EPOLLIN};
    for (int i = 0; i < 200; i++) {
        const int outer = epoll_create1(0);
        if (outer < 0 || epoll_ctl(outer, EPOLL_CTL_ADD, inner, &event) != 0) {
            MUST_FAIL(epoll_ctl(first, EPOLL_CTL_ADD, inner, &event));
            return stopped();
        }
        inner = outer;
    }
    return succeeded("200 levels");
}
