/*
 * signals ANALYZER: the switch's own crash handlers must survive, and must not be called for what an
 * analyzer does wrong, whether they were installed before the host was opened or after.
 */
#include "callprint.h"

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int SIGNALS[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
static atomic_int caught, ended, released_calls;
static sigjmp_buf back;

static void handler(int number) {
  (void)number;
  caught++;
  siglongjmp(back, 1);
}

static void install(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  for (unsigned n = 0; n < sizeof SIGNALS / sizeof *SIGNALS; n++)
    sigaction(SIGNALS[n], &action, NULL);
}

static void decided(void *user, const callprint_decision *decision) {
  (void)user;
  if (decision->verdict == CALLPRINT_NOTREADY)
    ended++;
}

static void released(void *user) {
  (void)user;
  released_calls++;
}

/* The misdeeds of conformance/hostile/guest.wat that a processor reports. */
static const int MISDEEDS[] = {1, 4, 5, 10};
enum { COUNT = sizeof MISDEEDS / sizeof *MISDEEDS };

static void misbehave(callprint_host *host) {
  for (int n = 0; n < COUNT; n++) {
    char error[500];
    callprint_call *call;
    callprint_call_config config = {
        .size = sizeof config, .id = "evil", .decided = decided, .released = released};
    while (callprint_call_open(host, &config, &call, error, sizeof error) == CALLPRINT_ERROR_STATE)
      usleep(10000);
    int16_t frame[160];
    for (int i = 0; i < 160; i++)
      frame[i] = (int16_t)(1000 + MISDEEDS[n]);
    int before = ended;
    callprint_call_push(call, CALLPRINT_FAR, 8000, frame, 160);
    while (ended == before)
      usleep(1000);
    callprint_call_close(call);
  }
}

static int crash(void) {
  int before = caught;
  if (!sigsetjmp(back, 1))
    *(volatile int *)8 = 1;
  return caught - before;
}

int main(int argc, char **argv) {
  (void)argc;
  char error[500];
  callprint_host *host;
  callprint_host_config config = {.size = sizeof config, .analyzer = argv[1], .workers = 1, .cohort = 1};
  install();
  if (callprint_host_open(&config, &host, error, sizeof error)) {
    fprintf(stderr, "open: %s\n", error);
    return 2;
  }
  misbehave(host);
  int own = crash();
  install();
  misbehave(host);
  own += crash();
  callprint_host_close(host);
  printf("%d calls ended, %d released, handler called %d times for guests, %d for us\n", ended,
         released_calls, caught - own, own);
  return ended == 2 * COUNT && released_calls == ended && caught == own && own == 2 ? 0 : 3;
}
