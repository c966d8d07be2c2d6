/*
 * Linked into the sanitized module only: looks for leaks when FreeSWITCH has ended its own affairs, and
 * ends the process. What libraries do at its end may hang under AddressSanitizer: p11-kit waits for a
 * lock of the C library's.
 */
#include <sanitizer/lsan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What must be found, if anything is. */
__attribute__((noinline)) void leaks_on_purpose(void) {
  void *volatile leak = malloc(4711);
  leak = NULL;
  (void)leak;
}

static void look(void) {
  leaks_on_purpose();
  __lsan_do_recoverable_leak_check();
  fflush(NULL);
  _exit(0);
}

__attribute__((constructor)) static void arrange(void) { atexit(look); }
