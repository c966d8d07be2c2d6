/*
 * callprint.h: what a switch's module needs of libcallprint.
 *
 * What does it do?
 *   The switch hands over the audio of its calls, frame by frame. callprint
 *   analyses each call in a WebAssembly sandbox on threads of its own, and
 *   calls back with what it heard (findings) and with what the admin's rules
 *   make of it (decisions). It never touches a call: the module acts, or not.
 *
 * How does it work?
 *
 *     callprint_call_push()          worker             dispatcher
 *     20 ms frame ──▶ ring of the call ──▶ sandbox ──▶ rules ──▶ heard(), decided()
 *
 * Life, in order; everything between the first and the last line may happen
 * any number of times, for any number of calls at once:
 *
 *     callprint_host_open
 *         callprint_call_open ─▶ push, skip … ─▶ callprint_call_close ─▶ released()
 *     callprint_host_close
 *
 * Every failure is fail-open: a call that cannot be analysed goes on
 * unanalysed, is counted, and says so through its decision (NOTREADY).
 *
 * Threads. Each function says who may call it:
 *   [control]  any thread that may wait: module load, console, dialplan, API.
 *              May allocate, lock and read files. Never a media thread.
 *   [media]    the thread that carries a call's audio. Wait-free: no lock, no
 *              allocation, no system call, no log. One thread at a time for
 *              each side of a call; the two sides may be concurrent.
 *   [any]      any thread, callbacks included. Takes no lock for longer than
 *              a copy; never waits for a callback.
 *   [dispatcher] callbacks: the host's dispatcher thread, one for all calls.
 *              A callback may take locks of the switch, but what is slow
 *              belongs on another thread: other calls wait for it. A callback
 *              may call [any] functions only.
 *
 * Strings are UTF-8 and end in NUL. Those passed in are copied before the
 * function returns; those passed to a callback are valid until it returns.
 *
 * Structs begin with their size, set by the caller with sizeof, so that either
 * side may be newer: fields beyond the smaller size are taken as 0.
 *
 * Errors. A function that can fail returns a callprint_status and, where it
 * takes `error`, writes there what was wrong, where, and what to do, cut to
 * `error_size` bytes with its NUL. `error` may be NULL. Nothing else happened.
 */
#ifndef CALLPRINT_H
#define CALLPRINT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when something here changes so that old modules break. */
#define CALLPRINT_ABI 1

#if defined(__GNUC__)
#define CALLPRINT_API __attribute__((visibility("default")))
#else
#define CALLPRINT_API
#endif

typedef enum callprint_status {
  CALLPRINT_OK = 0,
  CALLPRINT_ERROR_ARGUMENT = 1, /* an argument, or a field of a struct, is out of range */
  CALLPRINT_ERROR_FILE = 2,     /* a file cannot be read, or is not what it should be */
  CALLPRINT_ERROR_FULL = 3,     /* as many calls as were provided for are live */
  CALLPRINT_ERROR_STATE = 4,    /* the host is closing, or its analyzer is out of service */
  CALLPRINT_ERROR_SYSTEM = 5    /* the system refused a thread, memory or a socket */
} callprint_status;

typedef struct callprint_host callprint_host;
typedef struct callprint_call callprint_call;

/* The ABI of the library that was loaded: compare with CALLPRINT_ABI. [any] */
CALLPRINT_API uint32_t callprint_abi(void);

/* The library's version, "0.1.0". Static. [any] */
CALLPRINT_API const char *callprint_version(void);

/* ---------------------------------------------------------------- findings */

typedef enum callprint_side {
  CALLPRINT_FAR = 0, /* the party being judged */
  CALLPRINT_NEAR = 1 /* our own side */
} callprint_side;

typedef enum callprint_kind {
  CALLPRINT_SCRIPT = 0,
  CALLPRINT_TONE = 1,
  CALLPRINT_ANSWER = 2,
  CALLPRINT_SPEECH = 3,
  CALLPRINT_BEHAVIOUR = 4
} callprint_kind;

/* What was heard. Times are ms of audio since the call's first sample. */
typedef struct callprint_finding {
  size_t size;
  callprint_kind kind;
  callprint_side side;
  /* script: its id; tone: "beep", "ringback", "busy", "congestion", "dial",
   * "sit", "fax-calling", "fax-answer", "fax-flags", "dtmf",
   * "callback-ringback"; answer: "human", "machine", "unsure"; behaviour: its
   * name; speech: "". */
  const char *name;
  /* tone: which of several (digit, SIT's name, tone plan); script: the pack;
   * answer, behaviour: the cause; otherwise "". */
  const char *detail;
  double start_ms;     /* where it begins */
  double end_ms;       /* where it ended; negative while it lasts, or unknown */
  double known_ms;     /* the audio that was needed to know it */
  double confidence;   /* 0 to 1; 1 for tones and talk-spurts */
  double freq_hz;      /* tone: its strongest frequency; otherwise 0 */
  double level_dbm0;   /* tone, talk-spurt: its level; otherwise 0 */
  const char *json;    /* all of it, as in `callprint analyze --format jsonl` */
} callprint_finding;

