/*
 * life ANALYZER: every function as modules call them, and as they should not: from several threads,
 * with buffers that are just large enough, with structs of older and newer modules, with handles that
 * nobody closed. Memory is what it looks at, so it is compiled with AddressSanitizer too; a library
 * that goes beyond a buffer, frees twice, or forgets something, is seen.
 */
#include "callprint.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 4, CALLS_EACH = 40, FRAMES = 25 };

static callprint_host *host;
static atomic_int opened, released_calls, heard_findings, decisions, failures;

#define CHECK(what)                                                                                \
  do {                                                                                             \
    if (!(what)) {                                                                                 \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);                           \
      failures++;                                                                                  \
    }                                                                                              \
  } while (0)

/* What a call's callbacks are given: freed by the last of them. */
struct user {
  char *id;
  int heard, decided;
};

static void heard(void *user_, const callprint_finding *finding) {
  struct user *user = user_;
  CHECK(finding->size == sizeof *finding && finding->kind >= CALLPRINT_SCRIPT &&
        finding->kind <= CALLPRINT_BEHAVIOUR && finding->json[0] == '{');
  user->heard += strlen(finding->name) + strlen(finding->detail) + strlen(finding->json) > 0;
  heard_findings++;
}

static void decided(void *user_, const callprint_decision *decision) {
  struct user *user = user_;
  CHECK(decision->size == sizeof *decision && (int)decision->number == user->decided);
  CHECK(strlen(decision->rule) + strlen(decision->cause) > 0 && decision->json[0] == '{');
  user->decided++;
  decisions++;
}

static void released(void *user_) {
  struct user *user = user_;
  free(user->id);
  free(user);
  released_calls++;
}

/* A copy that ends where its memory does. */
static char *exact(const char *text) {
  char *copy = malloc(strlen(text) + 1);
  return strcpy(copy, text);
}

static callprint_call *open_call(uint32_t flags) {
  struct user *user = calloc(1, sizeof *user);
  user->id = exact("call");
  char *caller = exact("+4930555");
  callprint_call_config config = {.size = sizeof config,
                                  .id = user->id,
                                  .caller = caller,
                                  .flags = flags,
                                  .limit_ms = 100,
                                  .heard = heard,
                                  .decided = decided,
                                  .released = released,
                                  .user = user};
  callprint_call *call = NULL;
  char error[80];
  /* A busy machine is late; and places that were closed come back at the worker's next turn. */
  while (callprint_call_open(host, &config, &call, error, sizeof error))
    usleep(10000);
  /* Copied: it may go. */
  free(caller);
  CHECK(call);
  opened++;
  return call;
}

/* Polls with room for so many bytes, from memory that has no more. */
static void poll(callprint_call *call, size_t room) {
  char *text = room ? malloc(room) : NULL;
  callprint_decision decision = {.size = sizeof decision};
  callprint_call_poll(call, &decision, text, room);
  CHECK(decision.size == sizeof decision && decision.verdict <= CALLPRINT_NOTREADY);
  CHECK(strlen(decision.rule) + strlen(decision.cause) + strlen(decision.json) <= room + 1);
  free(text);
}

static void *media(void *number) {
  for (int n = 0; n < CALLS_EACH; n++) {
    uint32_t flags = n % 2 ? CALLPRINT_NEAR_SIDE : CALLPRINT_OUTBOUND;
    callprint_call *call = open_call(flags);
    for (int f = 0; f < FRAMES; f++) {
      size_t count = 80 + (size_t)(n * 37 + f * 101) % 900;
      int16_t *frame = malloc(count * sizeof *frame);
      for (size_t i = 0; i < count; i++)
        frame[i] = (int16_t)(i * 77);
      callprint_call_push(call, (callprint_side)(f % 2), f % 3 ? 8000 : 48000, frame, count);
      free(frame);
      if (f % 10 == 9) {
        callprint_call_skip(call, CALLPRINT_FAR, 8000, 160);
        poll(call, (size_t)(n * FRAMES + f) % 700);
      }
    }
    /* What is no frame. */
    callprint_call_push(call, CALLPRINT_FAR, 8000, NULL, 5);
    callprint_call_push(call, (callprint_side)7, 8000, (int16_t[]){1}, 1);
    callprint_call_push(call, CALLPRINT_FAR, 3, (int16_t[]){1}, 1);
    callprint_call_skip(call, CALLPRINT_FAR, 8000, UINT64_MAX);
    if (n % 8 == 7)
      continue; /* Forgotten: the host closes it. */
    callprint_call_close(call);
  }
  return number;
}

static void *control(void *analyzer) {
  char error[200];
  for (int n = 0; n < 10; n++) {
    CHECK(callprint_host_reload(host, n % 2 ? analyzer : NULL, error, sizeof error) == CALLPRINT_OK);
    CHECK(callprint_host_rules(host, n % 2 ? "inbound" : "more", NULL, error, 1) == CALLPRINT_OK);
    size_t needed = callprint_host_status_json(host, 1, NULL, 0);
    char *text = malloc(needed / 2);
    callprint_host_status_json(host, 1, text, needed / 2);
    CHECK(text[0] == '{' && strlen(text) < needed / 2);
    free(text);
    text = malloc(64);
    CHECK(callprint_host_metrics(host, text, 64) > 64 && strlen(text) == 63);
    free(text);
  }
  return NULL;
}

