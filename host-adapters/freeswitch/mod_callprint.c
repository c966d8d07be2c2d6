/*
 * mod_callprint: tells FreeSWITCH what is really on the line.
 *
 * This is all that FreeSWITCH sees of callprint. It listens nowhere and decides
 * nothing: frames go to libcallprint, its decisions come back and are acted on.
 *
 *   session's thread             libcallprint                   our worker
 *   media bug ──▶ feed_push() ──▶ … ──▶ decided() ──▶ queue ──▶ variables, event, hooks, action
 *
 * Three rules of the switch shape it. A media bug's callback runs in the middle
 * of the call's media, under its locks: it copies, nothing else. Whatever
 * touches the channel is done by the worker, which finds the session by its
 * UUID and so never holds one that is gone. And a module with a live bug must
 * not be unloaded: this one stays, and it is the analyzer that is exchanged.
 */
#include "module.h"

SWITCH_MODULE_LOAD_FUNCTION(mod_callprint_load);
SWITCH_MODULE_DEFINITION(mod_callprint, mod_callprint_load, NULL, NULL);

#define WAIT_SLICE_MS 20
#define WAIT_DEFAULT_MS 10000
#define JSON_SIZE 65536 /* of a status at first; grown to what it needs */

struct module module;

/* ------------------------------------------------------------- applications */

SWITCH_STANDARD_APP(start_app) {
  char error[ERROR_SIZE];

  if (call_start(session, data, error, sizeof(error)) < 0)
    switch_log_printf(SWITCH_CHANNEL_SESSION_LOG(session), SWITCH_LOG_WARNING,
                      "callprint_start: %s\n", error);
}

SWITCH_STANDARD_APP(stop_app) {
  (void)data;
  call_stop(session);
}

SWITCH_STANDARD_APP(wait_app) {
  switch_channel_t *channel = switch_core_session_get_channel(session);
  const char *uuid = switch_core_session_get_uuid(session);
  char *words[2] = {NULL, NULL};
  char *copy = switch_core_session_strdup(session, zstr(data) ? "" : data);
  int count = (int)switch_separate_string(copy, ' ', words, 2);
  int timeout_ms = count > 0 ? atoi(words[0]) : WAIT_DEFAULT_MS;
  int for_beep = count > 1 && !strcasecmp(words[1], "beep");
  switch_time_t until;
  callprint_decision decision;
  char cause[64];
  int verdict;

  if (timeout_ms <= 0) {
    switch_log_printf(SWITCH_CHANNEL_SESSION_LOG(session), SWITCH_LOG_WARNING,
                      "callprint_wait: \"%s\" is no time in ms; it is %d\n", words[0], WAIT_DEFAULT_MS);
    timeout_ms = WAIT_DEFAULT_MS;
  }
  until = switch_micro_time_now() + timeout_ms * (switch_time_t)1000;
  if (call_verdict(uuid) < 0) start_app(session, NULL);
  if (call_verdict(uuid) < 0 && call_starts_on_answer(channel)) {
    decision = decision_local(CALLPRINT_NOTREADY, "NOTANSWERED");
    tell_decision(channel, "", &decision);
  }
  while ((verdict = call_verdict(uuid)) >= 0 && !wait_is_over((callprint_verdict)verdict, for_beep) &&
         switch_micro_time_now() < until)
    if (switch_ivr_sleep(session, WAIT_SLICE_MS, SWITCH_FALSE, NULL) != SWITCH_STATUS_SUCCESS) return;
  if (verdict != CALLPRINT_PENDING) return;
  snprintf(cause, sizeof(cause), "TIMEOUT-%d", timeout_ms);
  decision = decision_local(CALLPRINT_UNSURE, cause);
  tell_decision(channel, "", &decision);
}

/* ----------------------------------------------------------------------- API */

#define SYNTAX \
  "status|packs|calls|reload|selftest | <uuid> start [profile] | <uuid> stop|status | <uuid> move <uuid>"

