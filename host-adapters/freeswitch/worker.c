/*
 * What is told of a call and done to it. libcallprint's callbacks only put an
 * item in the queue; one thread takes them out in order, finds the session by
 * its UUID, sets variables, fires events, starts hooks and acts.
 */
#include "module.h"

#define QUEUE_MAX 65536 /* items that wait; more are dropped and logged */

/* What the worker is given. The end of a call has neither. */
struct item {
  struct call *call;
  callprint_decision *decision;
  callprint_finding *finding;
};

static switch_queue_t *queue;
static switch_thread_t *thread;

static void enqueue(struct call *call, callprint_decision *decision, callprint_finding *finding) {
  struct item *item = malloc(sizeof(*item));

  if (item) {
    *item = (struct item){call, decision, finding};
    if (switch_queue_trypush(queue, item) == SWITCH_STATUS_SUCCESS) return;
  }
  switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_ERROR,
                    "callprint: the worker is %d items behind, one is lost\n", QUEUE_MAX);
  free(item);
  free(decision);
  free(finding);
}

/* On libcallprint's dispatcher thread: */

void worker_decided(void *user, const callprint_decision *decision) {
  callprint_decision *copy = decision_copy(decision);

  if (copy) enqueue(user, copy, NULL);
}

void worker_heard(void *user, const callprint_finding *finding) {
  callprint_finding *copy;

  if (finding->kind != CALLPRINT_TONE || strcmp(finding->name, "beep")) return;
  if ((copy = finding_copy(finding))) enqueue(user, NULL, copy);
}

void worker_released(void *user) { enqueue(user, NULL, NULL); }

static void add_header(void *event, const char *field, const char *value) {
  char name[64];

  header_name(field, name, sizeof(name));
  switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, name, value);
}

static void add_variable(void *channel, const char *field, const char *value) {
  char name[64];

  snprintf(name, sizeof(name), "callprint_%s", field);
  switch_channel_set_variable(channel, name, value);
}

/* An event with the data of the channel or, once that is gone, with what they
 * were at its end. */
static switch_event_t *new_event_of(const char *subclass, const char *profile,
                                    switch_channel_t *channel, switch_event_t *gone) {
  switch_event_t *event;

  if (switch_event_create_subclass(&event, SWITCH_EVENT_CUSTOM, subclass) != SWITCH_STATUS_SUCCESS)
    return NULL;
  if (channel) {
    switch_channel_event_set_data(channel, event);
  } else if (gone) {
    switch_event_merge(event, gone);
  }
  add_header(event, "profile", profile);
  return event;
}

static switch_event_t *new_event(const char *subclass, struct call *call, switch_channel_t *channel) {
  return new_event_of(subclass, call->profile.name, channel, atomic_load(&call->gone));
}

/* As mod_avmd tells it, but for what it has no counterpart of: the variances
 * and the number of its detector. */
static switch_event_t *new_avmd_event(const char *subclass, struct call *call) {
  char uuid[sizeof(call->uuid)];
  switch_event_t *event;

  if (!call->profile.avmd || switch_event_create_subclass(&event, SWITCH_EVENT_CUSTOM, subclass) !=
                                 SWITCH_STATUS_SUCCESS)
    return NULL;
  switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, "Unique-ID",
                                 call_uuid(call, uuid));
  switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, "Call-command", "avmd");
  return event;
}

static void run_hook(switch_core_session_t *session, const char *text, int api) {
  switch_channel_t *channel = switch_core_session_get_channel(session);
  char *expanded = switch_channel_expand_variables(channel, text);
  char *hook = strdup(expanded);
  char *app, *arg;

  if (hook && api) {
    switch_stream_handle_t stream = {0};
    SWITCH_STANDARD_STREAM(stream);
    switch_api_execute("bgapi", hook, NULL, &stream);
    free(stream.data);
  } else if (hook) {
    hook_split(hook, &app, &arg);
    switch_core_session_execute_application_async(session, app, arg);
  }
  free(hook);
  if (expanded != text) free(expanded);
}

/* Runs every variable whose name begins with `prefix`, as the switch's own
 * hooks do, but without waiting for any. */
static void run_hooks(switch_core_session_t *session, const char *prefix, int api) {
  switch_event_t *variables;

  if (switch_channel_get_variables(switch_core_session_get_channel(session), &variables) !=
      SWITCH_STATUS_SUCCESS)
    return;
  for (switch_event_header_t *v = variables->headers; v; v = v->next) {
    if (strncasecmp(v->name, prefix, strlen(prefix))) continue;
    if (!v->idx) run_hook(session, v->value, api);
    for (int i = 0; i < v->idx; i++) run_hook(session, v->array[i], api);
  }
  switch_event_destroy(&variables);
}

static void act(struct call *call, switch_core_session_t *session,
                const callprint_decision *decision) {
  char extension[PROFILE_PATH_SIZE + 256];
  switch_channel_t *channel = switch_core_session_get_channel(session);

  if (decision->shadow || decision->action < CALLPRINT_HANGUP || call->cleared) return;
  call->cleared = decision->action != CALLPRINT_TRANSFER;
  if (decision->action == CALLPRINT_HANGUP) {
    switch_channel_hangup(channel, (switch_call_cause_t)decision->hangup_cause);
  } else if (decision->action == CALLPRINT_TRANSFER) {
    switch_ivr_session_transfer(session, decision->extension, call->profile.dialplan,
                                decision->context);
  } else if (decision->action == CALLPRINT_DECOY) {
    decoy_extension(&call->profile, decision->hangup_cause, extension, sizeof(extension));
    switch_ivr_session_transfer(session, extension, "inline", NULL);
  }
}