/* Refusals say why, in what room there is, and nothing else happens. */
static void misuse(const char *analyzer) {
  callprint_host *none = NULL;
  callprint_host_config config = {.size = sizeof config, .analyzer = "/nowhere.cwasm"};
  for (size_t room = 0; room < 40; room++) {
    char *error = malloc(room + 1);
    error[room] = 'X';
    CHECK(callprint_host_open(&config, &none, error, room) == CALLPRINT_ERROR_FILE);
    CHECK(error[room] == 'X' && (room == 0 || strlen(error) < room));
    free(error);
  }
  char error[300];
  CHECK(callprint_host_open(NULL, &none, error, sizeof error) == CALLPRINT_ERROR_ARGUMENT);
  CHECK(callprint_host_open(&config, NULL, error, sizeof error) == CALLPRINT_ERROR_ARGUMENT);
  config.analyzer = NULL;
  CHECK(callprint_host_open(&config, &none, error, sizeof error) == CALLPRINT_ERROR_ARGUMENT);
  config.analyzer = analyzer;
  config.numbers = "p\xfflain";
  CHECK(callprint_host_open(&config, &none, error, sizeof error) == CALLPRINT_ERROR_ARGUMENT);
  config.size = 3;
  CHECK(callprint_host_open(&config, &none, error, sizeof error) == CALLPRINT_ERROR_ARGUMENT);
  CHECK(!none);
  /* An old module knows of the first two fields; all the rest is as it would be with 0. */
  struct {
    size_t size;
    const char *analyzer;
  } *old = malloc(sizeof *old);
  *old = (__typeof__(*old)){sizeof *old, analyzer};
  CHECK(callprint_host_open((callprint_host_config *)old, &none, error, sizeof error) == CALLPRINT_OK);
  free(old);
  callprint_host_close(none);

  callprint_call *call = (callprint_call *)&failures;
  callprint_call_config c = {.size = sizeof c};
  CHECK(callprint_call_open(host, &c, &call, error, sizeof error) == CALLPRINT_ERROR_ARGUMENT && !call);
  c.id = "x";
  c.flags = 1u << 20;
  CHECK(callprint_call_open(host, &c, &call, error, sizeof error) == CALLPRINT_ERROR_ARGUMENT);
  CHECK(callprint_call_open(NULL, &c, &call, error, sizeof error) == CALLPRINT_ERROR_ARGUMENT);
  CHECK(callprint_host_reload(host, "/nowhere.cwasm", NULL, 0) == CALLPRINT_ERROR_FILE);
  CHECK(callprint_host_rules(host, NULL, NULL, error, sizeof error) == CALLPRINT_ERROR_ARGUMENT);
  CHECK(callprint_host_rules(host, "x", "/nowhere.json", error, sizeof error) == CALLPRINT_ERROR_FILE);
  CHECK(!strcmp(callprint_verdict_name((callprint_verdict)99), "UNKNOWN"));
  CHECK(!strcmp(callprint_verdict_name(CALLPRINT_BUSY), "TONE"));
  callprint_host_close(NULL);
  callprint_call_close(NULL);
  callprint_call_push(NULL, CALLPRINT_FAR, 8000, (int16_t[]){1}, 1);
  callprint_call_skip(NULL, CALLPRINT_FAR, 8000, 1);
  callprint_call_poll(NULL, NULL, NULL, 0);
  /* Without a call nothing is decided; a decision of an old module has fewer fields. */
  size_t *small = malloc(3 * sizeof *small);
  small[0] = 3 * sizeof *small;
  callprint_call_poll(NULL, (callprint_decision *)small, NULL, 0);
  CHECK(small[0] == 3 * sizeof *small);
  free(small);
}

int main(int argc, char **argv) {
  (void)argc;
  char error[500];
  callprint_host_config config = {
      .size = sizeof config, .analyzer = argv[1], .workers = 2, .calls_max = 100, .cohort = 4};
  if (callprint_host_open(&config, &host, error, sizeof error)) {
    fprintf(stderr, "open: %s\n", error);
    return 2;
  }
  misuse(argv[1]);
  pthread_t threads[THREADS + 1];
  for (long n = 0; n < THREADS; n++)
    pthread_create(&threads[n], NULL, media, (void *)n);
  pthread_create(&threads[THREADS], NULL, control, argv[1]);
  for (int n = 0; n <= THREADS; n++)
    pthread_join(threads[n], NULL);
  char *report = malloc(300);
  callprint_host_selftest(host, report, 300);
  CHECK(!strncmp(report, "PASS", 4) || !strncmp(report, "FAIL", 4));
  free(report);
  callprint_host_close(host);
  printf("%d calls opened, %d released, %d findings, %d decisions, %d failures\n", opened,
         released_calls, heard_findings, decisions, failures);
  return failures || opened != THREADS * CALLS_EACH || released_calls != opened || !decisions ? 3 : 0;
}
