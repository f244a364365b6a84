/* Looks for every mark that leave_traces leaves. */
#include "abuse.h"

#include <dirent.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

static int lines_of(const char* path) {
    char line[1024];
    int count = 0;
    FILE* file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) count++;
    if (file) fclose(file);
    return count;
}

static int mentions(const char* path, const char* word) {
    char line[1024];
    int found = 0;
    FILE* file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) found |= strstr(line, word) != NULL;
    if (file) fclose(file);
    return found;
}

/* Of the counters after `first` in each pair of lines of /proc/net/snmp that begins with `group`: any that is not 0. */
static int counted(const char* group, int first) {
    char line[4096];
    int found = 0, line_number = 0;
    FILE* file = fopen("/proc/net/snmp", "r");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, group, strlen(group)) != 0 || line_number++ % 2 == 0) continue; /* names, then numbers */
        int number = 0;
        strtok(line, " \n");
        for (char* word; (word = strtok(NULL, " \n"));) found |= number++ >= first && strcmp(word, "0") != 0;
    }
    if (file) fclose(file);
    return found;
}

int main(void) {
    const char* files[] = {"/job/left", "/tmp/left", "/var/tmp/left", "/dev/shm/left", "/job/out/left", "/left",
                           "/etc/left", "/usr/left", "/dev/left",     "/proc/left",    "/run/left",     "/var/left"};
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        if (access(files[i], F_OK) == 0) return succeeded(files[i]);
    }
    if (shmget(0x1ef7, 1, 0) >= 0) return succeeded("System V memory");
    if (msgget(0x1ef7, 0) >= 0) return succeeded("a System V queue");
    if (semget(0x1ef7, 1, 0) >= 0) return succeeded("System V semaphores");
    if (lines_of("/proc/sysvipc/shm") > 1 || lines_of("/proc/sysvipc/msg") > 1 || lines_of("/proc/sysvipc/sem") > 1)
        return succeeded("a line in /proc/sysvipc");
    if (mq_open("/left", O_RDONLY) >= 0) return succeeded("a POSIX queue");
    if (syscall(SYS_request_key, "user", "left", NULL, -4) >= 0 || mentions("/proc/keys", "left"))
        return succeeded("a key");
    const int program = open("/usr/bin/env", O_RDONLY);
    if (program >= 0 && flock(program, LOCK_EX | LOCK_NB) != 0) return succeeded("a lock on a program");
    if (mentions("/proc/locks", "FLOCK") > 1) return succeeded("a line in /proc/locks");
    if (getpriority(PRIO_PROCESS, 0) != 0) return succeeded("a priority");
    const mode_t mask = umask(077);
    if (mask != 077) return succeeded("a file mask");
    if (getenv("LEFT") != NULL) return succeeded("a variable");
    if (getpid() > 100) return succeeded("used process numbers");
    int seen = 0;
    DIR* processes = opendir("/proc");
    for (struct dirent* entry; processes && (entry = readdir(processes));) seen += atoi(entry->d_name) > 0;
    if (seen != 1) return succeeded("a process");
    sigset_t mask_of_signals;
    sigprocmask(SIG_SETMASK, NULL, &mask_of_signals);
    for (int i = 1; i < 65; i++) {
        if (signal(i, SIG_DFL) == SIG_IGN) return succeeded("an ignored signal");
        if (sigismember(&mask_of_signals, i) == 1) return succeeded("a blocked signal");
    }
    char status[8192] = "";
    const int fd = open("/proc/self/status", O_RDONLY);
    if (fd < 0 || read(fd, status, sizeof status - 1) <= 0) return succeeded("cannot look");
    const char* queued = strstr(status, "SigQ:");
    if (queued && atoi(queued + 5) > 1) return succeeded("queued signals of its user");
    const char* tables[] = {"/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp",     "/proc/net/udp6",
                            "/proc/net/raw", "/proc/net/icmp", "/proc/net/udplite", "/proc/net/packet"};
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (lines_of(tables[i]) > 1) return succeeded(tables[i]);
    }
    if (mentions("/proc/net/unix", "left")) return succeeded("an abstract socket");
    /* Forwarding and TTL; the four constants of TCP. */
    if (counted("Ip:", 2) || counted("Icmp:", 0) || counted("Udp:", 0) || counted("Tcp:", 4))
        return succeeded("counters of the network");
    if (lines_of("/proc/net/ip6_flowlabel") > 1) return succeeded("a flow label");
    const int udp = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_port = htons(7777)};
    if (udp >= 0 && bind(udp, (struct sockaddr*)&port, sizeof port) != 0) return succeeded("a port in use");
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0left"};
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr*)&name, offsetof(struct sockaddr_un, sun_path) + 5) != 0)
        return succeeded("an abstract name in use");
    errno = 0;
    return stopped();
}
