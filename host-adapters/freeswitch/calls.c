/*
 * Which calls are analysed, from start to stop, and the bugs through which their
 * audio comes.
 */
#include "module.h"

#define BUG_FAR "callprint"
#define BUG_NEAR "callprint_near"
#define ON_ANSWER "execute_on_answer_callprint"

void call_let_go(struct call *call) {
  switch_event_t *gone;

  if (atomic_fetch_sub(&call->holders, 1) != 1) return;
  if ((gone = atomic_load(&call->gone))) switch_event_destroy(&gone);
  free(call->last);
  free(call);
}

const char *call_uuid(struct call *call, char *uuid) {
  switch_mutex_lock(module.mutex);
  memcpy(uuid, call->uuid, sizeof(call->uuid));
  switch_mutex_unlock(module.mutex);
  return uuid;
}

static void drain(switch_media_bug_t *bug, struct feed *feed, callprint_side side) {
  switch_core_session_t *session = switch_core_media_bug_get_session(bug);
  int16_t samples[SWITCH_RECOMMENDED_BUFFER_SIZE / sizeof(int16_t)];
  switch_frame_t frame = {.data = samples, .buflen = sizeof(samples)};
  switch_codec_implementation_t codec = {0};

  /* Asked every time: codecs change without notice, and a frame's own rate is not to be trusted. */
  if (side == CALLPRINT_FAR) {
    switch_core_session_get_read_impl(session, &codec);
  } else {
    switch_core_session_get_write_impl(session, &codec);
  }
  if (!codec.number_of_channels) return;
  while (switch_core_media_bug_read(bug, &frame, SWITCH_TRUE) == SWITCH_STATUS_SUCCESS &&
         frame.datalen)
    feed_push(feed, side, codec.actual_samples_per_second, codec.number_of_channels, samples,
              frame.datalen / sizeof(int16_t) / codec.number_of_channels);
}

/* No media thread is in the feed any more: the bugs are off the session. */
static void last_bug_closed(switch_core_session_t *session, struct call *call) {
  switch_event_t *gone;

  switch_mutex_lock(module.mutex);
  switch_core_hash_delete(module.calls, call->uuid);
  switch_mutex_unlock(module.mutex);
  if (switch_event_create(&gone, SWITCH_EVENT_CLONE) == SWITCH_STATUS_SUCCESS) {
    switch_channel_event_set_data(switch_core_session_get_channel(session), gone);
    atomic_store(&call->gone, gone);
  }
  callprint_call_close(call->feed.call);
  call_let_go(call);
}

static switch_bool_t on_media(switch_media_bug_t *bug, void *user, switch_abc_type_t type) {
  struct call *call = user;

  if (type == SWITCH_ABC_TYPE_READ) drain(bug, &call->feed, CALLPRINT_FAR);
  if (type == SWITCH_ABC_TYPE_WRITE) drain(bug, &call->feed, CALLPRINT_NEAR);
  if (type == SWITCH_ABC_TYPE_CLOSE && atomic_fetch_sub(&call->bugs, 1) == 1)
    last_bug_closed(switch_core_media_bug_get_session(bug), call);
  return SWITCH_TRUE;
}

static int find_profile(const char *name, struct profile *profile, char *error, size_t error_size) {
  int found = 0;

  switch_mutex_lock(module.mutex);
  for (int i = 0; i < module.profile_count && !found; i++)
    if ((found = !strcmp(module.profiles[i].name, name))) *profile = module.profiles[i];
  switch_mutex_unlock(module.mutex);
  if (!found)
    snprintf(error, error_size, "there is no profile \"%s\" in callprint.conf.xml", name);
  return found ? 0 : -1;
}

/* Opens the call and puts it among the calls. NULL, `cause` and `error` where it cannot. */
static struct call *open_call(switch_core_session_t *session, const struct profile *profile,
                              const char **cause, char *error, size_t error_size) {
  switch_channel_t *channel = switch_core_session_get_channel(session);
  switch_caller_profile_t *caller = switch_channel_get_caller_profile(channel);
  int outbound = profile->direction == DIRECTION_AUTO
                     ? switch_channel_direction(channel) == SWITCH_CALL_DIRECTION_OUTBOUND
                     : profile->direction == DIRECTION_OUTBOUND;
  static const char *const causes[] = {"OK", "ARGUMENT", "FILE", "FULL", "STATE", "SYSTEM"};
  struct call *call = calloc(1, sizeof(*call));
  callprint_status status = CALLPRINT_ERROR_SYSTEM;
  callprint_call_config config = {
      .size = sizeof(config),
      .id = switch_core_session_get_uuid(session),
      .caller = caller ? caller->caller_id_number : NULL,
      .callee = caller ? caller->destination_number : NULL,
      .rules = *profile->rules ? profile->name : NULL,
      .flags = (outbound ? CALLPRINT_OUTBOUND : 0) |
               (profile->near ? CALLPRINT_NEAR_SIDE : 0),
      .limit_ms = profile->limit_ms,
      .heard = worker_heard,
      .decided = worker_decided,
      .released = worker_released,
      .user = call};

  snprintf(error, error_size, "no memory");
  *cause = "SYSTEM";
  if (!call) return NULL;
  call->profile = *profile;
  call->started = switch_micro_time_now();
  snprintf(call->uuid, sizeof(call->uuid), "%s", config.id);
  atomic_init(&call->holders, 3);
  atomic_init(&call->bugs, profile->near ? 2 : 1);

  switch_mutex_lock(module.mutex);
  if (switch_core_hash_find(module.calls, call->uuid)) {
    snprintf(error, error_size, "the call is analysed already; stop it first");
    *cause = NULL; /* its verdict stands */
  } else if (!module.host || atomic_load(&module.closing)) {
    snprintf(error, error_size, "there is no analyzer; the log says why, callprint reload tries again");
    *cause = "HOST";
  } else {
    status = callprint_call_open(module.host, &config, &call->feed.call, error, error_size);
    *cause = causes[(unsigned)status % 6];
    if (status == CALLPRINT_OK) switch_core_hash_insert(module.calls, call->uuid, call);
  }
  switch_mutex_unlock(module.mutex);
  if (status == CALLPRINT_OK) return call;
  free(call);
  return NULL;
}

