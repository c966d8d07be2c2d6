#include "adapter.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Frames of the two sides come by clocks and jitter of their own: a difference
 * up to this is no loss. Five frames of 20 ms. */
#define SIDES_APART_NS 100000000u

/* Longest audio that is analysed before UNSURE, in ms: an hour. */
#define LIMIT_MAX_MS 3600000u

/* Special information tones of a vacant code (Telcordia GR-674: long, short,
 * long), as mod_tone_stream writes them, at the -12 dBm0 or so of other tones. */
#define DECOY_TONES "tone_stream://v=-13;%%(380,0,985.2);%%(274,0,1370.6);%%(380,0,1776.7)"

/* ----------------------------------------------------------------- profile */

int profile_init(struct profile *profile, const char *name, char *error, size_t error_size) {
  size_t length = name ? strlen(name) : 0;

  if (length == 0 || length >= sizeof(profile->name) || strpbrk(name, " \t,'\"$")) {
    snprintf(error, error_size,
             "profile \"%s\": a name has 1 to %zu characters, none of them a blank, comma, quote or $",
             name ? name : "", sizeof(profile->name) - 1);
    return -1;
  }
  memset(profile, 0, sizeof(*profile));
  memcpy(profile->name, name, length + 1);
  strcpy(profile->dialplan, "XML");
  profile->near = 1;
  return 0;
}

static int parse_flag(const char *value, int *flag) {
  static const char *const words[2][4] = {{"false", "no", "off", "0"}, {"true", "yes", "on", "1"}};

  for (int v = 0; v < 2; v++)
    for (int w = 0; w < 4; w++)
      if (!strcasecmp(value, words[v][w])) {
        *flag = v;
        return 0;
      }
  return -1;
}

static int parse_direction(const char *value, struct profile *profile) {
  if (!strcmp(value, "auto")) {
    profile->direction = DIRECTION_AUTO;
  } else if (!strcmp(value, "inbound")) {
    profile->direction = DIRECTION_INBOUND;
  } else if (!strcmp(value, "outbound")) {
    profile->direction = DIRECTION_OUTBOUND;
  } else {
    return -1;
  }
  return 0;
}

static int parse_text(const char *value, char *text, size_t text_size) {
  if (strlen(value) >= text_size) return -1;
  strcpy(text, value);
  return 0;
}

static int parse_limit(const char *value, uint32_t *limit_ms) {
  char *end;
  unsigned long number;

  errno = 0;
  number = strtoul(value, &end, 10);
  if (!isdigit((unsigned char)*value) || *end || errno || number > LIMIT_MAX_MS) return -1;
  *limit_ms = (uint32_t)number;
  return 0;
}

int profile_set(struct profile *profile, const char *param, const char *value, char *error,
                size_t error_size) {
  const char *may = "true or false";
  int result;

  if (!strcmp(param, "rules")) {
    may = "the path of a JSON file";
    result = parse_text(value, profile->rules, sizeof(profile->rules));
  } else if (!strcmp(param, "announcement")) {
    may = "a sound file, in a path without ^";
    result = strchr(value, '^') ? -1
                                : parse_text(value, profile->announcement,
                                             sizeof(profile->announcement));
  } else if (!strcmp(param, "dialplan")) {
    may = "the name of a dialplan, as XML";
    result = *value ? parse_text(value, profile->dialplan, sizeof(profile->dialplan)) : -1;
  } else if (!strcmp(param, "direction")) {
    may = "auto, inbound or outbound";
    result = parse_direction(value, profile);
  } else if (!strcmp(param, "limit-ms")) {
    may = "a number from 0 (as the rules say) to 3600000";
    result = parse_limit(value, &profile->limit_ms);
  } else if (!strcmp(param, "near")) {
    result = parse_flag(value, &profile->near);
  } else if (!strcmp(param, "early-media")) {
    result = parse_flag(value, &profile->early_media);
  } else if (!strcmp(param, "avmd-compatible")) {
    result = parse_flag(value, &profile->avmd);
  } else {
    snprintf(error, error_size,
             "profile \"%s\": there is no parameter \"%s\"; there are rules, direction, near, early-media, "
             "limit-ms, dialplan, announcement, avmd-compatible",
             profile->name, param);
    return -1;
  }
  if (result)
    snprintf(error, error_size, "profile \"%s\": %s is \"%s\" but must be %s", profile->name, param,
             value, may);
  return result;
}

