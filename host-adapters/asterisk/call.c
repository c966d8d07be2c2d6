/*
 * A channel that is listened to: an audiohook copies its frames to libcallprint, a datastore ties
 * both to the channel, and libcallprint's callbacks hand on what was heard and decided.
 */
#include "adapter.h"

#include "asterisk/astobj2.h"
#include "asterisk/causes.h"
#include "asterisk/datastore.h"
#include "asterisk/format.h"

/* The longest loss of packets that timestamps are believed about: beyond it a talker paused, or the
 * stream is another one. */
#define LOSS_MAX_MS 2000
/* Frames of the two sides come by clocks of their own: apart by no more than this, nothing is missing. */
#define APART_US 100000

static int listening;

int call_count(void) { return ast_atomic_fetchadd_int(&listening, 0); }

/* ------------------------------------------------------------------------ media */

static void skip(struct call *call, callprint_side side, unsigned int rate_hz, int64_t us) {
  call->clock_us[side] += us;
  callprint_call_skip(call->analysis, side, rate_hz, us * rate_hz / 1000000);
}

/* What the far side lost, as its packets' timestamps tell. */
static void skip_lost(struct call *call, const struct ast_frame *frame, unsigned int rate_hz) {
  if (!ast_test_flag(frame, AST_FRFLAG_HAS_TIMING_INFO)) {
    call->next_ms = -1;
    return;
  }
  if (call->next_ms >= 0 && frame->ts > call->next_ms && frame->ts <= call->next_ms + LOSS_MAX_MS) {
    skip(call, CALLPRINT_FAR, rate_hz, (frame->ts - call->next_ms) * 1000);
  }
  call->next_ms = frame->ts + (long)frame->samples * 1000 / rate_hz;
}

/* Copies a frame. Runs in the channel's thread with the channel and the hook locked: whatever waits
 * here, waits in the call. The result says that the frame is as it was. [media] */
static int hear(struct ast_audiohook *hook, struct ast_channel *chan, struct ast_frame *frame,
                enum ast_audiohook_direction direction) {
  struct call *call = (struct call *)hook;
  callprint_side side = direction == AST_AUDIOHOOK_DIRECTION_READ ? CALLPRINT_FAR : CALLPRINT_NEAR;
  unsigned int rate_hz;
  int64_t ahead_us;

  (void)chan;
  if (!frame || hook->status != AST_AUDIOHOOK_STATUS_RUNNING || !call->analysis ||
      frame->frametype != AST_FRAME_VOICE || frame->samples <= 0) {
    return -1;
  }
  /* Rate and length may change with every frame: G.722 has 16 kHz, a transfer brings another codec. */
  rate_hz = ast_format_get_sample_rate(frame->subclass.format);
  if (side == CALLPRINT_FAR) {
    skip_lost(call, frame, rate_hz);
  } else {
    /* The far side leads. The near one has frames only while something is played or said to it; and
     * while the far side stands still, on hold, there is nobody to be heard by. */
    ahead_us = call->clock_us[CALLPRINT_NEAR] - call->clock_us[CALLPRINT_FAR];
    if (!call->profile->near || ahead_us > APART_US) {
      return -1;
    }
    if (ahead_us < -APART_US) {
      skip(call, side, rate_hz, -ahead_us);
    }
  }
  call->clock_us[side] += (int64_t)frame->samples * 1000000 / rate_hz;
  callprint_call_push(call->analysis, side, rate_hz, frame->data.ptr, frame->samples);
  return -1;
}

/* -------------------------------------------------------------------- callbacks */

/* What a decision's record is to a manager: every field a string, as AMI and ARI expect. */
static struct ast_json *decision_event(struct call *call, const callprint_decision *decision) {
  char id[AST_MAX_UNIQUEID], number[16], confidence[16], known[24], added[24];

  call_uniqueid(call, id, sizeof(id));
  snprintf(number, sizeof(number), "%u", decision->number);
  snprintf(confidence, sizeof(confidence), "%.4f", decision->confidence);
  snprintf(known, sizeof(known), "%.0f", decision->known_ms);
  snprintf(added, sizeof(added), "%.0f", decision->added_ms);
  return ast_json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}",
                       "eventname", "CallprintVerdict", "CallId", id, "Number", number,
                       "Verdict", callprint_verdict_name(decision->verdict), "Cause", decision->cause,
                       "Confidence", confidence, "Rule", decision->rule, "Action",
                       action_name(decision->action), "Shadow", decision->shadow ? "yes" : "no",
                       "Script", decision->script, "Pack", decision->pack, "Category",
                       decision->category, "KnownMs", known, "AddedMs", added);
}

