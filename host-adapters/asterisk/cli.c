/*
 * The console: callprint show status|packs|calls|call, selftest, reload.
 */
#include "adapter.h"

#include "asterisk/astobj2.h"
#include "asterisk/cli.h"

static const char *const no_host =
    "callprint listens to no call: callprint.conf or the analyzer cannot be used, the log says why.\n";

/* What every command answers when it is not being run. */
#define COMMAND(words, arguments, count, help)                                                        \
  if (command == CLI_INIT) {                                                                           \
    entry->command = words;                                                                            \
    entry->usage = "Usage: " words arguments "\n       " help "\n";                                    \
    return NULL;                                                                                       \
  }                                                                                                    \
  if (command == CLI_GENERATE) {                                                                       \
    return NULL;                                                                                       \
  }                                                                                                    \
  if (args->argc != count) {                                                                           \
    return CLI_SHOWUSAGE;                                                                              \
  }

/* Prints JSON as indented "name: value" lines; what libcallprint adds one day is shown too. */
static void print_json(int fd, const char *name, struct ast_json *json, int indent) {
  struct ast_json_iter *iter;
  size_t i;

  switch (ast_json_typeof(json)) {
  case AST_JSON_OBJECT:
    if (*name) {
      ast_cli(fd, "%*s%s\n", indent, "", name);
      indent += 2;
    }
    for (iter = ast_json_object_iter(json); iter; iter = ast_json_object_iter_next(json, iter)) {
      print_json(fd, ast_json_object_iter_key(iter), ast_json_object_iter_value(iter), indent);
    }
    break;
  case AST_JSON_ARRAY:
    if (!ast_json_array_size(json)) {
      ast_cli(fd, "%*s%s: none\n", indent, "", name);
    }
    for (i = 0; i < ast_json_array_size(json); ++i) {
      print_json(fd, name, ast_json_array_get(json, i), indent);
    }
    break;
  case AST_JSON_STRING:
    ast_cli(fd, "%*s%s: %s\n", indent, "", name, ast_json_string_get(json));
    break;
  case AST_JSON_INTEGER:
    ast_cli(fd, "%*s%s: %jd\n", indent, "", name, ast_json_integer_get(json));
    break;
  case AST_JSON_REAL:
    ast_cli(fd, "%*s%s: %g\n", indent, "", name, ast_json_real_get(json));
    break;
  case AST_JSON_TRUE:
  case AST_JSON_FALSE:
    ast_cli(fd, "%*s%s: %s\n", indent, "", name, ast_json_is_true(json) ? "yes" : "no");
    break;
  case AST_JSON_NULL:
    ast_cli(fd, "%*s%s: -\n", indent, "", name);
    break;
  }
}

/* The host's state; NULL, said so on the console, where there is none. */
static struct ast_json *host_status(int fd) {
  callprint_host *host = host_get();
  struct ast_json *status = NULL;
  size_t size = 8192, needed;
  char *text;

  if (!host) {
    ast_cli(fd, "%s", no_host);
    return NULL;
  }
  while ((text = ast_malloc(size))) {
    if ((needed = callprint_host_status_json(host, 0, text, size)) <= size) {
      status = ast_json_load_string(text, NULL);
      ast_free(text);
      break;
    }
    ast_free(text);
    size = needed + 1024; /* it may grow in between */
  }
  return status;
}

static char *show_status(struct ast_cli_entry *entry, int command, struct ast_cli_args *args) {
  struct ast_json *status;

  COMMAND("callprint show status", "", 3, "Analyzer, calls, gaps, faults, latencies, verdicts.");
  ast_cli(args->fd, "libcallprint: %s\n", callprint_version());
  if ((status = host_status(args->fd))) {
    print_json(args->fd, "", status, 0);
    ast_json_unref(status);
  }
  return CLI_SUCCESS;
}

static char *show_packs(struct ast_cli_entry *entry, int command, struct ast_cli_args *args) {
  struct ast_json *status, *packs;

  COMMAND("callprint show packs", "", 3, "The packs of known scripts in the analyzer.");
  if ((status = host_status(args->fd))) {
    if ((packs = ast_json_object_get(status, "packs"))) {
      print_json(args->fd, "pack", packs, 0);
    }
    ast_json_unref(status);
  }
  return CLI_SUCCESS;
}

