/* Leaves a mark of every kind it can, for find_traces in the next job of the slot. */
#include "abuse.h"

#include <linux/keyctl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

static void leave_file(const char* path) {
    const int fd = open(path, O_CREAT | O_RDWR, 0666);
    if (fd >= 0 && write(fd, "left", 4) != 4) printf("%s: %s\n", path, strerror(errno));
}

int main(void) {
    const char* files[] = {"/job/left", "/tmp/left", "/var/tmp/left", "/dev/shm/left", "/job/out/left", "/left",
                           "/etc/left", "/usr/left", "/dev/left",     "/proc/left",    "/run/left",     "/var/left"};
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) leave_file(files[i]);
    const int memory = shmget(0x1ef7, 4096, IPC_CREAT | 0666);
    if (memory >= 0) strcpy(shmat(memory, NULL, 0), "left");
    const int queue = msgget(0x1ef7, IPC_CREAT | 0666);
    const struct {
        long type;
        char text[5];
    } message = {1, "left"};
    if (queue >= 0) msgsnd(queue, &message, sizeof message.text, IPC_NOWAIT);
    semget(0x1ef7, 4, IPC_CREAT | 0666);
    struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 64};
    const mqd_t named = mq_open("/left", O_CREAT | O_RDWR, 0666, &attributes);
    if (named >= 0) mq_send(named, "left", 4, 0);
    syscall(SYS_add_key, "user", "left", "left", 4, -4 /* of the user */);
    flock(open("/usr/bin/env", O_RDONLY), LOCK_EX | LOCK_NB);
    struct flock range = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    fcntl(open("/usr/bin/env", O_RDONLY), F_SETLK, &range);
    setpriority(PRIO_PROCESS, 0, 15);
    umask(0);
    setenv("LEFT", "left", 1);
    const int udp = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_port = htons(7777)};
    bind(udp, (struct sockaddr*)&port, sizeof port);
    /* Counters of the network: nothing arrives, and that is counted. */
    sendto(udp, "left", 4, MSG_DONTWAIT, (struct sockaddr*)&port, sizeof port);
    struct sockaddr_in elsewhere = {.sin_family = AF_INET, .sin_port = htons(7), .sin_addr = {htonl(0x0a000001)}};
    sendto(udp, "left", 4, MSG_DONTWAIT, (struct sockaddr*)&elsewhere, sizeof elsewhere);
    const int tcp = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_port = htons(7), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    connect(tcp, (struct sockaddr*)&loopback, sizeof loopback);
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0left"};
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr*)&name, offsetof(struct sockaddr_un, sun_path) + 5);
    listen(listener, 1);
    /* Process numbers used up, and somebody who stays: with all descriptors, ignoring what can be ignored. */
    for (int i = 0; i < 300; i++) {
        const pid_t child = fork();
        if (child == 0) _exit(0);
        waitpid(child, NULL, 0);
    }
    if (fork() == 0) {
        setsid();
        for (int i = 1; i < 65; i++) signal(i, SIG_IGN);
        for (;;) pause();
    }
    return 0;
}
