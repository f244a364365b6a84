/* Connects to the sockets at which the services of a host listen. */
#include <sys/socket.h>
#include <sys/un.h>
#include "abuse.h"
int main(void) {
    const char* paths[] = {"/run/dbus/system_bus_socket",
                           "/var/run/docker.sock",
                           "/run/containerd/containerd.sock",
                           "/run/systemd/notify",
                           "/run/systemd/private",
                           "/dev/log",
                           "/tmp/.X11-unix/X0",
                           "/run/nscd/socket",
                           "/run/udev/control",
                           "/var/run/postgresql/.s.PGSQL.5432"};
    for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        strcpy(address.sun_path, paths[i]);
        MUST_FAIL(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr*)&address, sizeof address));
        MUST_FAIL(connect(socket(AF_UNIX, SOCK_DGRAM, 0), (struct sockaddr*)&address, sizeof address));
    }
    return stopped();
}
