/*
 * What a decision does to its channel. All of it happens on one thread of ours: the media thread
 * may not wait, and libcallprint's dispatcher has other calls to serve.
 */
#include "adapter.h"

#include "asterisk/app.h"
#include "asterisk/astobj2.h"
#include "asterisk/causes.h"
#include "asterisk/file.h"
#include "asterisk/indications.h"
#include "asterisk/manager.h"
#include "asterisk/pbx.h"
#include "asterisk/stasis.h"
#include "asterisk/stasis_channels.h"
#include "asterisk/taskprocessor.h"

/* Special information tone "vacant code": 380, 274 and 380 ms (Telcordia GR-674). Diallers that weed
 * out dead numbers know it. */
#define SIT "!985/380,!1371/274,!1777/380"
#define SIT_MS 1034

#define DECOY_CONTEXT "callprint-decoy"
#define DECOY_ANNOUNCEMENT "ss-noservice"

static struct ast_taskprocessor *taskprocessor;

struct task {
  struct call *call;
  struct ast_json *event;
  callprint_action action; /* NONE as well where it is not to be carried out */
  int decision;            /* 1: the event is a decision's */
  int hangup_cause;
  int priority;
  char context[AST_MAX_CONTEXT];
  char extension[AST_MAX_EXTENSION];
};

static const char *field(struct task *task, const char *name) {
  return S_OR(ast_json_string_get(ast_json_object_get(task->event, name)), "");
}

/* To AMI and ARI, as an event of the channel while there is one. */
static void publish(struct task *task, struct ast_channel *chan) {
  struct ast_multi_object_blob *blob;
  struct stasis_message *message;

  if (chan) {
    ast_channel_lock(chan);
    ast_multi_object_blob_single_channel_publish(chan, ast_multi_user_event_type(), task->event);
    ast_channel_unlock(chan);
  } else if ((blob = ast_multi_object_blob_create(task->event))) {
    if ((message = stasis_message_create(ast_multi_user_event_type(), blob))) {
      stasis_publish(ast_manager_get_topic(), message);
      ao2_ref(message, -1);
    }
    ao2_ref(blob, -1);
  }
}

/* For the h extension, CDRs and whoever looks at the channel; CALLPRINT() reads the same, live. */
static void set_variables(struct task *task, struct ast_channel *chan) {
  static const char *const variables[][2] = {
      {"CALLPRINT_VERDICT", "Verdict"}, {"CALLPRINT_CAUSE", "Cause"},   {"CALLPRINT_RULE", "Rule"},
      {"CALLPRINT_SCRIPT", "Script"},   {"CALLPRINT_ACTION", "Action"}, {"CALLPRINT_SHADOW", "Shadow"},
  };
  size_t i;

  for (i = 0; i < ARRAY_LEN(variables); ++i) {
    pbx_builtin_setvar_helper(chan, variables[i][0], field(task, variables[i][1]));
  }
}

static void go(struct task *task, struct ast_channel *chan, const char *context, const char *extension,
               int priority) {
  /* A channel that is sent where nothing is gets hung up: better to leave it where it is. */
  if (!ast_exists_extension(chan, context, extension, priority, NULL)) {
    ast_log(LOG_WARNING, "%s stays where it is: rule '%s' sends it to %s,%s,%d, which the dialplan does not have\n",
            ast_channel_name(chan), field(task, "Rule"), context, extension, priority);
  } else if (ast_async_goto(chan, context, extension, priority)) {
    ast_log(LOG_WARNING, "%s could not be sent to %s,%s,%d by rule '%s'\n", ast_channel_name(chan),
            context, extension, priority, field(task, "Rule"));
  }
}

static void act(struct task *task, struct ast_channel *chan) {
  switch (task->action) {
  case CALLPRINT_NONE:
  case CALLPRINT_TAG:
    break;
  case CALLPRINT_HANGUP:
    ast_set_hangupsource(chan, "callprint", 0);
    ast_channel_softhangup_withcause_locked(chan, task->hangup_cause);
    break;
  case CALLPRINT_TRANSFER:
    go(task, chan, task->context, task->extension, task->priority);
    break;
  case CALLPRINT_DECOY:
    go(task, chan, DECOY_CONTEXT, "s", 1);
    break;
  }
}

/* A call that was hung up or decoyed is done with, and one that is no longer listened to has had its
 * say. Only this thread asks. */
static int may_act(struct task *task) {
  int stopped;

  ao2_lock(task->call);
  stopped = task->call->stopped;
  if (task->action == CALLPRINT_HANGUP || task->action == CALLPRINT_DECOY) {
    task->call->stopped = 1;
  }
  ao2_unlock(task->call);
  return !stopped;
}

