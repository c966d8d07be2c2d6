/*
 * media ANALYZER [syscall|malloc|mutex]
 *
 * Pushes frames from media threads that may do nothing but compute: a seccomp filter kills the
 * process at their first system call, and every allocation or pthread lock on them is counted.
 * With a word, a media thread does just that, to prove that it would be seen: the program must then
 * die of SIGSYS, or end with 3.
 */
#define _GNU_SOURCE
#include "callprint.h"

#include <dlfcn.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CALLS = 64, FRAMES = 5000, RATES = 3 };

static _Thread_local int on_media;
static atomic_long allocations, locks;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

void *malloc(size_t n) {
  allocations += on_media;
  return __libc_malloc(n);
}
void *calloc(size_t n, size_t size) {
  allocations += on_media;
  return __libc_calloc(n, size);
}
void *realloc(void *p, size_t n) {
  allocations += on_media;
  return __libc_realloc(p, n);
}
void *aligned_alloc(size_t align, size_t n) {
  allocations += on_media;
  return __libc_memalign(align, n);
}
int posix_memalign(void **p, size_t align, size_t n) {
  allocations += on_media;
  *p = __libc_memalign(align, n);
  return *p == NULL;
}
void free(void *p) {
  allocations += on_media;
  __libc_free(p);
}

static int (*real_lock)(pthread_mutex_t *);
int pthread_mutex_lock(pthread_mutex_t *mutex) {
  locks += on_media;
  if (!real_lock)
    real_lock = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_lock");
  return real_lock(mutex);
}

static callprint_call *calls[CALLS];
static atomic_int done, released_calls;
static const char *misdeed = "";
static void *volatile kept;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void released(void *user) {
  (void)user;
  released_calls++;
}

static void forbid_system_calls(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
    perror("seccomp");
    exit(2);
  }
}

static void *media(void *side_of) {
  callprint_side side = side_of ? CALLPRINT_NEAR : CALLPRINT_FAR;
  static const uint32_t rates[RATES] = {8000, 16000, 48000};
  static int16_t frame[960];
  forbid_system_calls();
  on_media = 1;
  if (!strcmp(misdeed, "syscall"))
    syscall(SYS_getppid);
  if (!strcmp(misdeed, "malloc"))
  {
    kept = malloc(1);
    free(kept);
  }
  if (!strcmp(misdeed, "mutex"))
    pthread_mutex_lock(&mutex);
  for (int n = 0; n < FRAMES; n++)
    for (int c = 0; c < CALLS; c++) {
      uint32_t rate = rates[(n / 100 + c) % RATES];
      if (n % 50 == 49)
        callprint_call_skip(calls[c], side, rate, rate / 50);
      else
        callprint_call_push(calls[c], side, rate, frame, rate / 50);
    }
  on_media = 0;
  done++;
  /* Without the C library's farewell, which makes system calls. */
  syscall(SYS_exit, 0);
  return NULL;
}

int main(int argc, char **argv) {
  char error[500];
  callprint_host *host;
  callprint_host_config config = {.size = sizeof config, .analyzer = argv[1], .workers = 1};
  if (argc > 2)
    misdeed = argv[2];
  if (callprint_abi() != CALLPRINT_ABI || callprint_host_open(&config, &host, error, sizeof error)) {
    fprintf(stderr, "open: %s\n", error);
    return 2;
  }
  for (int c = 0; c < CALLS; c++) {
    callprint_call_config call = {
        .size = sizeof call, .id = "media", .flags = CALLPRINT_NEAR_SIDE, .released = released};
    while (callprint_call_open(host, &call, &calls[c], error, sizeof error))
      usleep(10000);
  }
  pthread_t threads[2];
  for (long side = 0; side < 2; side++)
    pthread_create(&threads[side], NULL, media, (void *)side);
  while (done < 2)
    usleep(1000);
  for (int c = 0; c < CALLS; c++)
    callprint_call_close(calls[c]);
  callprint_host_close(host);
  printf("%d frames, %ld allocations, %ld locks, %d released\n", 2 * FRAMES * CALLS, allocations,
         locks, released_calls);
  return allocations || locks || released_calls != CALLS ? 3 : 0;
}
