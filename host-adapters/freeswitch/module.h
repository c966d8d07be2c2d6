/*
 * What the files of mod_callprint share: the calls, and what each file does for
 * the others.
 */
#ifndef CALLPRINT_FREESWITCH_MODULE_H
#define CALLPRINT_FREESWITCH_MODULE_H

#include <switch.h>

#include "adapter.h"

#define ERROR_SIZE 1024

/* A call that is analysed. Three hold it: who starts it, the bugs (until the last
 * is closed), and libcallprint (until released() has gone through the queue). */
struct call {
  struct feed feed;
  struct profile profile;
  char uuid[SWITCH_UUID_FORMATTED_LENGTH + 1]; /* under state.mutex */
  atomic_int holders;
  atomic_int bugs;         /* that are attached */
  atomic_int verdict;      /* callprint_verdict, of which the channel's variables tell */
  _Atomic(switch_event_t *) gone; /* the channel's data at its end */
  switch_time_t started;
  int abandoned;           /* it was never attached: nothing is told of it. Set before it is closed */
  /* The worker's alone: */
  callprint_decision *last;
  int cleared;             /* hung up or decoyed: nothing else is done to it */
  int beeped;
  double beep_start_ms;    /* of the beep that was told last */
};

/* The module. Locks are taken in this order: `configuring`, those of a session,
 * `mutex`. */
struct module {
  _Atomic(callprint_host *) host; /* NULL: it could not be opened; every call is NOTREADY. Set once */
  switch_mutex_t *configuring; /* one configuration at a time */
  switch_mutex_t *mutex;       /* of what follows */
  switch_hash_t *calls;        /* by UUID */
  struct profile profiles[PROFILES_MAX];
  int profile_count;
  atomic_int closing;          /* the switch shuts down */
};
extern struct module module;

/* calls.c: which calls are analysed, from start to stop. Any thread, but no
 * callback of a bug. */
#define STARTS_ON_ANSWER 1
/* Begins to analyse a channel, now or when it is answered. Where it cannot be,
 * that is -1, the variables say NOTREADY and why, and the call goes on. */
int call_start(switch_core_session_t *session, const char *profile, char *error, size_t error_size);
/* Ends the analysis of a channel; its last decisions may still come. -1: there was none. */
int call_stop(switch_core_session_t *session);
/* The analysis goes on in another session. -1: there is none, or no media there, or that one is
 * analysed itself. */
int call_move(switch_core_session_t *from, switch_core_session_t *to);
/* Whether the analysis begins when the channel is answered. */
int call_starts_on_answer(switch_channel_t *channel);
/* The verdict that the channel's variables tell; -1 if the call is not analysed. */
int call_verdict(const char *uuid);
/* The decision in force, its strings in `text`; -1 if the call is not analysed. */
int call_decision(const char *uuid, callprint_decision *decision, char *text, size_t text_size);
/* The UUID of a call, in `uuid`. */
const char *call_uuid(struct call *call, char *uuid);
void call_let_go(struct call *call);

/* worker.c: what is told of a call and done to it, from a thread of its own. */
int worker_start(switch_memory_pool_t *pool);
void worker_stop(void);
/* callprint_call_config's; `user` is the call. */
void worker_heard(void *call, const callprint_finding *finding);
void worker_decided(void *call, const callprint_decision *decision);
void worker_released(void *call);
void tell_start(struct call *call, switch_channel_t *channel);
/* Tells a decision that was made without libcallprint, in variables and an event. */
void tell_decision(switch_channel_t *channel, const char *profile,
                   const callprint_decision *decision);

/* settings.c: callprint.conf.xml. */
void settings_init(void);
/* Takes over the configuration: profiles, their rules and, if `analyzer_too` or another one is
 * named, the analyzer. -1 if something is refused: the old stays in force, and `error` says why. */
int settings_read(int analyzer_too, char *error, size_t error_size);

#endif
