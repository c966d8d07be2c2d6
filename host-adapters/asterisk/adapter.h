/*
 * What the files of app_callprint share.
 *
 *   app_callprint.c  the module: dialplan function and application, load, documentation
 *   call.c           a channel that is listened to: audiohook, datastore, callbacks
 *   action.c         what a decision does to its channel: event, variables, hang up, goto, decoy
 *   settings.c       callprint.conf, and the one callprint_host of this process
 *   cli.c            callprint show …, selftest, reload
 *
 * A frame's way: hear() in call.c ─▶ libcallprint ─▶ decided() in call.c ─▶ perform() in action.c.
 */
#ifndef CALLPRINT_ASTERISK_ADAPTER_H
#define CALLPRINT_ASTERISK_ADAPTER_H

#include "asterisk.h"

#include "asterisk/audiohook.h"
#include "asterisk/channel.h"
#include "asterisk/json.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"
#include "asterisk/utils.h"

#include "callprint.h"

/* Holds the strings of a decision, its JSON included; callprint.h says so. */
#define DECISION_TEXT 4096

/* ------------------------------------------------------------------ settings.c */

enum direction { DIRECTION_AUTO, DIRECTION_INBOUND, DIRECTION_OUTBOUND };

/* A section of callprint.conf: how some calls are listened to. ao2; never changes. */
struct profile {
  char name[AST_MAX_CONTEXT];
  char rules[PATH_MAX];
  char announcement[PATH_MAX];
  unsigned int limit_ms;
  enum direction direction;
  int near;
  int finding_events;
};

/* Registers what may be in callprint.conf. */
int settings_init(void);
void settings_destroy(void);

/* Reads callprint.conf, the rules and the analyzer. What is bad is named in the log and refused
 * whole: what was in force stays. -1 then. */
int settings_load(void);

/* A reference to the profile, or NULL. "inbound" and "outbound" are always there. */
struct profile *profile_get(const char *name);

/* The host; NULL where there is none, for want of a usable analyzer or settings. */
callprint_host *host_get(void);

/* Ends the host, if no call needs it. At Asterisk's end only. */
void host_close(void);

/* ---------------------------------------------------------------------- call.c */

/* A channel that is, or was, listened to. ao2: one reference is the channel's datastore's, one
 * libcallprint's until released(), one for every task. Fields say what guards them. */
struct call {
  struct ast_audiohook hook;  /* first: hear() casts; the channel's lock */
  callprint_call *analysis;   /* NULL: none, or ended; the channel's lock */
  struct profile *profile;    /* never changes; NULL where there is none of that name */
  int64_t clock_us[2];        /* audio of each side so far; the channel's lock */
  long next_ms;               /* the next far frame's timestamp, -1: unknown; the channel's lock */
  callprint_decision last;    /* once analysis is NULL: what it came to; the channel's lock */
  char text[DECISION_TEXT];   /* last's strings */
  char uniqueid[AST_MAX_UNIQUEID]; /* of the channel, which a masquerade may change; the call's lock */
  int stopped;                /* decisions act no more; the call's lock */
  int verdict;                /* of the decision told last; atomic */
};

/* Starts listening to a channel. The profile NULL: by the channel's direction. limit_ms 0: as the
 * profile says. 1: started; 0: it is listened to already, and goes on as it is; -1: failed for want of
 * memory. A call that cannot be analysed counts as started: it is decided, NOTREADY. */
int call_start(struct ast_channel *chan, const char *profile, unsigned int limit_ms);

/* Stops listening. What was decided can still be read. Nothing is done where nothing was started. */
void call_stop(struct ast_channel *chan);

/* The decision in force, and a reference to the call it belongs to; its strings live in `text` or in
 * the call. NULL where the channel was never listened to. */
struct call *call_poll(struct ast_channel *chan, callprint_decision *decision, char *text,
                       size_t text_size);

/* The verdict in force, at less cost; -1 where the channel was never listened to. */
int call_verdict(struct ast_channel *chan);

/* The uniqueid of the channel that has the call now. */
void call_uniqueid(struct call *call, char *uniqueid, size_t size);

/* Channels listened to at this moment. */
int call_count(void);

/* -------------------------------------------------------------------- action.c */

int action_init(void);
void action_destroy(void);

/* Hands over an event (stolen), and the action that goes with it (decision NULL: none), to the
 * thread that acts. [dispatcher] */
void action_push(struct call *call, struct ast_json *event, const callprint_decision *decision);

/* The application CallprintDecoy. */
int decoy_exec(struct ast_channel *chan, const char *data);

/* Does the decision take the channel away from where it is? */
static inline int action_diverts(const callprint_decision *decision) {
  return !decision->shadow && decision->action >= CALLPRINT_HANGUP;
}

static inline const char *action_name(callprint_action action) {
  static const char *const names[] = {"none", "tag", "hangup", "transfer", "decoy"};
  return (unsigned int)action < ARRAY_LEN(names) ? names[action] : "unknown";
}

/* ----------------------------------------------------------------------- cli.c */

int cli_init(void);
void cli_destroy(void);

#endif
