/* Starts a program with one argument, and with many, that are too long. */
#include "abuse.h"
int main(void) {
    static char text[(128 << 10) + 1];
    static char* many[200];
    memset(text, 'x', sizeof text - 1);
    char* one[] = {"true", text, NULL};
    execv("/bin/true", one);
    text[(64 << 10) - 1] = '\0';
    for (int i = 0; i < 199; i++) many[i] = text;
    char* none[] = {NULL};
    execve("/bin/true", many, none);
    execve("/bin/true", one + 2, many);
    return stopped();
}
