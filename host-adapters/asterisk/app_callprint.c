/*
 * callprint for Asterisk: the dialplan's function CALLPRINT() and application Callprint().
 *
 * The module is under the MIT licence, which goes with Asterisk's GPLv2; hence ASTERISK_GPL_KEY.
 */
#include "adapter.h"

#include <ctype.h>

#include "asterisk/app.h"
#include "asterisk/ast_version.h"
#include "asterisk/astobj2.h"
#include "asterisk/options.h"
#include "asterisk/pbx.h"

/*** DOCUMENTATION
	<application name="Callprint" language="en_US">
		<synopsis>
			Wait until it is known who or what is on the line.
		</synopsis>
		<syntax>
			<parameter name="timeout">
				<para>Seconds to wait at most, decimals allowed. Without it the profile's
				<literal>limit</literal> holds, or 30 seconds.</para>
			</parameter>
			<parameter name="options">
				<optionlist>
					<option name="a">
						<para>Also set <variable>AMDSTATUS</variable> and <variable>AMDCAUSE</variable>,
						as AMD() does.</para>
					</option>
					<option name="b">
						<para>Wait for the beep: a machine's greeting, or not knowing yet, is no reason to
						return.</para>
					</option>
					<option name="p">
						<argument name="profile" required="true" />
						<para>The profile of <filename>callprint.conf</filename> to listen by. Without it
						<literal>outbound</literal> on channels that Asterisk placed,
						<literal>inbound</literal> on others.</para>
					</option>
				</optionlist>
			</parameter>
		</syntax>
		<description>
			<para>Takes the place of AMD(). Listens to the channel until something is decided, then lets
			the dialplan go on. An analysis that <replaceable>CALLPRINT(start)</replaceable> began goes on
			after it; one that the application began ends with it. Where a rule takes the channel
			elsewhere, the application waits for that. It answers nothing: Answer() first.</para>
			<variablelist>
				<variable name="CALLPRINTSTATUS">
					<value name="ROBOT">A known script, or what the rules take for one.</value>
					<value name="HUMAN">A person.</value>
					<value name="MACHINE">A voice mailbox, an announcement, an IVR.</value>
					<value name="BEEP">The beep has ended: speak now.</value>
					<value name="FAX">A fax machine or modem.</value>
					<value name="TONE">A call-progress tone, as busy.</value>
					<value name="UNSURE">It could not be told in time.</value>
					<value name="NOTREADY">The call is not analysed.</value>
				</variable>
				<variable name="CALLPRINTCAUSE">
					<para>Why, an upper-case name and its numbers, as
					<literal>SCRIPT-1830-9990</literal>, <literal>TIMEOUT-4000</literal> (ms waited),
					<literal>HANGUP-1200</literal> (ms until the caller was gone).</para>
				</variable>
				<variable name="AMDSTATUS">
					<para>With option <literal>a</literal>.</para>
					<value name="HUMAN" />
					<value name="MACHINE" />
					<value name="NOTSURE" />
					<value name="HANGUP" />
				</variable>
				<variable name="AMDCAUSE">
					<para>With option <literal>a</literal>: as <variable>CALLPRINTCAUSE</variable>.</para>
				</variable>
			</variablelist>
		</description>
		<see-also>
			<ref type="function">CALLPRINT</ref>
			<ref type="application">CallprintDecoy</ref>
			<ref type="application">AMD</ref>
		</see-also>
	</application>
	<application name="CallprintDecoy" language="en_US">
		<synopsis>
			Sound like a number that is not in service, and clear.
		</synopsis>
		<syntax>
			<parameter name="announcement">
				<para>Sound file. Without it the profile's <literal>announcement</literal>, or
				<literal>ss-noservice</literal>.</para>
			</parameter>
			<parameter name="cause">
				<para>Q.850 cause to clear with. Without it the rule's, or 1, unallocated number.</para>
			</parameter>
		</syntax>
		<description>
			<para>Plays a special information tone and an announcement, in early media where the channel was not
			answered, and hangs up. It is where a rule's action <literal>decoy</literal> sends a
			channel.</para>
		</description>
		<see-also>
			<ref type="application">Callprint</ref>
			<ref type="application">Zapateller</ref>
		</see-also>
	</application>
	<function name="CALLPRINT" language="en_US">
		<synopsis>
			Listen to the channel in the background, and read what was found.
		</synopsis>
		<syntax>
			<parameter name="item" required="true">
				<para>To set, with no value:</para>
				<enumlist>
					<enum name="start"><para>Begin to listen. Where the channel is listened to already, that goes on as it
					is.</para></enum>
					<enum name="stop"><para>Listen no more. What was found can still be read.</para></enum>
				</enumlist>
				<para>To read:</para>
				<enumlist>
					<enum name="verdict"><para><literal>PENDING</literal>, or as CALLPRINTSTATUS.</para></enum>
					<enum name="cause"><para>Why, with numbers.</para></enum>
					<enum name="confidence"><para>0 to 1.</para></enum>
					<enum name="script"><para>Id of the known script.</para></enum>
					<enum name="pack"><para>The pack that it came from.</para></enum>
					<enum name="category"><para>Its category.</para></enum>
					<enum name="rule"><para>Name of the rule that decided.</para></enum>
					<enum name="action"><para><literal>none</literal>, <literal>tag</literal>,
					<literal>hangup</literal>, <literal>transfer</literal> or
					<literal>decoy</literal>.</para></enum>
					<enum name="shadow"><para>1 where the action is recorded only, 0 where it is carried
					out.</para></enum>
					<enum name="known_ms"><para>Milliseconds of audio that it took.</para></enum>
					<enum name="profile"><para>The profile listened by.</para></enum>
					<enum name="listening"><para>1 while the channel is listened to, 0 afterwards.</para></enum>
					<enum name="json"><para>The whole record.</para></enum>
				</enumlist>
				<para>All of these are empty on a channel that was never listened to.</para>
			</parameter>
			<parameter name="profile">
				<para>With <literal>start</literal>: the profile of <filename>callprint.conf</filename>.
				Without it <literal>outbound</literal> on channels that Asterisk placed,
				<literal>inbound</literal> on others.</para>
			</parameter>
		</syntax>
		<description>
			<para>What the channel receives is judged; what it is sent is listened to as well, to tell who
			talks through whom. A decision raises an event <literal>CallprintVerdict</literal> in AMI and ARI,
			sets the variables CALLPRINT_VERDICT, CALLPRINT_CAUSE, CALLPRINT_RULE, CALLPRINT_SCRIPT,
			CALLPRINT_ACTION and CALLPRINT_SHADOW, and does what its rule says, at any time in the call.</para>
			<example title="Screen a call for four seconds, and go on listening">
				same => n,Answer()
				same => n,Set(CALLPRINT(start)=)
				same => n,Callprint(4)
				same => n,Dial(PJSIP/alice)
			</example>
		</description>
		<see-also>
			<ref type="application">Callprint</ref>
		</see-also>
	</function>
	<configInfo name="app_callprint" language="en_US">
		<synopsis>Recognition of scripts, tones and machines on the line.</synopsis>
		<configFile name="callprint.conf">
			<configObject name="general">
				<synopsis>The analyzer and how it runs.</synopsis>
				<description><para>All but <literal>analyzer</literal> take effect when Asterisk restarts.</para></description>
				<configOption name="analyzer" default="/var/lib/callprint/analyzer.cwasm">
					<synopsis>The file that 'callprint bake' wrote; only root or Asterisk's user may be able to write it.</synopsis>
				</configOption>
				<configOption name="packs">
					<synopsis>Folder of packs: watched, and baked into the analyzer when it changes.</synopsis>
				</configOption>
				<configOption name="command">
					<synopsis>The command callprint, which bakes. By default found on PATH.</synopsis>
				</configOption>
				<configOption name="evidence_log">
					<synopsis>File for one JSON line per decision.</synopsis>
				</configOption>
				<configOption name="numbers">
					<synopsis>Telephone numbers in that log: clear, hashed or omitted.</synopsis>
				</configOption>
				<configOption name="metrics">
					<synopsis>Where to offer metrics to Prometheus: 127.0.0.1:9184, or a file's path.</synopsis>
				</configOption>
				<configOption name="workers" default="0">
					<synopsis>Analysing threads. 0: half of the processors.</synopsis>
				</configOption>
				<configOption name="calls_max" default="0">
					<synopsis>Calls analysed at a time, at most; more go on unanalysed. 0: 4096.</synopsis>
				</configOption>
				<configOption name="batch_ms" default="0">
					<synopsis>Milliseconds of audio analysed at a time, 20 to 500. 0: 100.</synopsis>
				</configOption>
				<configOption name="cohort" default="0">
					<synopsis>Calls that share a sandbox instance; 1 is strictest. 0: what measured best.</synopsis>
				</configOption>
			</configObject>
			<configObject name="profile">
				<synopsis>How some calls are listened to.</synopsis>
				<configOption name="rules">
					<synopsis>File of rules; a relative path begins at Asterisk's configuration folder.</synopsis>
					<description><para>Without it the rules of [inbound] or [outbound] hold, by the direction of the
					call; and where those give none either, built-in ones, which only tag.</para></description>
				</configOption>
				<configOption name="direction" default="auto">
					<synopsis>Who placed these calls: inbound (the other party), outbound (we did), auto (as the channel says).</synopsis>
				</configOption>
				<configOption name="limit" default="0">
					<synopsis>Seconds after which UNSURE is decided if nothing else was. 0: as the rules say.</synopsis>
				</configOption>
				<configOption name="near" default="yes">
					<synopsis>Also listen to what is sent to the channel.</synopsis>
				</configOption>
				<configOption name="announcement">
					<synopsis>Sound file of a decoy. By default ss-noservice.</synopsis>
				</configOption>
				<configOption name="finding_events" default="no">
					<synopsis>Raise an event CallprintFinding for everything that is heard, not only for decisions.</synopsis>
				</configOption>
			</configObject>
		</configFile>
	</configInfo>
 ***/

