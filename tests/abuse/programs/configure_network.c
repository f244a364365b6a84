/* Brings an interface up, gives it an address, adds a tunnel and a route. */
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "abuse.h"
int main(void) {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq request = {.ifr_name = "lo"};
    request.ifr_flags = IFF_UP;
    MUST_FAIL(ioctl(fd, SIOCSIFFLAGS, &request));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {0x0100000a}};
    memcpy(&request.ifr_addr, &address, sizeof address);
    MUST_FAIL(ioctl(fd, SIOCSIFADDR, &request));
    struct rtentry route = {.rt_flags = RTF_UP, .rt_dev = "lo"};
    route.rt_dst.sa_family = AF_INET;
    MUST_FAIL(ioctl(fd, SIOCADDRT, &route));
    MUST_FAIL(ioctl(fd, 0x89a0 /* SIOCBRADDBR */, "bridge"));
    return stopped();
}