/* --------------------------------------------------------------- decisions */

typedef enum callprint_verdict {
  CALLPRINT_PENDING = 0, /* nothing decided yet */
  CALLPRINT_ROBOT = 1,   /* a known script, or what the rules take for one */
  CALLPRINT_HUMAN = 2,
  CALLPRINT_MACHINE = 3, /* voice mailbox, announcement, IVR */
  CALLPRINT_BEEP = 4,    /* the beep has ended: speak now */
  CALLPRINT_FAX = 5,
  CALLPRINT_BUSY = 6,    /* a call-progress tone instead of a party: named in `cause` */
  CALLPRINT_UNSURE = 7,  /* the time limit passed, or the caller is on the allow list */
  CALLPRINT_NOTREADY = 8 /* not analysed, or not to its end: `cause` is FAULT (its analysis broke a
                            rule of the sandbox), OUT-OF-SERVICE (so many did that the analyzer is
                            not trusted for a while), OVERLOAD or DEFECT (of libcallprint) */
} callprint_verdict;

/* "PENDING", "ROBOT", … as dialplans see it; BUSY is "TONE". Static. [any] */
CALLPRINT_API const char *callprint_verdict_name(callprint_verdict verdict);

typedef enum callprint_action {
  CALLPRINT_NONE = 0,     /* go on */
  CALLPRINT_TAG = 1,      /* set variables, raise events, go on */
  CALLPRINT_HANGUP = 2,   /* clear with hangup_cause */
  CALLPRINT_TRANSFER = 3, /* go to context, extension, priority */
  CALLPRINT_DECOY = 4     /* SIT and "number not in service", then clear with hangup_cause */
} callprint_action;

/* What the rules made of what was heard. */
typedef struct callprint_decision {
  size_t size;
  uint32_t number; /* 0, 1, 2 … in a call; later ones supersede earlier ones */
  callprint_verdict verdict;
  callprint_action action;
  uint32_t shadow;       /* 1: this is what would have been done: record it, do nothing */
  uint32_t hangup_cause; /* ITU-T Q.850; for HANGUP and DECOY */
  uint32_t priority;     /* for TRANSFER; 1 unless the rule says otherwise */
  const char *context;   /* for TRANSFER; "" otherwise */
  const char *extension; /* for TRANSFER; "" otherwise */
  const char *rule;      /* the rule's name */
  const char *script;    /* decided by a known script (ROBOT, or MACHINE by a mailbox's prompt): its
                            id; "" otherwise, and while it may be one of several: see `json` */
  const char *pack;      /* likewise */
  const char *category;  /* likewise, as "dental" */
  const char *cause;     /* upper-case name and numbers, as "SCRIPT-1830-9990" */
  double confidence;     /* 0 to 1 */
  double known_ms;       /* ms of audio since the call's first sample */
  double added_ms;       /* ms between the arrival of that audio and this callback */
  const char *json;      /* the whole record: rule, findings, numbers */
} callprint_decision;

/* -------------------------------------------------------------------- host */

typedef enum callprint_level {
  CALLPRINT_LOG_ERROR = 0,
  CALLPRINT_LOG_WARNING = 1,
  CALLPRINT_LOG_NOTICE = 2,
  CALLPRINT_LOG_DEBUG = 3
} callprint_level;

/* How a host runs. All zero but `size` and `analyzer` is a good start. */
typedef struct callprint_host_config {
  size_t size;
  const char *analyzer;      /* the file that `callprint bake` wrote. Where it is missing or stale
                                and `packs` is given, it is baked first, in the background */
  const char *packs;         /* folder of packs (*.json): watched, baked into `analyzer` when it
                                changes; NULL: the analyzer stays as it is until reloaded */
  const char *command;       /* the `callprint` command, which bakes in a process of its own;
                                NULL: found on PATH */
  const char *evidence_log;  /* JSON lines, one per decision; NULL: none */
  const char *numbers;       /* in that log: "clear" (default), "hashed", "omitted" */
  const char *metrics;       /* "127.0.0.1:9184" or a file's path, Prometheus text; NULL: none */
  uint32_t workers;          /* analysing threads; 0: half of the processors, at least one */
  uint32_t calls_max;        /* live calls analysed at most, up to 65536; 0: 4096 */
  uint32_t batch_ms;         /* audio analysed at a time, 20 to 500; 0: 100 */
  uint32_t cohort;           /* calls sharing a sandbox instance, up to 256; 0: 16, 1: strictest,
                                for up to 16384 calls */
  /* Says what an admin should read. [any thread of ours, never a media thread] NULL: stderr. */
  void (*log)(void *user, callprint_level level, const char *message);
  void *user;                /* for log */
} callprint_host_config;

