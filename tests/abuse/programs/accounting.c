/* Has the kernel write a record of every process into its file, or stop doing so. */
#include "abuse.h"
int main(void) {
    MUST_BE_REFUSED(acct("act"));
    MUST_BE_REFUSED(acct(NULL));
    return stopped();
}