/* -1 if there is no media to listen to: the call is closed then. */
static int attach(switch_core_session_t *session, struct call *call) {
  const char *profile = call->profile.name;
  switch_media_bug_t *bug;
  int missing = atomic_load(&call->bugs);

  if (missing == 1 || switch_core_media_bug_add(session, BUG_NEAR, profile, on_media, call, 0,
                                                SMBF_WRITE_STREAM | SMBF_ONE_ONLY,
                                                &bug) == SWITCH_STATUS_SUCCESS) {
    if (switch_core_media_bug_add(session, BUG_FAR, profile, on_media, call, 0,
                                  SMBF_READ_STREAM | SMBF_ONE_ONLY, &bug) == SWITCH_STATUS_SUCCESS)
      return 0;
    missing = 1;
  }
  call->abandoned = 1;
  if (atomic_fetch_sub(&call->bugs, missing) == missing) {
    last_bug_closed(session, call);
  } else {
    switch_core_media_bug_remove_callback(session, on_media);
  }
  return -1;
}

static int start_on_media(switch_core_session_t *session, const struct profile *profile,
                          const char **cause, char *error, size_t error_size) {
  struct call *call;
  int result;

  if (!(call = open_call(session, profile, cause, error, error_size))) return -1;
  if ((result = attach(session, call))) {
    *cause = "NOMEDIA";
    snprintf(error, error_size, "the channel has no media to listen to");
  } else {
    tell_start(call, switch_core_session_get_channel(session));
  }
  call_let_go(call);
  return result;
}

int call_start(switch_core_session_t *session, const char *name, char *error, size_t error_size) {
  switch_channel_t *channel = switch_core_session_get_channel(session);
  struct profile profile;
  callprint_decision decision;
  const char *cause = "PROFILE";
  int result = -1;

  if (zstr(name))
    name = switch_channel_direction(channel) == SWITCH_CALL_DIRECTION_OUTBOUND ? "outbound" : "inbound";
  if (find_profile(name, &profile, error, error_size)) {
  } else if (switch_channel_test_flag(channel, CF_PROXY_MODE) ||
             switch_channel_test_flag(channel, CF_PROXY_MEDIA)) {
    cause = "PROXYMEDIA";
    snprintf(error, error_size, "the switch does not decode the media of this call "
                                "(proxy_media or bypass_media): there is nothing to listen to");
  } else if (!switch_channel_test_flag(channel, CF_ANSWERED) && !profile.early_media) {
    /* A bug would answer with early media, which nobody asked for. */
    switch_channel_set_variable_printf(channel, ON_ANSWER, "callprint_start %s", name);
    return STARTS_ON_ANSWER;
  } else {
    result = start_on_media(session, &profile, &cause, error, error_size);
  }
  if (result < 0 && cause) {
    decision = decision_local(CALLPRINT_NOTREADY, cause);
    tell_decision(channel, name, &decision);
  }
  return result;
}

int call_stop(switch_core_session_t *session) {
  switch_channel_set_variable(switch_core_session_get_channel(session), ON_ANSWER, NULL);
  return switch_core_media_bug_remove_callback(session, on_media) == SWITCH_STATUS_SUCCESS ? 0 : -1;
}

/* A bug is moved to another session: the call goes on there, under its UUID. */
static void *follow(switch_core_session_t *session, void *user) {
  struct call *call = user;

  switch_mutex_lock(module.mutex);
  switch_core_hash_delete(module.calls, call->uuid);
  snprintf(call->uuid, sizeof(call->uuid), "%s", switch_core_session_get_uuid(session));
  switch_core_hash_insert(module.calls, call->uuid, call);
  switch_mutex_unlock(module.mutex);
  return call;
}

int call_move(switch_core_session_t *from, switch_core_session_t *to) {
  if (call_verdict(switch_core_session_get_uuid(to)) >= 0) return -1;
  return switch_core_media_bug_transfer_callback(from, to, on_media, follow) == SWITCH_STATUS_SUCCESS
             ? 0
             : -1;
}

int call_starts_on_answer(switch_channel_t *channel) {
  return switch_channel_get_variable(channel, ON_ANSWER) != NULL;
}

int call_verdict(const char *uuid) {
  struct call *call;
  int verdict = -1;

  switch_mutex_lock(module.mutex);
  if ((call = switch_core_hash_find(module.calls, uuid))) verdict = atomic_load(&call->verdict);
  switch_mutex_unlock(module.mutex);
  return verdict;
}

int call_decision(const char *uuid, callprint_decision *decision, char *text, size_t text_size) {
  struct call *call;

  switch_mutex_lock(module.mutex);
  if ((call = switch_core_hash_find(module.calls, uuid)))
    callprint_call_poll(call->feed.call, decision, text, text_size);
  switch_mutex_unlock(module.mutex);
  return call ? 0 : -1;
}