/* [dispatcher] */
static void decided(void *user, const callprint_decision *decision) {
  struct call *call = user;

  __atomic_store_n(&call->verdict, decision->verdict, __ATOMIC_RELEASE);
  action_push(call, decision_event(call, decision), decision);
}

/* [dispatcher] */
static void heard(void *user, const callprint_finding *finding) {
  struct call *call = user;
  char id[AST_MAX_UNIQUEID];

  call_uniqueid(call, id, sizeof(id));
  action_push(call,
              ast_json_pack("{s:s, s:s, s:s, s:s}", "eventname", "CallprintFinding", "CallId", id,
                            "Name", finding->name, "Finding", finding->json),
              NULL);
}

/* [dispatcher] */
static void released(void *user) {
  struct call *call = user;

  ao2_ref(call, -1);
}

/* -------------------------------------------------------------------- datastore */

/* Ends the analysis. The hook is off the channel, or the channel is locked: nobody pushes. */
static void end_analysis(struct call *call) {
  ao2_lock(call);
  call->stopped = 1;
  ao2_unlock(call);
  if (call->analysis) {
    call->last.size = sizeof(call->last);
    callprint_call_poll(call->analysis, &call->last, call->text, sizeof(call->text));
    callprint_call_close(call->analysis);
    call->analysis = NULL;
    ast_atomic_fetchadd_int(&listening, -1);
  }
}

/* The channel is no more, its hooks went before. Any thread may come here, so nothing waits. */
static void datastore_destroy(void *data) {
  struct call *call = data;

  end_analysis(call);
  ao2_ref(call, -1);
}

/* A masquerade moves hook and datastore to the channel that has the call from now on. */
static void datastore_fixup(void *data, struct ast_channel *old_chan, struct ast_channel *new_chan) {
  struct call *call = data;

  (void)old_chan;
  ao2_lock(call);
  ast_copy_string(call->uniqueid, ast_channel_uniqueid(new_chan), sizeof(call->uniqueid));
  ao2_unlock(call);
}

static const struct ast_datastore_info datastore_info = {
    .type = "callprint",
    .destroy = datastore_destroy,
    .chan_fixup = datastore_fixup,
};

/* The channel is locked. */
static struct call *find(struct ast_channel *chan) {
  struct ast_datastore *datastore = ast_channel_datastore_find(chan, &datastore_info, NULL);

  return datastore ? datastore->data : NULL;
}

/* ------------------------------------------------------------------------ calls */

static void call_destroy(void *object) {
  struct call *call = object;

  ast_audiohook_destroy(&call->hook);
  ao2_cleanup(call->profile);
}

/* Fail-open: the call goes on, and says why it is not listened to. */
static void not_ready(struct call *call, const char *cause) {
  call->last = (callprint_decision){
      .size = sizeof(call->last),
      .verdict = CALLPRINT_NOTREADY,
      .context = "",
      .extension = "",
      .rule = "",
      .script = "",
      .pack = "",
      .category = "",
      .cause = cause,
      .json = "",
  };
  decided(call, &call->last);
}

static const char *failure_cause(callprint_status status) {
  static const char *const causes[] = {"OK", "ARGUMENT", "FILE", "FULL", "STATE", "SYSTEM"};

  return (unsigned int)status < ARRAY_LEN(causes) ? causes[status] : "UNKNOWN";
}

static void open_analysis(struct call *call, struct ast_channel *chan, const char *profile_name,
                          unsigned int limit_ms, int outbound) {
  char id[AST_CHANNEL_NAME], caller[AST_MAX_EXTENSION], callee[AST_MAX_EXTENSION], error[512];
  callprint_call_config config = {
      .size = sizeof(config),
      .id = id,
      .caller = caller,
      .callee = callee,
      .limit_ms = limit_ms,
      .decided = decided,
      .released = released,
      .user = call,
  };
  callprint_status status;

  if (!call->profile) {
    ast_log(LOG_ERROR, "%s: callprint.conf has no section [%s], or is not in force; not listening\n",
            ast_channel_name(chan), profile_name);
    not_ready(call, "PROFILE");
    return;
  }
  if (!host_get()) {
    not_ready(call, "HOST");
    return;
  }
  ast_channel_lock(chan);
  ast_copy_string(id, ast_channel_uniqueid(chan), sizeof(id));
  ast_copy_string(caller, S_COR(ast_channel_caller(chan)->id.number.valid,
                                ast_channel_caller(chan)->id.number.str, ""), sizeof(caller));
  ast_copy_string(callee, S_OR(ast_channel_dialed(chan)->number.str, ast_channel_exten(chan)),
                  sizeof(callee));
  ast_channel_unlock(chan);

  if (call->profile->direction != DIRECTION_AUTO) {
    outbound = call->profile->direction == DIRECTION_OUTBOUND;
  }
  config.flags = (outbound ? CALLPRINT_OUTBOUND : 0) | (call->profile->near ? CALLPRINT_NEAR_SIDE : 0);
  config.rules = S_OR(call->profile->rules, NULL) ? call->profile->name : NULL;
  config.limit_ms = limit_ms ? limit_ms : call->profile->limit_ms;
  config.heard = call->profile->finding_events ? heard : NULL;

  ao2_ref(call, +1); /* until released() */
  status = callprint_call_open(host_get(), &config, &call->analysis, error, sizeof(error));
  if (status == CALLPRINT_OK) {
    ast_atomic_fetchadd_int(&listening, 1);
    return;
  }
  ao2_ref(call, -1);
  call->analysis = NULL;
  not_ready(call, failure_cause(status));
  ast_log(LOG_NOTICE, "%s goes on without callprint: %s\n", ast_channel_name(chan), error);
}