/* -------------------------------------------------------------------- feed */

static int is_comfort_noise(const int16_t *samples, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (samples[i] != -1) return 0;
  return 1;
}

static void mix_down(int16_t *samples, size_t frames, uint32_t channels) {
  for (size_t i = 0; i < frames; i++) {
    int32_t sum = 0;
    for (uint32_t c = 0; c < channels; c++) sum += samples[i * channels + c];
    samples[i] = (int16_t)(sum / (int32_t)channels);
  }
}

static uint64_t duration_ns(uint64_t samples, uint32_t rate_hz) {
  return samples * 1000000000u / rate_hz;
}

/* Whether the near side's next frame is to be heard; brings its clock up to the
 * far side's where it fell behind. */
static int in_step(struct feed *feed, uint32_t rate_hz) {
  uint64_t far = atomic_load_explicit(&feed->ns[CALLPRINT_FAR], memory_order_relaxed);
  uint64_t near = atomic_load_explicit(&feed->ns[CALLPRINT_NEAR], memory_order_relaxed);

  if (near > far + SIDES_APART_NS) return 0;
  if (far > near + SIDES_APART_NS) {
    uint64_t lost = (far - near) / 1000 * rate_hz / 1000000;
    callprint_call_skip(feed->call, CALLPRINT_NEAR, rate_hz, lost);
    atomic_store_explicit(&feed->ns[CALLPRINT_NEAR], near + duration_ns(lost, rate_hz),
                          memory_order_relaxed);
  }
  return 1;
}

void feed_push(struct feed *feed, callprint_side side, uint32_t rate_hz, uint32_t channels,
               int16_t *samples, size_t frames) {
  if (!rate_hz || !channels || !frames) return;
  if (side == CALLPRINT_NEAR && !in_step(feed, rate_hz)) return;
  if (is_comfort_noise(samples, frames * channels)) {
    callprint_call_skip(feed->call, side, rate_hz, frames);
  } else {
    if (channels > 1) mix_down(samples, frames, channels);
    callprint_call_push(feed->call, side, rate_hz, samples, frames);
  }
  atomic_fetch_add_explicit(&feed->ns[side], duration_ns(frames, rate_hz), memory_order_relaxed);
}

/* --------------------------------------------------------------- decisions */

/* A block that begins with the first `size` bytes of a struct and goes on with
 * its strings, to which the struct's pointers are turned. */
static void *copy_with_strings(const void *from, size_t from_size, size_t size,
                               const size_t *offsets, size_t strings) {
  size_t bytes = size;
  const char *text;
  char *copy, *end;

  if (from_size > size) from_size = size;
  for (size_t i = 0; i < strings; i++) {
    memcpy(&text, (const char *)from + offsets[i], sizeof(text));
    bytes += (offsets[i] < from_size && text ? strlen(text) : 0) + 1;
  }
  if (!(copy = calloc(1, bytes))) return NULL;
  memcpy(copy, from, from_size);
  end = copy + size;
  for (size_t i = 0; i < strings; i++) {
    memcpy(&text, copy + offsets[i], sizeof(text));
    if (!text) text = "";
    memcpy(copy + offsets[i], &end, sizeof(end));
    end = stpcpy(end, text) + 1;
  }
  return copy;
}

callprint_decision *decision_copy(const callprint_decision *decision) {
  static const size_t strings[] = {
      offsetof(callprint_decision, context), offsetof(callprint_decision, extension),
      offsetof(callprint_decision, rule),    offsetof(callprint_decision, script),
      offsetof(callprint_decision, pack),    offsetof(callprint_decision, category),
      offsetof(callprint_decision, cause),   offsetof(callprint_decision, json)};

  return copy_with_strings(decision, decision->size, sizeof(*decision), strings,
                           sizeof(strings) / sizeof(*strings));
}

