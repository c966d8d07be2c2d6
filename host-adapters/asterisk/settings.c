/*
 * callprint.conf, and the one callprint_host of this process that it describes.
 *
 * The host is opened once: there is no closing it under live calls. What it took at its opening
 * stays until Asterisk restarts; rules, profiles and the analyzer are read again by every reload.
 */
#include "adapter.h"

#include "asterisk/astobj2.h"
#include "asterisk/cli.h"
#include "asterisk/config_options.h"
#include "asterisk/options.h"
#include "asterisk/paths.h"

#define CONFIG_FILE "callprint.conf"

/* The name under which rules are tried before any are replaced. No profile can have it. */
#define TRIAL "?"

/* [general]. Stays as it is once made. */
struct general {
  char analyzer[PATH_MAX];
  char packs[PATH_MAX];
  char command[PATH_MAX];
  char evidence_log[PATH_MAX];
  char numbers[16];
  char metrics[PATH_MAX];
  unsigned int workers;
  unsigned int calls_max;
  unsigned int batch_ms;
  unsigned int cohort;
};

struct settings {
  struct general *general;
  struct ao2_container *profiles;
};

static callprint_host *host;
static struct general *opened; /* the settings that the host took */

callprint_host *host_get(void) { return __atomic_load_n(&host, __ATOMIC_ACQUIRE); }

/* ------------------------------------------------------------------ structures */

static void settings_destructor(void *object) {
  struct settings *settings = object;

  ao2_cleanup(settings->general);
  ao2_cleanup(settings->profiles);
}

static int profile_hash(const void *object, int flags) {
  return ast_str_case_hash(flags & OBJ_KEY ? object : ((const struct profile *)object)->name);
}

static int profile_compare(void *object, void *other, int flags) {
  const char *name = flags & OBJ_KEY ? other : ((struct profile *)other)->name;

  return strcasecmp(((struct profile *)object)->name, name) ? 0 : CMP_MATCH | CMP_STOP;
}

static void *profile_alloc(const char *name) {
  struct profile *profile = ao2_alloc(sizeof(*profile), NULL);

  if (profile) {
    ast_copy_string(profile->name, name, sizeof(profile->name));
  }
  return profile;
}

static void *profile_find(struct ao2_container *profiles, const char *name) {
  return ao2_find(profiles, name, OBJ_KEY);
}

static void *settings_alloc(void) {
  struct settings *settings = ao2_alloc(sizeof(*settings), settings_destructor);

  if (!settings) {
    return NULL;
  }
  settings->general = ao2_alloc(sizeof(*settings->general), NULL);
  settings->profiles = ao2_container_alloc_hash(AO2_ALLOC_OPT_LOCK_MUTEX, 0, 17, profile_hash, NULL,
                                                profile_compare);
  if (!settings->general || !settings->profiles) {
    ao2_ref(settings, -1);
    return NULL;
  }
  return settings;
}

static struct aco_type general_type = {
    .type = ACO_GLOBAL,
    .name = "general",
    .item_offset = offsetof(struct settings, general),
    .category = "^general$",
    .category_match = ACO_WHITELIST,
};

static struct aco_type profile_type = {
    .type = ACO_ITEM,
    .name = "profile",
    .category = "^general$",
    .category_match = ACO_BLACKLIST,
    .item_alloc = profile_alloc,
    .item_find = profile_find,
    .item_offset = offsetof(struct settings, profiles),
};

static struct aco_type *general_types[] = ACO_TYPES(&general_type);
static struct aco_type *profile_types[] = ACO_TYPES(&profile_type);

static struct aco_file config_file = {
    .filename = CONFIG_FILE,
    .types = ACO_TYPES(&general_type, &profile_type),
};

static AO2_GLOBAL_OBJ_STATIC(globals);
static int apply(void);

CONFIG_INFO_STANDARD(config_info, globals, settings_alloc, .files = ACO_FILES(&config_file),
                     .pre_apply_config = apply, );

/* ------------------------------------------------------------------------ options */

static int direction_handler(const struct aco_option *option, struct ast_variable *variable, void *object) {
  struct profile *profile = object;

  (void)option;
  if (!strcasecmp(variable->value, "auto")) {
    profile->direction = DIRECTION_AUTO;
  } else if (!strcasecmp(variable->value, "inbound")) {
    profile->direction = DIRECTION_INBOUND;
  } else if (!strcasecmp(variable->value, "outbound")) {
    profile->direction = DIRECTION_OUTBOUND;
  } else {
    ast_log(LOG_ERROR, "%s line %d: direction '%s' must be auto, inbound or outbound\n", CONFIG_FILE,
            variable->lineno, variable->value);
    return -1;
  }
  return 0;
}

