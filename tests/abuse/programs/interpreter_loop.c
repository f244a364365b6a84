/* Is the interpreter of itself. */
#include "abuse.h"
int main(void) {
    const int fd = open("loop", O_CREAT | O_WRONLY, 0700);
    if (write(fd, "#!/job/loop\n", 12) != 12) return 1;
    close(fd);
    char* arguments[] = {"loop", NULL};
    for (int i = 0; i < 100; i++) MUST_FAIL(execv("/job/loop", arguments));
    return stopped();
}