static char *show_calls(struct ast_cli_entry *entry, int command, struct ast_cli_args *args) {
  struct ast_channel_iterator *iterator;
  struct ast_channel *chan;
  int count = 0;

  COMMAND("callprint show calls", "", 3, "The channels that are, or were, listened to.");
  if (!(iterator = ast_channel_iterator_all_new())) {
    return CLI_FAILURE;
  }
#define ROW "%-40.40s %-12.12s %-9.9s %-8.8s %-9.9s %-6.6s %s\n"
  ast_cli(args->fd, ROW, "Channel", "Profile", "Listening", "Verdict", "Action", "Shadow", "Cause");
  for (; (chan = ast_channel_iterator_next(iterator)); ast_channel_unref(chan)) {
    callprint_decision decision = {.size = sizeof(decision)};
    char text[DECISION_TEXT];
    struct call *call = call_poll(chan, &decision, text, sizeof(text));

    if (call) {
      ast_cli(args->fd, ROW, ast_channel_name(chan), call->profile ? call->profile->name : "-",
              call->analysis ? "yes" : "no", callprint_verdict_name(decision.verdict),
              action_name(decision.action), decision.shadow ? "yes" : "no", S_OR(decision.cause, ""));
      ao2_ref(call, -1);
      ++count;
    }
  }
#undef ROW
  ast_channel_iterator_destroy(iterator);
  ast_cli(args->fd, "%d channels, %d listened to\n", count, call_count());
  return CLI_SUCCESS;
}

static char *show_call(struct ast_cli_entry *entry, int command, struct ast_cli_args *args) {
  callprint_decision decision = {.size = sizeof(decision)};
  char text[DECISION_TEXT];
  struct ast_channel *chan;
  struct ast_json *record;
  struct call *call;

  if (command == CLI_GENERATE && args->pos == 3) {
    return ast_complete_channels(args->line, args->word, args->pos, args->n, 3);
  }
  COMMAND("callprint show call", " <channel>", 4,
          "What was decided about a channel, and on what evidence.");
  if (!(chan = ast_channel_get_by_name(args->argv[3]))) {
    ast_cli(args->fd, "There is no channel '%s'.\n", args->argv[3]);
    return CLI_FAILURE;
  }
  if (!(call = call_poll(chan, &decision, text, sizeof(text)))) {
    ast_cli(args->fd, "%s is not listened to.\n", ast_channel_name(chan));
  } else {
    ast_cli(args->fd, "profile: %s\nlistening: %s\nverdict: %s\ncause: %s\n",
            call->profile ? call->profile->name : "-", call->analysis ? "yes" : "no",
            callprint_verdict_name(decision.verdict), S_OR(decision.cause, ""));
    if (!ast_strlen_zero(decision.json) && (record = ast_json_load_string(decision.json, NULL))) {
      print_json(args->fd, "record", record, 0);
      ast_json_unref(record);
    }
    ao2_ref(call, -1);
  }
  ast_channel_unref(chan);
  return CLI_SUCCESS;
}

static char *selftest(struct ast_cli_entry *entry, int command, struct ast_cli_args *args) {
  char report[1024];

  COMMAND("callprint selftest", "", 2, "Plays a bundled clip through the whole path; takes some 3 s.");
  if (!host_get()) {
    ast_cli(args->fd, "FAIL: %s", no_host);
    return CLI_FAILURE;
  }
  callprint_host_selftest(host_get(), report, sizeof(report));
  ast_cli(args->fd, "%s\n", report);
  return CLI_SUCCESS;
}

static char *reload(struct ast_cli_entry *entry, int command, struct ast_cli_args *args) {
  COMMAND("callprint reload", "", 2, "Reads callprint.conf, the rules and the analyzer again; what is bad is refused.");
  if (settings_load()) {
    ast_cli(args->fd, "Refused; what was in force stays. The log says why.\n");
    return CLI_FAILURE;
  }
  ast_cli(args->fd, "Reloaded.\n");
  return CLI_SUCCESS;
}

static struct ast_cli_entry entries[] = {
    AST_CLI_DEFINE(show_status, "Show callprint's state"),
    AST_CLI_DEFINE(show_packs, "Show callprint's packs"),
    AST_CLI_DEFINE(show_calls, "Show the channels that callprint listens to"),
    AST_CLI_DEFINE(show_call, "Show what callprint decided about a channel"),
    AST_CLI_DEFINE(selftest, "Play a clip through callprint"),
    AST_CLI_DEFINE(reload, "Read callprint's settings, rules and analyzer again"),
};

int cli_init(void) { return ast_cli_register_multiple(entries, ARRAY_LEN(entries)); }

void cli_destroy(void) { ast_cli_unregister_multiple(entries, ARRAY_LEN(entries)); }
