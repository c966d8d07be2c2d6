/*
 * callprint.conf.xml: how the host runs, and the profiles of calls.
 */
#include "module.h"

#define CONFIG_FILE "callprint.conf"

static struct {
  char *analyzer, *packs, *command, *evidence_log, *numbers, *metrics;
  int workers, calls_max, batch_ms, cohort;
} settings;

static switch_xml_config_int_options_t
    workers_range = {SWITCH_TRUE, 0, SWITCH_TRUE, 256},
    calls_range = {SWITCH_TRUE, 0, SWITCH_TRUE, 100000},
    batch_range = {SWITCH_TRUE, 0, SWITCH_TRUE, 500},
    cohort_range = {SWITCH_TRUE, 0, SWITCH_TRUE, 1024};

#define TEXT(key, field, flags, syntax, help) \
  SWITCH_CONFIG_ITEM_STRING_STRDUP(key, flags, &settings.field, NULL, syntax, help)
#define NUMBER(key, field, range, syntax, help) \
  SWITCH_CONFIG_ITEM(key, SWITCH_CONFIG_INT, 0, &settings.field, 0, &range, syntax, help)

static switch_xml_config_item_t instructions[] = {
    TEXT("analyzer", analyzer, CONFIG_RELOADABLE | CONFIG_REQUIRED, "path", "What callprint bake wrote"),
    TEXT("packs", packs, 0, "folder", "Packs that are watched and baked into the analyzer"),
    TEXT("command", command, 0, "path", "The callprint command; found on PATH if not given"),
    TEXT("evidence-log", evidence_log, 0, "path", "JSON lines, one for each decision"),
    TEXT("numbers", numbers, 0, "clear|hashed|omitted", "Telephone numbers in that log"),
    TEXT("metrics", metrics, 0, "address:port or path", "Where Prometheus reads"),
    NUMBER("workers", workers, workers_range, "0 to 256", "Analysing threads; 0: half of the processors"),
    NUMBER("calls-max", calls_max, calls_range, "0 to 100000", "Live calls at most; 0: 4096"),
    NUMBER("batch-ms", batch_ms, batch_range, "0 to 500", "Audio analysed at a time; 0: 100"),
    NUMBER("cohort", cohort, cohort_range, "0 to 1024", "Calls that share a sandbox; 1: strictest"),
    SWITCH_CONFIG_ITEM_END()};

static int read_profile(switch_xml_t xml, struct profile *profile, char *error, size_t error_size) {
  if (profile_init(profile, switch_xml_attr(xml, "name"), error, error_size)) return -1;
  for (switch_xml_t p = switch_xml_child(xml, "param"); p; p = p->next)
    if (profile_set(profile, switch_xml_attr_soft(p, "name"), switch_xml_attr_soft(p, "value"),
                    error, error_size))
      return -1;
  return 0;
}

static int default_profiles(struct profile *profiles) {
  profile_init(&profiles[0], "inbound", NULL, 0);
  profile_init(&profiles[1], "outbound", NULL, 0);
  return 2;
}

/* The profiles of the configuration, with those that are always there; -1 if one is not as it
 * must be. */
static int read_profiles(struct profile *profiles, char *error, size_t error_size) {
  switch_xml_t found = NULL, xml = switch_xml_open_cfg(CONFIG_FILE, &found, NULL);
  int count = default_profiles(profiles);
  struct profile profile;

  if (!xml) {
    snprintf(error, error_size, "there is no " CONFIG_FILE " in the switch's configuration");
    return -1;
  }
  for (switch_xml_t p = switch_xml_child(switch_xml_child(found, "profiles"), "profile"); p; p = p->next) {
    int at = 0;
    if (read_profile(p, &profile, error, error_size)) {
      count = -1;
      break;
    }
    while (at < count && strcmp(profiles[at].name, profile.name)) at++;
    if (at == PROFILES_MAX) {
      snprintf(error, error_size, "there are more than %d profiles", PROFILES_MAX);
      count = -1;
      break;
    }
    profiles[at] = profile;
    if (at == count) count++;
  }
  switch_xml_free(xml);
  return count;
}

static void on_log(void *user, callprint_level level, const char *message) {
  static const switch_log_level_t levels[] = {SWITCH_LOG_ERROR, SWITCH_LOG_WARNING,
                                              SWITCH_LOG_NOTICE, SWITCH_LOG_DEBUG};
  (void)user;
  if (!atomic_load(&module.closing))
    switch_log_printf(SWITCH_CHANNEL_LOG, levels[level & 3], "callprint: %s\n", message);
}

static callprint_status open_host(char *error, size_t error_size) {
  callprint_host_config config = {.size = sizeof(config),
                                  .analyzer = settings.analyzer,
                                  .packs = settings.packs,
                                  .command = settings.command,
                                  .evidence_log = settings.evidence_log,
                                  .numbers = settings.numbers,
                                  .metrics = settings.metrics,
                                  .workers = (uint32_t)settings.workers,
                                  .calls_max = (uint32_t)settings.calls_max,
                                  .batch_ms = (uint32_t)settings.batch_ms,
                                  .cohort = (uint32_t)settings.cohort,
                                  .log = on_log};
  callprint_host *host;
  callprint_status status = callprint_host_open(&config, &host, error, error_size);

  if (status == CALLPRINT_OK) atomic_store(&module.host, host);
  return status;
}

/* Reads the rules of all profiles, under a name that none can have or under theirs. */
static int read_rules(const struct profile *profiles, int count, int trial, char *error,
                      size_t error_size) {
  for (int i = 0; i < count; i++)
    if (*profiles[i].rules &&
        callprint_host_rules(module.host, trial ? "$" : profiles[i].name, profiles[i].rules, error,
                             error_size) != CALLPRINT_OK)
      return -1;
  return 0;
}

static char in_force[PROFILE_PATH_SIZE]; /* the analyzer that the host has taken */

/* Opens the host, or has it take the analyzer that is named now. */
static int take_analyzer(int again, char *error, size_t error_size) {
  if (module.host && !again && !strcmp(in_force, settings.analyzer)) return 0;
  if (module.host ? callprint_host_reload(module.host, settings.analyzer, error, error_size)
                  : open_host(error, error_size))
    return -1;
  snprintf(in_force, sizeof(in_force), "%s", settings.analyzer);
  return 0;
}

int settings_read(int analyzer_too, char *error, size_t error_size) {
  struct profile *profiles = calloc(PROFILES_MAX, sizeof(*profiles));
  int count = -1, result = -1;

  switch_mutex_lock(module.configuring);
  if (!module.host) switch_xml_config_cleanup(instructions); /* nothing of an earlier try */
  if (switch_xml_config_parse_module_settings(CONFIG_FILE, module.host != NULL, instructions) !=
          SWITCH_STATUS_SUCCESS ||
      zstr(settings.analyzer)) {
    snprintf(error, error_size, CONFIG_FILE ".xml is missing, or names no analyzer");
  } else if (profiles && (count = read_profiles(profiles, error, error_size)) >= 0) {
    result = take_analyzer(analyzer_too, error, error_size);
  }
  if (!result && !(result = read_rules(profiles, count, 1, error, error_size))) {
    result = read_rules(profiles, count, 0, error, error_size);
    switch_mutex_lock(module.mutex);
    memcpy(module.profiles, profiles, sizeof(module.profiles));
    module.profile_count = count;
    switch_mutex_unlock(module.mutex);
  }
  switch_mutex_unlock(module.configuring);
  free(profiles);
  return result;
}

void settings_init(void) { module.profile_count = default_profiles(module.profiles); }