/* The major version of the Asterisk that this is compiled for: its installed headers do not tell. */
#ifndef ASTERISK_MAJOR
#error "compile with -DASTERISK_MAJOR=<the major version of the Asterisk whose headers these are>"
#endif

/* How long Callprint() waits where nothing says otherwise. */
#define WAIT_DEFAULT_MS 30000
/* Between looks at the clock where no frame comes. */
#define LOOK_MS 100
/* Beyond the time limit: libcallprint counts audio, and its UNSURE knows more than ours. */
#define GRACE_MS 250
/* For an action to take a channel away; it takes milliseconds, or is impossible. */
#define DIVERT_MS 2000

enum { OPTION_AMD = (1 << 0), OPTION_BEEP = (1 << 1), OPTION_PROFILE = (1 << 2) };
enum { ARGUMENT_PROFILE, ARGUMENTS };

AST_APP_OPTIONS(application_options, {
  AST_APP_OPTION('a', OPTION_AMD),
  AST_APP_OPTION('b', OPTION_BEEP),
  AST_APP_OPTION_ARG('p', OPTION_PROFILE, ARGUMENT_PROFILE),
});

/* ------------------------------------------------------------------ application */

static int settled(callprint_verdict verdict, int for_beep) {
  switch (verdict) {
  case CALLPRINT_PENDING:
    return 0;
  case CALLPRINT_MACHINE:
  case CALLPRINT_UNSURE:
    return !for_beep;
  default:
    return 1;
  }
}

