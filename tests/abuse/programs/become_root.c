/* Becomes root, by system call and by programs that carry the right. */
#include "abuse.h"

/* A pipe whose writers wait: a program that says anything stays until `read_end` is closed. */
static void make_full_pipe(int* read_end, int* write_end) {
    int ends[2];
    if (pipe(ends) != 0) exit(20);
    static const char nothing[4096];
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (write(ends[1], nothing, sizeof nothing) > 0) {
    }
    fcntl(ends[1], F_SETFL, 0);
    *read_end = ends[0];
    *write_end = ends[1];
}

/* Which user the process is once it waits as a program that is not this one; -1: it ended, or hides. */
static long user_of_what_it_became(pid_t process) {
    char path[64];
    char text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", (int)process);
    for (;;) {
        const int file = open(path, O_RDONLY);
        if (file < 0) return -1;
        const ssize_t size = read(file, text, sizeof text - 1);
        close(file);
        if (size <= 0) return -1;
        text[size] = 0;
        const char* state = strstr(text, "\nState:");
        const char* user = strstr(text, "\nUid:");
        int effective = -1;
        if (state == NULL || user == NULL || sscanf(user, " Uid: %*d %d", &effective) != 1) return -1;
        if (strchr("ZX", state[8]) != NULL) return -1;
        if (state[8] == 'S' && strncmp(text, "Name:\tact\n", 10) != 0) return effective;
        usleep(1000);
    }
}

int main(void) {
    MUST_FAIL(setresuid(0, 0, 0));
    MUST_FAIL(setresgid(0, 0, 0));
    const char* programs[] = {"/usr/bin/su", "/usr/bin/mount", "/usr/bin/passwd", "/usr/bin/newgrp"};
    for (unsigned i = 0; i < 4; i++) {
        int read_end = -1;
        int write_end = -1;
        make_full_pipe(&read_end, &write_end);
        const pid_t child = fork();
        if (child == 0) {
            close(read_end);
            dup2(open("/dev/null", O_RDONLY), 0);
            dup2(write_end, 1);
            dup2(write_end, 2);
            close(write_end);
            execl(programs[i], programs[i], "--help", (char*)NULL);
            _exit(99);
        }
        close(write_end);
        const long user = user_of_what_it_became(child);
        close(read_end);
        waitpid(child, NULL, 0);
        if (user == 0) return succeeded(programs[i]);
    }
    errno = EPERM;
    return stopped();
}