/* Writes the host's state, or only its packs or its live calls. */
static void write_state(switch_stream_handle_t *stream, const char *word) {
  int calls = !strcmp(word, "calls"), packs = !strcmp(word, "packs");
  size_t size = JSON_SIZE, need;
  char *text = NULL, *shown;
  cJSON *json, *part;

  do { /* calls may begin in between */
    free(text);
    if (!(text = malloc(size))) return;
    need = callprint_host_status_json(module.host, calls, text, size);
  } while (need > size && (size = need + need / 4));
  json = cJSON_Parse(text);
  part = calls ? cJSON_GetObjectItem(json, "live") : packs ? cJSON_GetObjectItem(json, "packs") : json;
  shown = cJSON_Print(part);
  stream->write_function(stream, "%s\n", shown ? shown : "-ERR");
  free(shown);
  cJSON_Delete(json);
  free(text);
}

static void write_fields(void *stream, const char *field, const char *value) {
  if (*value) ((switch_stream_handle_t *)stream)->write_function(stream, "%s: %s\n", field, value);
}

static void write_call(switch_stream_handle_t *stream, const char *uuid) {
  callprint_decision decision = {.size = sizeof(decision)};
  char text[4096];

  if (call_decision(uuid, &decision, text, sizeof(text))) {
    stream->write_function(stream, "-ERR the call is not analysed\n");
    return;
  }
  stream->write_function(stream, "+OK %s\n", callprint_verdict_name(decision.verdict));
  decision_fields(&decision, write_fields, stream);
}

static void command_on_host(switch_stream_handle_t *stream, const char *word) {
  char text[ERROR_SIZE];

  if (!strcmp(word, "reload")) {
    if (settings_read(1, text, sizeof(text))) {
      stream->write_function(stream, "-ERR %s\n", text);
    } else {
      stream->write_function(stream, "+OK\n");
    }
  } else if (!module.host) {
    stream->write_function(stream, "-ERR there is no analyzer; callprint reload tries again\n");
  } else if (!strcmp(word, "selftest")) {
    callprint_status status = callprint_host_selftest(module.host, text, sizeof(text));
    stream->write_function(stream, "%s %s\n", status == CALLPRINT_OK ? "+OK" : "-ERR", text);
  } else {
    write_state(stream, word);
  }
}

static void command_on_call(switch_stream_handle_t *stream, switch_core_session_t *session,
                            char **words) {
  switch_core_session_t *other;
  char error[ERROR_SIZE] = "the call is not analysed";
  int result = -1;

  if (!strcmp(words[1], "status")) {
    write_call(stream, words[0]);
    return;
  }
  if (!strcmp(words[1], "start")) {
    result = call_start(session, words[2], error, sizeof(error));
  } else if (!strcmp(words[1], "stop")) {
    result = call_stop(session);
  } else if (!words[2] || !(other = switch_core_session_locate(words[2]))) {
    snprintf(error, sizeof(error), "no such channel to move to: %s", switch_str_nil(words[2]));
  } else {
    snprintf(error, sizeof(error), "the call is not analysed, or the other is, or has no media");
    result = call_move(session, other);
    switch_core_session_rwunlock(other);
  }
  if (result < 0) {
    stream->write_function(stream, "-ERR %s\n", error);
  } else {
    stream->write_function(stream, result == STARTS_ON_ANSWER ? "+OK when it is answered\n" : "+OK\n");
  }
}

static int is_one_of(const char *word, const char *const *words) {
  for (; *words; words++)
    if (!strcmp(word, *words)) return 1;
  return 0;
}

static const char *const host_words[] = {"status", "packs", "calls", "reload", "selftest", NULL};
static const char *const call_words[] = {"start", "stop", "status", "move", NULL};