static struct call *call_alloc(struct ast_channel *chan, const char *profile, unsigned int limit_ms) {
  int outbound = ast_test_flag(ast_channel_flags(chan), AST_FLAG_OUTGOING | AST_FLAG_ORIGINATED) != 0;
  struct call *call = ao2_alloc(sizeof(*call), call_destroy);

  if (!call) {
    return NULL;
  }
  ast_audiohook_init(&call->hook, AST_AUDIOHOOK_TYPE_MANIPULATE, "callprint",
                     AST_AUDIOHOOK_MANIPULATE_ALL_RATES);
  call->hook.manipulate_callback = hear;
  call->next_ms = -1;
  ast_copy_string(call->uniqueid, ast_channel_uniqueid(chan), sizeof(call->uniqueid));
  profile = S_OR(profile, outbound ? "outbound" : "inbound");
  call->profile = profile_get(profile);
  open_analysis(call, chan, profile, limit_ms, outbound);
  return call;
}

/* Takes the place of an analysis that has ended. The channel is locked. */
static int attach(struct ast_channel *chan, struct call *call) {
  struct ast_datastore *datastore = ast_channel_datastore_find(chan, &datastore_info, NULL);

  if (datastore && ((struct call *)datastore->data)->analysis) {
    return 0; /* another thread was faster */
  }
  if (datastore) {
    ast_channel_datastore_remove(chan, datastore);
    ast_datastore_free(datastore);
  }
  if (!(datastore = ast_datastore_alloc(&datastore_info, NULL))) {
    return -1;
  }
  if (call->analysis && ast_audiohook_attach(chan, &call->hook)) {
    end_analysis(call);
    not_ready(call, "AUDIOHOOK");
  }
  datastore->data = ao2_bump(call);
  ast_channel_datastore_add(chan, datastore);
  return 1;
}

int call_start(struct ast_channel *chan, const char *profile, unsigned int limit_ms) {
  struct call *call;
  int result;

  ast_channel_lock(chan);
  call = find(chan);
  result = call && call->analysis;
  ast_channel_unlock(chan);
  if (result) {
    return 0;
  }
  if (!(call = call_alloc(chan, profile, limit_ms))) {
    return -1;
  }
  ast_channel_lock(chan);
  result = attach(chan, call);
  ast_channel_unlock(chan);
  if (result <= 0) {
    end_analysis(call);
  }
  ao2_ref(call, -1);
  return result;
}

void call_stop(struct ast_channel *chan) {
  struct call *call;

  ast_channel_lock(chan);
  if ((call = find(chan)) && call->analysis) {
    ast_audiohook_remove(chan, &call->hook);
    end_analysis(call);
  }
  ast_channel_unlock(chan);
}

struct call *call_poll(struct ast_channel *chan, callprint_decision *decision, char *text,
                       size_t text_size) {
  struct call *call;

  ast_channel_lock(chan);
  call = ao2_bump(find(chan));
  if (call && call->analysis) {
    decision->size = sizeof(*decision);
    callprint_call_poll(call->analysis, decision, text, text_size);
  } else if (call) {
    *decision = call->last;
  }
  ast_channel_unlock(chan);
  return call;
}

int call_verdict(struct ast_channel *chan) {
  struct call *call;
  int verdict = -1;

  ast_channel_lock(chan);
  if ((call = find(chan))) {
    verdict = call->analysis ? __atomic_load_n(&call->verdict, __ATOMIC_ACQUIRE) : (int)call->last.verdict;
  }
  ast_channel_unlock(chan);
  return verdict;
}

void call_uniqueid(struct call *call, char *uniqueid, size_t size) {
  ao2_lock(call);
  ast_copy_string(uniqueid, call->uniqueid, size);
  ao2_unlock(call);
}
