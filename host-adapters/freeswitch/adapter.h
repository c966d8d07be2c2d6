/*
 * What mod_callprint does that needs no switch: profiles, the feeding of
 * frames, decisions that outlive their callback, and the words of the
 * dialplan. Tested without a switch by tests/adapter_test.c.
 */
#ifndef CALLPRINT_FREESWITCH_ADAPTER_H
#define CALLPRINT_FREESWITCH_ADAPTER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <callprint.h>

/* ----------------------------------------------------------------- profile */

#define PROFILES_MAX 32
#define PROFILE_NAME_SIZE 64
#define PROFILE_PATH_SIZE 1024

/* How calls are analysed: a <profile> of callprint.conf.xml. Plain data: a call
 * keeps a copy, so that a reload never changes the call under way. */
struct profile {
  char name[PROFILE_NAME_SIZE];
  char rules[PROFILE_PATH_SIZE];        /* a file; "": the built-in rules of the direction */
  char announcement[PROFILE_PATH_SIZE]; /* what a decoy says; "": only the tones */
  char dialplan[PROFILE_NAME_SIZE];     /* of the extensions that rules transfer to */
  enum { DIRECTION_AUTO, DIRECTION_INBOUND, DIRECTION_OUTBOUND } direction; /* auto: the leg's */
  int near;                             /* our side is heard too */
  int early_media;                      /* heard before the call is answered */
  int avmd;                             /* beeps are also told as mod_avmd tells them */
  uint32_t limit_ms;                    /* 0: as the rules say */
};

/* Gives `profile` a name and every setting its default. -1 and `error` if the name
 * cannot be. */
int profile_init(struct profile *profile, const char *name, char *error, size_t error_size);

/* Sets what a <param> says. -1 and `error`, which names the profile, the
 * parameter, its value and what it may be; nothing is changed then. */
int profile_set(struct profile *profile, const char *param, const char *value, char *error,
                size_t error_size);

/* -------------------------------------------------------------------- feed */

/* The audio of a call on its way to libcallprint. The two sides may be fed by
 * two threads, each by one at a time. */
struct feed {
  callprint_call *call;
  _Atomic uint64_t ns[2]; /* how far each side's clock has come, by CALLPRINT_FAR and _NEAR */
};

/* Hands over a frame of `frames` samples a channel, interleaved, which is mixed
 * down in place. Wait-free. What the switch fills in for missing audio, samples
 * of -1, is skipped. The far side leads: the near side is skipped up to it
 * where it fell behind, and not heard while the far side stands still (hold). */
void feed_push(struct feed *feed, callprint_side side, uint32_t rate_hz, uint32_t channels,
               int16_t *samples, size_t frames);

/* --------------------------------------------------------------- decisions */

/* Copies of what a callback was given, one block each: free() them. NULL where
 * there is no memory. */
callprint_decision *decision_copy(const callprint_decision *decision);
callprint_finding *finding_copy(const callprint_finding *finding);

/* A decision that was made here, of strings that stay. */
callprint_decision decision_local(callprint_verdict verdict, const char *cause);

/* Tells each field in words: "verdict" is "ROBOT", "known_ms" is "1830". */
typedef void (*field_fn)(void *arg, const char *name, const char *value);
void decision_fields(const callprint_decision *decision, field_fn tell, void *arg);
void finding_fields(const callprint_finding *finding, field_fn tell, void *arg);

const char *action_name(callprint_action action);

/* "known_ms" to "Callprint-Known-Ms", the name of an event's header. */
void header_name(const char *field, char *name, size_t name_size);

/* Whether callprint_wait has waited enough: on any decision, or, `for_beep`, on
 * any but that a mailbox answered, whose beep is to come, or that it is not known yet. */
int wait_is_over(callprint_verdict verdict, int for_beep);

/* The peak, in 16-bit steps, of a sine of that level: what mod_avmd calls the
 * amplitude. */
double sine_peak(double level_dbm0);

/* ---------------------------------------------------------------- dialplan */

/* Cuts "app arg", "app:arg" or "app::arg" in two, in place. `*arg` is "" where
 * there is none. */
void hook_split(char *hook, char **app, char **arg);

/* What the "inline" dialplan does of a decoy: special information tones of a
 * vacant code, the announcement if there is one, and the cause. */
void decoy_extension(const struct profile *profile, uint32_t cause, char *text, size_t text_size);

#endif