static int limit_handler(const struct aco_option *option, struct ast_variable *variable, void *object) {
  struct profile *profile = object;
  double limit_s;
  char rest;

  (void)option;
  if (sscanf(variable->value, "%30lf%c", &limit_s, &rest) != 1 || limit_s < 0 || limit_s > 3600) {
    ast_log(LOG_ERROR, "%s line %d: limit '%s' must be 0 to 3600 seconds\n", CONFIG_FILE,
            variable->lineno, variable->value);
    return -1;
  }
  profile->limit_ms = limit_s * 1000;
  return 0;
}

int settings_init(void) {
  /* An Asterisk that was running when this was installed does not have its documentation. It reads that of
   * applications when asked to, that of settings only at its start, and refuses settings that have none. */
  if (ast_fully_booted) {
    ast_cli_command(-1, "xmldoc reload");
  }
  if (aco_info_init(&config_info)) {
    config_info.hidden = 1;
    if (aco_info_init(&config_info)) {
      return -1;
    }
    ast_log(LOG_NOTICE, "'config show help app_callprint' has to wait until Asterisk restarts; all else works\n");
  }
#define GENERAL_TEXT(field, standard)                                                                  \
  aco_option_register(&config_info, #field, ACO_EXACT, general_types, standard, OPT_CHAR_ARRAY_T, 0,   \
                      CHARFLDSET(struct general, field))
#define GENERAL_NUMBER(field, least, most)                                                             \
  aco_option_register(&config_info, #field, ACO_EXACT, general_types, "0", OPT_UINT_T, PARSE_IN_RANGE, \
                      FLDSET(struct general, field), least, most)
  GENERAL_TEXT(analyzer, "/var/lib/callprint/analyzer.cwasm");
  GENERAL_TEXT(packs, "");
  GENERAL_TEXT(command, "");
  GENERAL_TEXT(evidence_log, "");
  GENERAL_TEXT(numbers, "");
  GENERAL_TEXT(metrics, "");
  GENERAL_NUMBER(workers, 0, 1024);
  GENERAL_NUMBER(calls_max, 0, 1000000);
  GENERAL_NUMBER(batch_ms, 0, 500);
  GENERAL_NUMBER(cohort, 0, 1024);
#undef GENERAL_TEXT
#undef GENERAL_NUMBER
  aco_option_register(&config_info, "rules", ACO_EXACT, profile_types, "", OPT_CHAR_ARRAY_T, 0,
                      CHARFLDSET(struct profile, rules));
  aco_option_register(&config_info, "announcement", ACO_EXACT, profile_types, "", OPT_CHAR_ARRAY_T, 0,
                      CHARFLDSET(struct profile, announcement));
  aco_option_register(&config_info, "near", ACO_EXACT, profile_types, "yes", OPT_YESNO_T, 1,
                      FLDSET(struct profile, near));
  aco_option_register(&config_info, "finding_events", ACO_EXACT, profile_types, "no", OPT_YESNO_T, 1,
                      FLDSET(struct profile, finding_events));
  aco_option_register_custom(&config_info, "direction", ACO_EXACT, profile_types, "auto",
                             direction_handler, 0);
  aco_option_register_custom(&config_info, "limit", ACO_EXACT, profile_types, "0", limit_handler, 0);
  return 0;
}

void settings_destroy(void) {
  aco_info_destroy(&config_info);
  ao2_global_obj_release(globals);
  ao2_cleanup(opened);
  opened = NULL;
}

/* --------------------------------------------------------------------------- host */

/* [any thread of libcallprint but a media thread] */
static void log_message(void *user, callprint_level level, const char *message) {
  (void)user;
  switch (level) {
  case CALLPRINT_LOG_ERROR:
    ast_log(LOG_ERROR, "%s\n", message);
    break;
  case CALLPRINT_LOG_WARNING:
    ast_log(LOG_WARNING, "%s\n", message);
    break;
  case CALLPRINT_LOG_NOTICE:
    ast_log(LOG_NOTICE, "%s\n", message);
    break;
  case CALLPRINT_LOG_DEBUG:
    ast_debug(1, "%s\n", message);
    break;
  }
}

static int host_open(struct general *general) {
  callprint_host_config config = {
      .size = sizeof(config),
      .analyzer = general->analyzer,
      .packs = S_OR(general->packs, NULL),
      .command = S_OR(general->command, NULL),
      .evidence_log = S_OR(general->evidence_log, NULL),
      .numbers = S_OR(general->numbers, NULL),
      .metrics = S_OR(general->metrics, NULL),
      .workers = general->workers,
      .calls_max = general->calls_max,
      .batch_ms = general->batch_ms,
      .cohort = general->cohort,
      .log = log_message,
  };
  callprint_host *fresh;
  char error[1024];

  if (callprint_abi() != CALLPRINT_ABI) {
    ast_log(LOG_ERROR, "libcallprint %s has interface %u, this module was built for %d: install the two together\n",
            callprint_version(), callprint_abi(), CALLPRINT_ABI);
    return -1;
  }
  if (callprint_host_open(&config, &fresh, error, sizeof(error)) != CALLPRINT_OK) {
    ast_log(LOG_ERROR, "callprint listens to no call until 'callprint reload' succeeds: %s\n", error);
    return -1;
  }
  opened = ao2_bump(general);
  __atomic_store_n(&host, fresh, __ATOMIC_RELEASE);
  return 0;
}