/* Serves the channel until something is decided or `wait_ms` have passed. 0, or -1: hung up, or taken
 * elsewhere. */
static int wait_for_decision(struct ast_channel *chan, int wait_ms, int for_beep) {
  struct timeval started = ast_tvnow();
  struct ast_frame *frame;
  int ready, verdict;

  while ((verdict = call_verdict(chan)) >= 0 && !settled(verdict, for_beep) &&
         ast_tvdiff_ms(ast_tvnow(), started) < wait_ms) {
    if ((ready = ast_waitfor(chan, LOOK_MS)) < 0) {
      return -1;
    }
    if (ready > 0) {
      if (!(frame = ast_read(chan))) {
        return -1;
      }
      ast_frfree(frame);
    }
  }
  return 0;
}

static const char *amd_status(const char *status, int gone) {
  if (gone) {
    return "HANGUP";
  }
  if (!strcmp(status, "HUMAN")) {
    return "HUMAN";
  }
  return !strcmp(status, "UNSURE") || !strcmp(status, "NOTREADY") ? "NOTSURE" : "MACHINE";
}

static int callprint_exec(struct ast_channel *chan, const char *data) {
  char text[DECISION_TEXT], cause[32], rest;
  callprint_decision decision = {.size = sizeof(decision), .verdict = CALLPRINT_NOTREADY, .cause = "MEMORY"};
  struct ast_silence_generator *silence = NULL;
  struct ast_flags options = {0};
  char *option_arguments[ARGUMENTS] = {NULL};
  struct timeval began = ast_tvnow();
  const char *status;
  struct call *call;
  double timeout_s = 0;
  int gone, wait_ms, started;
  char *parse = ast_strdupa(S_OR(data, ""));
  AST_DECLARE_APP_ARGS(args, AST_APP_ARG(timeout); AST_APP_ARG(options););

  AST_STANDARD_APP_ARGS(args, parse);
  if (!ast_strlen_zero(args.timeout) &&
      (sscanf(args.timeout, "%30lf%c", &timeout_s, &rest) != 1 || !(timeout_s > 0 && timeout_s <= 3600))) {
    ast_log(LOG_WARNING, "Callprint: timeout '%s' must be 0.001 to 3600 seconds; waiting as without it\n",
            args.timeout);
    timeout_s = 0;
  }
  if (args.options && ast_app_parse_options(application_options, &options, option_arguments, args.options)) {
    ast_log(LOG_WARNING, "Callprint: options '%s' cannot be read; going on without\n", args.options);
  }

  wait_ms = timeout_s * 1000;
  started = call_start(chan, option_arguments[ARGUMENT_PROFILE], wait_ms);
  if (!wait_ms) {
    call = call_poll(chan, &decision, text, sizeof(text));
    wait_ms = call && call->profile && call->profile->limit_ms ? (int)call->profile->limit_ms : WAIT_DEFAULT_MS;
    ao2_cleanup(call);
  }
  if (ast_opt_transmit_silence) {
    silence = ast_channel_start_silence_generator(chan);
  }
  gone = wait_for_decision(chan, wait_ms + GRACE_MS, ast_test_flag(&options, OPTION_BEEP));
  if (silence) {
    ast_channel_stop_silence_generator(chan, silence);
  }

  call = call_poll(chan, &decision, text, sizeof(text));
  status = callprint_verdict_name(decision.verdict);
  ast_copy_string(cause, S_OR(decision.cause, ""), sizeof(cause));
  ao2_cleanup(call);
  if (decision.verdict == CALLPRINT_PENDING) {
    status = "UNSURE";
    snprintf(cause, sizeof(cause), "%s-%d", gone ? "HANGUP" : "TIMEOUT",
             gone ? (int)ast_tvdiff_ms(ast_tvnow(), began) : wait_ms);
  }
  pbx_builtin_setvar_helper(chan, "CALLPRINTSTATUS", status);
  pbx_builtin_setvar_helper(chan, "CALLPRINTCAUSE", cause);
  if (ast_test_flag(&options, OPTION_AMD)) {
    pbx_builtin_setvar_helper(chan, "AMDSTATUS", amd_status(status, gone && decision.verdict == CALLPRINT_PENDING));
    pbx_builtin_setvar_helper(chan, "AMDCAUSE", cause);
  }
  ast_verb(3, "%s: %s (%s)\n", ast_channel_name(chan), status, cause);

  /* The action comes from a thread of its own; the dialplan's next step must not be faster. */
  if (!gone && action_diverts(&decision)) {
    gone = ast_safe_sleep(chan, DIVERT_MS);
  }
  if (started > 0) {
    call_stop(chan);
  }
  return gone ? -1 : 0;
}