SWITCH_STANDARD_API(callprint_api) {
  switch_core_session_t *of;
  char *copy = switch_safe_strdup(cmd);
  char *words[4] = {NULL, NULL, NULL, NULL};
  int count = copy ? (int)switch_separate_string(copy, ' ', words, 4) : 0;

  (void)session;
  if (count == 1 && is_one_of(words[0], host_words)) {
    command_on_host(stream, words[0]);
  } else if (count < 2 || count > 3 || !is_one_of(words[1], call_words)) {
    stream->write_function(stream, "-USAGE: callprint %s\n", SYNTAX);
  } else if (!(of = switch_core_session_locate(words[0]))) {
    stream->write_function(stream, "-ERR no such channel: %s\n", words[0]);
  } else {
    command_on_call(stream, of, words);
    switch_core_session_rwunlock(of);
  }
  free(copy);
  return SWITCH_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------------- load */

static void complete_words(void) {
  char line[64];

  for (int i = 0; host_words[i]; i++) {
    snprintf(line, sizeof(line), "add callprint %s", host_words[i]);
    switch_console_set_complete(line);
  }
  for (int i = 0; call_words[i]; i++) {
    snprintf(line, sizeof(line), "add callprint ::console::list_uuid %s", call_words[i]);
    switch_console_set_complete(line);
  }
}

static void on_reloadxml(switch_event_t *event) {
  char error[ERROR_SIZE];

  (void)event;
  if (settings_read(0, error, sizeof(error)))
    switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_ERROR, "callprint: %s\n", error);
}

/* The core calls no shutdown function of a module that stays. Before it takes away what the worker
 * stands on, the worker is ended. */
static void on_shutdown(switch_event_t *event) {
  (void)event;
  if (!atomic_exchange(&module.closing, 1)) worker_stop();
}

SWITCH_MODULE_LOAD_FUNCTION(mod_callprint_load) {
  switch_application_interface_t *app;
  switch_api_interface_t *api;
  switch_event_node_t *node;
  char error[ERROR_SIZE];

  if (callprint_abi() != CALLPRINT_ABI) {
    switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_ERROR,
                      "callprint: this module was built for ABI %d of libcallprint, but version %s, "
                      "which was found, has %u: install both from one release\n",
                      CALLPRINT_ABI, callprint_version(), callprint_abi());
    return SWITCH_STATUS_FALSE;
  }
  switch_mutex_init(&module.mutex, SWITCH_MUTEX_NESTED, pool);
  switch_mutex_init(&module.configuring, SWITCH_MUTEX_NESTED, pool);
  switch_core_hash_init(&module.calls);
  if (worker_start(pool)) return SWITCH_STATUS_FALSE;

  settings_init();
  /* Without an analyzer the applications must be there all the same: the switch hangs up a call
   * whose dialplan names one that is not. */
  if (settings_read(0, error, sizeof(error)))
    switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_ERROR, "callprint: %s\n", error);

  *module_interface = switch_loadable_module_create_module_interface(pool, modname);
  SWITCH_ADD_APP(app, "callprint_start", "Begin to analyse the call", "Begin to analyse the call",
                 start_app, "[profile]", SAF_SUPPORT_NOMEDIA);
  SWITCH_ADD_APP(app, "callprint_stop", "End the analysis", "End the analysis", stop_app, "",
                 SAF_SUPPORT_NOMEDIA);
  SWITCH_ADD_APP(app, "callprint_wait", "Wait for a verdict", "Wait for a verdict, or for the beep",
                 wait_app, "[timeout_ms [beep]]", SAF_NONE);
  SWITCH_ADD_API(api, "callprint", "What is on the line", callprint_api, SYNTAX);
  complete_words();
  switch_event_bind_removable(modname, SWITCH_EVENT_RELOADXML, NULL, on_reloadxml, NULL, &node);
  switch_event_bind_removable(modname, SWITCH_EVENT_SHUTDOWN, NULL, on_shutdown, NULL, &node);
  return SWITCH_STATUS_NOUNLOAD;
}