void host_close(void) {
  callprint_host *old = host_get();

  if (call_count()) {
    ast_log(LOG_NOTICE, "%d calls still live: callprint's threads end with the process\n", call_count());
    return;
  }
  __atomic_store_n(&host, NULL, __ATOMIC_RELEASE);
  if (old) {
    callprint_host_close(old);
  }
}

static void warn_if_fixed(const struct general *general) {
  if (strcmp(general->packs, opened->packs) || strcmp(general->command, opened->command) ||
      strcmp(general->evidence_log, opened->evidence_log) || strcmp(general->numbers, opened->numbers) ||
      strcmp(general->metrics, opened->metrics) || general->workers != opened->workers ||
      general->calls_max != opened->calls_max || general->batch_ms != opened->batch_ms ||
      general->cohort != opened->cohort) {
    ast_log(LOG_WARNING, "Of [general] only 'analyzer' takes effect now, the rest when Asterisk restarts\n");
  }
}

/* ------------------------------------------------------------------------ applying */

static const char *rules_path(const struct profile *profile, char *path, size_t size) {
  if (profile->rules[0] == '/') {
    ast_copy_string(path, profile->rules, size);
  } else {
    snprintf(path, size, "%s/%s", ast_config_AST_CONFIG_DIR, profile->rules);
  }
  return path;
}

/* Gives every profile's rules to the host under `name`, or NULL: under the profile's own. */
static int give_rules(struct settings *settings, const char *name) {
  char path[PATH_MAX * 2], error[1024];
  struct ao2_iterator iterator = ao2_iterator_init(settings->profiles, 0);
  struct profile *profile;
  int result = 0;

  while (!result && (profile = ao2_iterator_next(&iterator))) {
    if (profile->rules[0] &&
        callprint_host_rules(host_get(), S_OR(name, profile->name), rules_path(profile, path, sizeof(path)),
                             error, sizeof(error)) != CALLPRINT_OK) {
      ast_log(LOG_ERROR, "%s: rules of [%s]: %s\n", CONFIG_FILE, profile->name, error);
      result = -1;
    }
    ao2_ref(profile, -1);
  }
  ao2_iterator_destroy(&iterator);
  return result;
}

/* A profile's rules that are given no longer must not stay in force under its name. */
static void forget_rules(struct settings *settings, const char *name) {
  struct profile *profile = profile_find(settings->profiles, name);
  char error[256];

  if (!profile || !profile->rules[0]) {
    callprint_host_rules(host_get(), name, NULL, error, sizeof(error));
  }
  ao2_cleanup(profile);
}

/* All or nothing: rules are tried first, then the analyzer is exchanged, which can fail too, and what
 * remains has been seen to succeed. */
static int apply(void) {
  struct settings *settings = aco_pending_config(&config_info);
  int fresh = !host_get();
  char error[1024];

  if ((fresh && host_open(settings->general)) || give_rules(settings, TRIAL)) {
    return -1;
  }
  if (!fresh) {
    warn_if_fixed(settings->general);
    if (callprint_host_reload(host_get(), settings->general->analyzer, error, sizeof(error)) !=
        CALLPRINT_OK) {
      ast_log(LOG_ERROR, "%s: the analyzer in force stays: %s\n", CONFIG_FILE, error);
      return -1;
    }
  }
  forget_rules(settings, "inbound");
  forget_rules(settings, "outbound");
  return give_rules(settings, NULL);
}

int settings_load(void) {
  /* As if for the first time: the file may be as it was, and what it names may not. */
  return aco_process_config(&config_info, 0) == ACO_PROCESS_OK ? 0 : -1;
}

struct profile *profile_get(const char *name) {
  struct settings *settings = ao2_global_obj_ref(globals);
  struct profile *profile = NULL;

  if (settings && !(profile = profile_find(settings->profiles, name)) &&
      (!strcasecmp(name, "inbound") || !strcasecmp(name, "outbound"))) {
    profile = profile_alloc(name);
    if (profile && aco_set_defaults(&profile_type, name, profile)) {
      ao2_replace(profile, NULL);
    }
  }
  ao2_cleanup(settings);
  return profile;
}