/* --------------------------------------------------------------------- function */

static int function_write(struct ast_channel *chan, const char *name, char *data, const char *value) {
  AST_DECLARE_APP_ARGS(args, AST_APP_ARG(item); AST_APP_ARG(profile););

  if (!chan) {
    ast_log(LOG_WARNING, "%s() needs a channel\n", name);
    return -1;
  }
  AST_STANDARD_APP_ARGS(args, data);
  if (!ast_strlen_zero(value)) {
    ast_log(LOG_WARNING, "Set(%s(%s)=%s): there is nothing to set it to; write Set(%s(%s)=)\n", name,
            S_OR(args.item, ""), value, name, S_OR(args.item, ""));
    return -1;
  }
  if (!strcasecmp(S_OR(args.item, ""), "start")) {
    int started = call_start(chan, args.profile, 0);

    if (!started) {
      ast_verb(3, "%s is listened to already\n", ast_channel_name(chan));
    }
    return started < 0 ? -1 : 0;
  }
  if (!strcasecmp(S_OR(args.item, ""), "stop")) {
    call_stop(chan);
    return 0;
  }
  ast_log(LOG_WARNING, "%s(%s) cannot be set: it is start or stop\n", name, S_OR(args.item, ""));
  return -1;
}

static int read_item(const struct call *call, const callprint_decision *decision, const char *item,
                     struct ast_str **out, ssize_t size) {
  const struct {
    const char *name;
    const char *value;
  } texts[] = {
      {"verdict", callprint_verdict_name(decision->verdict)},
      {"cause", decision->cause},
      {"script", decision->script},
      {"pack", decision->pack},
      {"category", decision->category},
      {"rule", decision->rule},
      {"action", action_name(decision->action)},
      {"shadow", decision->shadow ? "1" : "0"},
      {"profile", call->profile ? call->profile->name : ""},
      {"listening", call->analysis ? "1" : "0"},
      {"json", decision->json},
  };
  size_t i;

  for (i = 0; i < ARRAY_LEN(texts); ++i) {
    if (!strcasecmp(item, texts[i].name)) {
      ast_str_set(out, size, "%s", S_OR(texts[i].value, ""));
      return 0;
    }
  }
  if (!strcasecmp(item, "confidence")) {
    ast_str_set(out, size, "%.4f", decision->confidence);
  } else if (!strcasecmp(item, "known_ms")) {
    ast_str_set(out, size, "%.0f", decision->known_ms);
  } else {
    ast_log(LOG_WARNING, "CALLPRINT(%s) cannot be read; 'core show function CALLPRINT' says what can\n", item);
    return -1;
  }
  return 0;
}