callprint_finding *finding_copy(const callprint_finding *finding) {
  static const size_t strings[] = {offsetof(callprint_finding, name),
                                   offsetof(callprint_finding, detail),
                                   offsetof(callprint_finding, json)};

  return copy_with_strings(finding, finding->size, sizeof(*finding), strings,
                           sizeof(strings) / sizeof(*strings));
}

callprint_decision decision_local(callprint_verdict verdict, const char *cause) {
  callprint_decision decision = {.size = sizeof(decision), .verdict = verdict, .cause = cause,
                                 .context = "", .extension = "", .rule = "", .script = "",
                                 .pack = "", .category = "", .json = "{}"};
  return decision;
}

static void tell_number(field_fn tell, void *arg, const char *name, double number, int decimals) {
  char text[64];

  snprintf(text, sizeof(text), "%.*f", decimals, number);
  tell(arg, name, text);
}

void decision_fields(const callprint_decision *decision, field_fn tell, void *arg) {
  tell(arg, "verdict", callprint_verdict_name(decision->verdict));
  tell(arg, "cause", decision->cause);
  tell(arg, "action", action_name(decision->action));
  tell(arg, "shadow", decision->shadow ? "true" : "false");
  tell(arg, "rule", decision->rule);
  tell(arg, "script", decision->script);
  tell(arg, "pack", decision->pack);
  tell(arg, "category", decision->category);
  tell_number(tell, arg, "confidence", decision->confidence, 4);
  tell_number(tell, arg, "known_ms", decision->known_ms, 0);
  tell_number(tell, arg, "added_ms", decision->added_ms, 1);
  tell_number(tell, arg, "number", decision->number, 0);
  tell(arg, "json", decision->json);
}

void finding_fields(const callprint_finding *finding, field_fn tell, void *arg) {
  tell(arg, "side", finding->side == CALLPRINT_NEAR ? "near" : "far");
  tell_number(tell, arg, "start_ms", finding->start_ms, 0);
  if (finding->end_ms >= 0) tell_number(tell, arg, "end_ms", finding->end_ms, 0);
  tell_number(tell, arg, "known_ms", finding->known_ms, 0);
  tell_number(tell, arg, "freq_hz", finding->freq_hz, 1);
  tell_number(tell, arg, "level_dbm0", finding->level_dbm0, 1);
  tell(arg, "json", finding->json);
}

const char *action_name(callprint_action action) {
  static const char *const names[] = {"none", "tag", "hangup", "transfer", "decoy"};

  return (size_t)action < sizeof(names) / sizeof(*names) ? names[action] : "none";
}

void header_name(const char *field, char *name, size_t name_size) {
  int upper = 1;
  size_t n = (size_t)snprintf(name, name_size, "Callprint-%s", field);

  for (size_t i = strlen("Callprint-"); i < n && i < name_size - 1; i++) {
    if (upper) name[i] = (char)toupper((unsigned char)name[i]);
    if ((upper = name[i] == '_')) name[i] = '-';
  }
}

int wait_is_over(callprint_verdict verdict, int for_beep) {
  return verdict != CALLPRINT_PENDING &&
         !(for_beep && (verdict == CALLPRINT_MACHINE || verdict == CALLPRINT_UNSURE));
}

double sine_peak(double level_dbm0) {
  return 32767.0 * pow(10.0, (level_dbm0 - 3.14) / 20.0); /* G.711: 0 dBm0 is 3.14 dB below full */
}

/* ---------------------------------------------------------------- dialplan */

void hook_split(char *hook, char **app, char **arg) {
  *app = hook;
  *arg = hook + strcspn(hook, " :");
  if (**arg) {
    int colons = !strncmp(*arg, "::", 2);
    **arg = '\0';
    *arg += colons ? 2 : 1;
  }
}

void decoy_extension(const struct profile *profile, uint32_t cause, char *text, size_t text_size) {
  int n = snprintf(text, text_size, "m:^:playback:" DECOY_TONES);

  if (n > 0 && (size_t)n < text_size && *profile->announcement)
    n += snprintf(text + n, text_size - (size_t)n, "^playback:%s", profile->announcement);
  if (n > 0 && (size_t)n < text_size)
    snprintf(text + n, text_size - (size_t)n, "^hangup:%u", cause);
}