/* Opens a host: threads, memory for calls_max calls, the analyzer. [control]
 * A process may have several. *host is set on success only. What runs is a copy
 * of the analyzer in memory: whatever becomes of the file, calls do not feel it. */
CALLPRINT_API callprint_status callprint_host_open(const callprint_host_config *config,
                                                   callprint_host **host, char *error,
                                                   size_t error_size);

/* Closes every call, waits for the last released() and ends all threads; then
 * `host` is no more, nor any callprint_call of it. [control] */
CALLPRINT_API void callprint_host_close(callprint_host *host);

/* Reads the analyzer again, from `analyzer` or, if NULL, from where it was.
 * New calls take the new one, old calls end on the old one. A bad one is
 * refused and the old one stays in force. [control] */
CALLPRINT_API callprint_status callprint_host_reload(callprint_host *host, const char *analyzer,
                                                     char *error, size_t error_size);

/* Adds or replaces the rules that calls refer to as `name`, from a JSON file
 * (models/schema/rules.schema.json). Calls that are open keep the rules they
 * began with. `path` NULL: the built-in rules, which only tag. The names
 * "inbound" and "outbound" exist from the beginning, with the built-in rules of
 * that direction. [control] */
CALLPRINT_API callprint_status callprint_host_rules(callprint_host *host, const char *name,
                                                    const char *path, char *error,
                                                    size_t error_size);

/* Plays a bundled clip through ring, sandbox, rules and dispatcher, and writes
 * one line, "PASS …" with latencies or "FAIL …" with the reason, to `report`.
 * Takes some 3 s. [control] */
CALLPRINT_API callprint_status callprint_host_selftest(callprint_host *host, char *report,
                                                       size_t report_size);

/* Writes the state of the host as a JSON object to `text`: analyzer, packs,
 * calls (live, analysed, skipped, shed), gaps, faults, latencies, verdicts. With
 * `calls`, also a list of the live calls. Returns the bytes needed with the
 * NUL; where that is more than `text_size` the text was cut. [control] */
CALLPRINT_API size_t callprint_host_status_json(callprint_host *host, int calls, char *text,
                                                size_t text_size);

/* Writes the metrics in Prometheus' text format; returns as above. [control] */
CALLPRINT_API size_t callprint_host_metrics(callprint_host *host, char *text, size_t text_size);

/* ------------------------------------------------------------------- calls */

#define CALLPRINT_OUTBOUND 1u  /* flag: we placed the call; the far side is who answered */
#define CALLPRINT_NEAR_SIDE 2u /* flag: audio of the near side will be pushed too */

typedef struct callprint_call_config {
  size_t size;
  const char *id;      /* the switch's name of the call, for logs; not NULL */
  const char *caller;  /* numbers as the switch has them; NULL: not known */
  const char *callee;
  const char *rules;   /* name given to callprint_host_rules; NULL: "inbound", or "outbound" with
                          CALLPRINT_OUTBOUND */
  uint32_t flags;
  uint32_t limit_ms;   /* audio after which UNSURE is decided if nothing else was; 0: as the rules say */
  /* Something was heard. [dispatcher] May be NULL. */
  void (*heard)(void *user, const callprint_finding *finding);
  /* Something was decided. [dispatcher] May be NULL. */
  void (*decided)(void *user, const callprint_decision *decision);
  /* The last callback of this call: `user` is needed no more. [dispatcher] May be NULL. */
  void (*released)(void *user);
  void *user;
} callprint_call_config;

/* Begins a call. [control] Where it cannot be analysed (FULL, STATE) *call is
 * NULL, released() will not come, and the call simply goes on. */
CALLPRINT_API callprint_status callprint_call_open(callprint_host *host,
                                                   const callprint_call_config *config,
                                                   callprint_call **call, char *error,
                                                   size_t error_size);

/* Gives the next frame of a side: linear 16-bit mono, 8000 to 48000 Hz; rate and
 * length may change from frame to frame. [media] What does not fit in the ring
 * (two seconds) is counted as a gap, and the clock goes on. */
CALLPRINT_API void callprint_call_push(callprint_call *call, callprint_side side, uint32_t rate_hz,
                                       const int16_t *samples, size_t count);

/* Says that `samples` samples of a side were lost, or replaced by comfort
 * noise, or are on hold: the clock goes on without them. [media] */
CALLPRINT_API void callprint_call_skip(callprint_call *call, callprint_side side, uint32_t rate_hz,
                                       uint64_t samples);

/* The decision in force; PENDING if there is none. Its strings are placed in
 * `text`, cut where it is too small; 4096 bytes hold all but the longest.
 * [any] */
CALLPRINT_API void callprint_call_poll(callprint_call *call, callprint_decision *decision,
                                       char *text, size_t text_size);

/* Ends a call. Returns at once; findings and decisions that the last audio
 * brings may still come, then released(). `call` must not be used afterwards,
 * so no media thread may be in push or skip. [any] */
CALLPRINT_API void callprint_call_close(callprint_call *call);

#ifdef __cplusplus
}
#endif

#endif