static int perform(void *data) {
  struct task *task = data;
  char uniqueid[AST_MAX_UNIQUEID];
  struct ast_channel *chan;

  call_uniqueid(task->call, uniqueid, sizeof(uniqueid));
  chan = ast_channel_get_by_name(uniqueid);
  if (task->decision) {
    ast_verb(3, "callprint: %s is %s (%s), rule '%s': %s%s\n", chan ? ast_channel_name(chan) : uniqueid,
             field(task, "Verdict"), field(task, "Cause"), field(task, "Rule"), field(task, "Action"),
             ast_true(field(task, "Shadow")) ? ", in shadow" : "");
    if (chan) {
      set_variables(task, chan);
    }
  }
  publish(task, chan);
  if (chan && task->decision) {
    ast_queue_frame(chan, &ast_null_frame); /* Callprint() waits for frames: this one says look */
  }
  if (chan && may_act(task)) {
    act(task, chan);
  }
  ast_channel_cleanup(chan);
  ast_json_unref(task->event);
  ao2_ref(task->call, -1);
  ast_free(task);
  return 0;
}

void action_push(struct call *call, struct ast_json *event, const callprint_decision *decision) {
  struct task *task = ast_calloc(1, sizeof(*task));

  if (!event || !task) {
    ast_json_unref(event);
    ast_free(task);
    return;
  }
  task->event = event;
  if (decision) {
    task->decision = 1;
    task->action = decision->shadow ? CALLPRINT_NONE : decision->action;
    task->hangup_cause = decision->hangup_cause;
    task->priority = decision->priority;
    ast_copy_string(task->context, decision->context, sizeof(task->context));
    ast_copy_string(task->extension, decision->extension, sizeof(task->extension));
  }
  task->call = ao2_bump(call);
  if (ast_taskprocessor_push(taskprocessor, perform, task)) {
    ast_json_unref(event);
    ao2_ref(call, -1);
    ast_free(task);
  }
}

/* --------------------------------------------------------------------- decoy */

int decoy_exec(struct ast_channel *chan, const char *data) {
  char text[DECISION_TEXT], announcement[PATH_MAX] = DECOY_ANNOUNCEMENT;
  callprint_decision decision = {.size = sizeof(decision)};
  unsigned int cause = AST_CAUSE_UNALLOCATED;
  struct call *call;
  char *parse;
  AST_DECLARE_APP_ARGS(args, AST_APP_ARG(announcement); AST_APP_ARG(cause););

  if ((call = call_poll(chan, &decision, text, sizeof(text)))) {
    if (call->profile && !ast_strlen_zero(call->profile->announcement)) {
      ast_copy_string(announcement, call->profile->announcement, sizeof(announcement));
    }
    if (decision.action == CALLPRINT_DECOY && decision.hangup_cause) {
      cause = decision.hangup_cause;
    }
    ao2_ref(call, -1);
  }
  parse = ast_strdupa(S_OR(data, ""));
  AST_STANDARD_APP_ARGS(args, parse);
  if (!ast_strlen_zero(args.announcement)) {
    ast_copy_string(announcement, args.announcement, sizeof(announcement));
  }
  if (!ast_strlen_zero(args.cause) && (sscanf(args.cause, "%30u", &cause) != 1 || !cause || cause > 127)) {
    ast_log(LOG_WARNING, "CallprintDecoy: cause '%s' is not a Q.850 cause, 1 to 127; clearing with 1\n", args.cause);
    cause = AST_CAUSE_UNALLOCATED;
  }

  if (ast_channel_state(chan) != AST_STATE_UP) {
    ast_indicate(chan, AST_CONTROL_PROGRESS); /* a dead number is heard before any answer */
  }
  if (!ast_playtones_start(chan, 0, SIT, 0)) {
    int gone = ast_safe_sleep(chan, SIT_MS);

    ast_playtones_stop(chan);
    if (!gone && !ast_streamfile(chan, announcement, ast_channel_language(chan))) {
      ast_waitstream(chan, "");
      ast_stopstream(chan);
    }
  }
  ast_set_hangupsource(chan, "callprint", 0);
  ast_channel_lock(chan);
  ast_channel_hangupcause_set(chan, cause);
  ast_channel_unlock(chan);
  return -1;
}

/* -------------------------------------------------------------------- life */

int action_init(void) {
  struct ast_context *context;

  if (!(taskprocessor = ast_taskprocessor_get("callprint", TPS_REF_DEFAULT))) {
    return -1;
  }
  /* Where a rule's decoy sends a channel: with a context of its own, a dialplan needs nothing for it. */
  context = ast_context_find_or_create(NULL, NULL, DECOY_CONTEXT, AST_MODULE);
  return context ? ast_add_extension2(context, 1, "s", 1, NULL, NULL, "CallprintDecoy", ast_strdup(""),
                                      ast_free_ptr, AST_MODULE, NULL, 0)
                 : -1;
}

void action_destroy(void) {
  ast_context_destroy(NULL, AST_MODULE);
  taskprocessor = ast_taskprocessor_unreference(taskprocessor);
}