static int function_read(struct ast_channel *chan, const char *name, char *data, struct ast_str **out,
                         ssize_t size) {
  char text[DECISION_TEXT];
  callprint_decision decision = {.size = sizeof(decision)};
  struct call *call;
  int result = 0;

  if (!chan) {
    ast_log(LOG_WARNING, "%s() needs a channel\n", name);
    return -1;
  }
  ast_str_reset(*out);
  if ((call = call_poll(chan, &decision, text, sizeof(text)))) {
    result = read_item(call, &decision, S_OR(data, ""), out, size);
    ao2_ref(call, -1);
  }
  return result;
}

static struct ast_custom_function function = {
    .name = "CALLPRINT",
    .read2 = function_read,
    .write = function_write,
};

/* --------------------------------------------------------------------- module */

/* AST_BUILDOPT_SUM is the same over many versions, whose structures are not. */
static int right_asterisk(void) {
  const char *version = ast_get_version();
  const char *digit = version;

  while (*digit && !isdigit(*digit)) {
    ++digit;
  }
  if (atoi(digit) == ASTERISK_MAJOR) {
    return 1;
  }
  ast_log(LOG_ERROR, "app_callprint was built for Asterisk %d and this is %s: build it against this one's headers\n",
          ASTERISK_MAJOR, version);
  return 0;
}

static int unload_module(void) {
  /* A module under live calls cannot be taken away; at the end of Asterisk there are none. */
  if (!ast_shutting_down()) {
    return -1;
  }
  cli_destroy();
  ast_custom_function_unregister(&function);
  ast_unregister_application("Callprint");
  ast_unregister_application("CallprintDecoy");
  host_close(); /* the last callbacks come before it returns */
  action_destroy();
  settings_destroy();
  return 0;
}

static int load_module(void) {
  if (!right_asterisk()) {
    return AST_MODULE_LOAD_DECLINE;
  }
  if (settings_init() || action_init()) {
    settings_destroy();
    return AST_MODULE_LOAD_DECLINE;
  }
  /* Without settings or analyzer the module is there all the same: a dialplan whose application is
   * missing hangs up, one whose application says NOTREADY goes on. */
  if (settings_load()) {
    ast_log(LOG_ERROR, "No call is listened to until callprint.conf is usable and 'callprint reload' succeeds\n");
  }
  ast_register_application_xml("Callprint", callprint_exec);
  ast_register_application_xml("CallprintDecoy", decoy_exec);
  ast_custom_function_register(&function);
  cli_init();
  ast_module_shutdown_ref(AST_MODULE_SELF);
  return AST_MODULE_LOAD_SUCCESS;
}

static int reload_module(void) { return settings_load() ? AST_MODULE_LOAD_DECLINE : AST_MODULE_LOAD_SUCCESS; }

AST_MODULE_INFO(ASTERISK_GPL_KEY, AST_MODFLAG_DEFAULT, "callprint: what is really on the line",
                .support_level = AST_MODULE_SUPPORT_EXTENDED,
                .load = load_module,
                .unload = unload_module,
                .reload = reload_module, );