static void work_on_decision(struct call *call, switch_core_session_t *session,
                             callprint_decision *decision) {
  switch_channel_t *channel = session ? switch_core_session_get_channel(session) : NULL;
  switch_event_t *event;

  free(call->last);
  call->last = decision;
  if (channel) decision_fields(decision, add_variable, channel);
  if ((event = new_event("callprint::verdict", call, channel))) {
    decision_fields(decision, add_header, event);
    switch_event_fire(&event);
  }
  if (session && switch_channel_up_nosig(channel)) {
    run_hooks(session, "execute_on_callprint_verdict", 0);
    run_hooks(session, "api_on_callprint_verdict", 1);
    act(call, session, decision);
  }
  atomic_store(&call->verdict, (int)decision->verdict);
}

/* A beep is told when it has ended; mod_avmd tells it while it lasts. */
static void work_on_beep(struct call *call, switch_core_session_t *session,
                         const callprint_finding *beep) {
  switch_channel_t *channel = session ? switch_core_session_get_channel(session) : NULL;
  switch_event_t *event;

  if (beep->end_ms >= 0 && (event = new_event("callprint::beep", call, channel))) {
    finding_fields(beep, add_header, event);
    switch_event_fire(&event);
  }
  if (call->beeped && call->beep_start_ms == beep->start_ms) return;
  call->beeped = 1;
  call->beep_start_ms = beep->start_ms;
  if (!(event = new_avmd_event("avmd::beep", call))) return;
  switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, "Beep-Status", "DETECTED");
  switch_event_add_header(event, SWITCH_STACK_BOTTOM, "Frequency", "%f", beep->freq_hz);
  switch_event_add_header(event, SWITCH_STACK_BOTTOM, "Amplitude", "%f",
                          sine_peak(beep->level_dbm0));
  switch_event_fire(&event);
  if (session) {
    switch_channel_set_variable_printf(channel, "avmd_total_time", "[%.0f]", beep->known_ms);
    switch_channel_set_variable(channel, "avmd_detect", "TRUE");
    run_hooks(session, "execute_on_avmd_beep", 0);
  }
}

static void work_on_end(struct call *call) {
  switch_event_t *event;

  if (!call->abandoned && (event = new_event("callprint::stop", call, NULL))) {
    if (call->last) decision_fields(call->last, add_header, event);
    switch_event_fire(&event);
  }
  if (!call->abandoned && (event = new_avmd_event("avmd::stop", call))) {
    switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, "Beep-Status",
                                   call->beeped ? "DETECTED" : "NOTDETECTED");
    switch_event_add_header(event, SWITCH_STACK_BOTTOM, "Total-time", "%" PRId64,
                            (int64_t)(switch_micro_time_now() - call->started));
    switch_event_fire(&event);
  }
  call_let_go(call);
}

static void *SWITCH_THREAD_FUNC work(switch_thread_t *self, void *unused) {
  char uuid[SWITCH_UUID_FORMATTED_LENGTH + 1];
  switch_core_session_t *session;
  struct item *item;
  void *popped;

  (void)self, (void)unused;
  while (switch_queue_pop(queue, &popped) == SWITCH_STATUS_SUCCESS && (item = popped)) {
    if (!item->decision && !item->finding) {
      work_on_end(item->call);
    } else {
      session = switch_core_session_locate(call_uuid(item->call, uuid));
      if (item->decision) work_on_decision(item->call, session, item->decision);
      if (item->finding) work_on_beep(item->call, session, item->finding);
      if (session) switch_core_session_rwunlock(session);
      free(item->finding);
    }
    free(item);
  }
  return NULL;
}

void tell_start(struct call *call, switch_channel_t *channel) {
  switch_event_t *event;

  if ((event = new_event("callprint::start", call, channel))) switch_event_fire(&event);
  if ((event = new_avmd_event("avmd::start", call))) {
    switch_event_add_header(event, SWITCH_STACK_BOTTOM, "Start-time", "%" PRId64,
                            (int64_t)call->started);
    switch_event_fire(&event);
  }
}

void tell_decision(switch_channel_t *channel, const char *profile,
                   const callprint_decision *decision) {
  switch_event_t *event = new_event_of("callprint::verdict", profile, channel, NULL);

  decision_fields(decision, add_variable, channel);
  if (event) {
    decision_fields(decision, add_header, event);
    switch_event_fire(&event);
  }
}

int worker_start(switch_memory_pool_t *pool) {
  switch_threadattr_t *attributes;

  switch_queue_create(&queue, QUEUE_MAX, pool);
  switch_threadattr_create(&attributes, pool);
  switch_threadattr_stacksize_set(attributes, SWITCH_THREAD_STACKSIZE);
  return switch_thread_create(&thread, attributes, work, NULL, pool) == SWITCH_STATUS_SUCCESS ? 0 : -1;
}

void worker_stop(void) {
  switch_status_t status;

  switch_queue_push(queue, NULL);
  switch_thread_join(&status, thread);
}
