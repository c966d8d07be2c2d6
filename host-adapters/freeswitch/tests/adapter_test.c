/*
 * Tests of adapter.c, without a switch. libcallprint's media functions are
 * replaced by ones that write down what they are given.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../adapter.h"

/* ------------------------------------------------- what libcallprint is given */

static char heard[4096];

static void note(const char *what, callprint_side side, uint32_t rate_hz, unsigned long count,
                 int first) {
  size_t used = strlen(heard);
  snprintf(heard + used, sizeof(heard) - used, "%s %s %u %lu %d\n", what,
           side == CALLPRINT_NEAR ? "near" : "far", rate_hz, count, first);
}

void callprint_call_push(callprint_call *call, callprint_side side, uint32_t rate_hz,
                         const int16_t *samples, size_t count) {
  (void)call;
  note("push", side, rate_hz, (unsigned long)count, samples[0]);
}

void callprint_call_skip(callprint_call *call, callprint_side side, uint32_t rate_hz,
                         uint64_t samples) {
  (void)call;
  note("skip", side, rate_hz, (unsigned long)samples, 0);
}

const char *callprint_verdict_name(callprint_verdict verdict) {
  return verdict == CALLPRINT_ROBOT ? "ROBOT" : "OTHER";
}

static int failures;

static void check(const char *what, const char *got, const char *want) {
  if (!strcmp(got, want)) return;
  printf("FAIL %s\n got: %s\nwant: %s\n", what, got, want);
  failures++;
}

#define CHECK(condition) check(#condition, (condition) ? "true" : "false", "true")

/* ------------------------------------------------------------------- the feed */

static void push(struct feed *feed, callprint_side side, uint32_t rate_hz, uint32_t channels,
                 int16_t value, size_t frames) {
  static int16_t samples[8192];
  for (size_t i = 0; i < frames * channels; i++) samples[i] = value;
  feed_push(feed, side, rate_hz, channels, samples, frames);
}

static void frames_keep_their_rate_and_comfort_noise_is_no_audio(void) {
  struct feed feed = {0};

  heard[0] = '\0';
  push(&feed, CALLPRINT_FAR, 8000, 1, 5, 160);
  push(&feed, CALLPRINT_FAR, 16000, 1, 6, 320);
  push(&feed, CALLPRINT_FAR, 8000, 1, -1, 160);
  push(&feed, CALLPRINT_FAR, 0, 1, 7, 160);
  check("rates and comfort noise", heard,
        "push far 8000 160 5\npush far 16000 320 6\nskip far 8000 160 0\n");
}

static void channels_are_mixed_down(void) {
  struct feed feed = {0};
  int16_t stereo[] = {100, 300, -100, -300, 32767, 32767};

  heard[0] = '\0';
  feed_push(&feed, CALLPRINT_FAR, 48000, 2, stereo, 3);
  check("stereo", heard, "push far 48000 3 200\n");
  CHECK(stereo[1] == -200 && stereo[2] == 32767);
}

static void the_near_side_catches_up_with_the_far_side(void) {
  struct feed feed = {0};

  for (int i = 0; i < 50; i++) push(&feed, CALLPRINT_FAR, 8000, 1, 1, 160);
  heard[0] = '\0';
  push(&feed, CALLPRINT_NEAR, 16000, 1, 2, 320); /* the first of our side, a second late */
  push(&feed, CALLPRINT_NEAR, 16000, 1, 3, 320);
  check("late", heard, "skip near 16000 16000 0\npush near 16000 320 2\npush near 16000 320 3\n");
}

static void the_near_side_is_not_heard_while_the_far_side_stands_still(void) {
  struct feed feed = {0};
  int pushed = 0;

  push(&feed, CALLPRINT_FAR, 8000, 1, 1, 160);
  for (int i = 0; i < 500; i++) { /* ten seconds of hold */
    heard[0] = '\0';
    push(&feed, CALLPRINT_NEAR, 8000, 1, 2, 160);
    pushed += *heard != '\0';
  }
  CHECK(pushed >= 6 && pushed <= 7); /* 20 ms there, 100 ms ahead */
  for (int i = 0; i < 50; i++) {
    heard[0] = '\0';
    push(&feed, CALLPRINT_FAR, 8000, 1, 1, 160);
    push(&feed, CALLPRINT_NEAR, 8000, 1, 2, 160);
  }
  check("after hold", heard, "push far 8000 160 1\npush near 8000 160 2\n");
}

static void clocks_do_not_drift(void) {
  struct feed feed = {0};
  int16_t samples[160] = {0};

  for (int i = 0; i < 119070; i++) { /* frames of 7.256 ms: their ns are no whole number */
    heard[0] = '\0';
    feed_push(&feed, CALLPRINT_FAR, 22050, 1, samples, 160);
  }
  CHECK(llabs((long long)feed.ns[CALLPRINT_FAR] - 864000000000ll) < 200000);
}

/* -------------------------------------------------------------------- profiles */

static void a_bad_profile_is_refused_and_says_why(void) {
  static const struct {
    const char *param, *value, *says;
  } bad[] = {
      {"limit-ms", "-1", "profile \"x\": limit-ms is \"-1\" but must be a number from 0 (as the rules say) to 3600000"},
      {"limit-ms", "99999999999999999999", "profile \"x\": limit-ms is \"99999999999999999999\" but must be a number from 0 (as the rules say) to 3600000"},
      {"limit-ms", "12s", "profile \"x\": limit-ms is \"12s\" but must be a number from 0 (as the rules say) to 3600000"},
      {"direction", "both", "profile \"x\": direction is \"both\" but must be auto, inbound or outbound"},
      {"near", "maybe", "profile \"x\": near is \"maybe\" but must be true or false"},
      {"announcement", "a^b.wav", "profile \"x\": announcement is \"a^b.wav\" but must be a sound file, in a path without ^"},
      {"dialplan", "", "profile \"x\": dialplan is \"\" but must be the name of a dialplan, as XML"},
      {"rule", "x", "profile \"x\": there is no parameter \"rule\"; there are rules, direction, near, early-media, limit-ms, dialplan, announcement, avmd-compatible"},
  };
  struct profile profile, before;
  char error[512], name[PROFILE_NAME_SIZE + 1];

  CHECK(profile_init(&profile, "", error, sizeof(error)) == -1);
  CHECK(profile_init(&profile, NULL, error, sizeof(error)) == -1);
  CHECK(profile_init(&profile, "two words", error, sizeof(error)) == -1);
  memset(name, 'n', PROFILE_NAME_SIZE);
  name[PROFILE_NAME_SIZE] = '\0';
  CHECK(profile_init(&profile, name, error, sizeof(error)) == -1);
  CHECK(profile_init(&profile, "x", error, sizeof(error)) == 0);
  before = profile;
  for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
    CHECK(profile_set(&profile, bad[i].param, bad[i].value, error, sizeof(error)) == -1);
    check(bad[i].param, error, bad[i].says);
  }
  CHECK(!memcmp(&profile, &before, sizeof(profile)));
}

static void a_good_profile_is_taken(void) {
  struct profile profile;
  char error[512];

  CHECK(!profile_init(&profile, "screen", error, sizeof(error)));
  CHECK(profile.near && !profile.early_media && !profile.avmd && !profile.limit_ms);
  CHECK(!profile_set(&profile, "rules", "/etc/callprint/screen.json", error, sizeof(error)));
  CHECK(!profile_set(&profile, "direction", "outbound", error, sizeof(error)));
  CHECK(!profile_set(&profile, "near", "off", error, sizeof(error)));
  CHECK(!profile_set(&profile, "early-media", "true", error, sizeof(error)));
  CHECK(!profile_set(&profile, "limit-ms", "4000", error, sizeof(error)));
  CHECK(!profile_set(&profile, "dialplan", "LUA", error, sizeof(error)));
  CHECK(!profile_set(&profile, "avmd-compatible", "yes", error, sizeof(error)));
  CHECK(profile.direction == DIRECTION_OUTBOUND && !profile.near && profile.early_media);
  CHECK(profile.limit_ms == 4000 && profile.avmd);
  check("dialplan", profile.dialplan, "LUA");
}

/* ------------------------------------------------------------------- decisions */

static char told[1024];

static void tell(void *arg, const char *name, const char *value) {
  char header[64];

  (void)arg;
  header_name(name, header, sizeof(header));
  snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s=%s;", header, value);
}

static void a_decision_outlives_its_callback(void) {
  char cause[] = "SCRIPT-1830-9990", rule[] = "known";
  callprint_decision decision = decision_local(CALLPRINT_ROBOT, cause), *copy;

  decision.action = CALLPRINT_DECOY;
  decision.shadow = 1;
  decision.rule = rule;
  decision.confidence = 0.999;
  decision.known_ms = 1830.4;
  copy = decision_copy(&decision);
  memset(cause, 'x', strlen(cause));
  memset(rule, 'x', strlen(rule));
  decision_fields(copy, tell, NULL);
  check("fields", told,
        "Callprint-Verdict=ROBOT;Callprint-Cause=SCRIPT-1830-9990;Callprint-Action=decoy;"
        "Callprint-Shadow=true;Callprint-Rule=known;Callprint-Script=;Callprint-Pack=;"
        "Callprint-Category=;Callprint-Confidence=0.9990;Callprint-Known-Ms=1830;"
        "Callprint-Added-Ms=0.0;Callprint-Number=0;Callprint-Json={};");
  free(copy);
}

/* A library that is older than this module has a shorter decision. */
static void what_an_older_library_does_not_tell_is_empty(void) {
  callprint_decision decision = decision_local(CALLPRINT_ROBOT, "C"), *copy;

  decision.size = offsetof(callprint_decision, cause);
  copy = decision_copy(&decision);
  check("cause", copy->cause, "");
  check("json", copy->json, "");
  CHECK(copy->confidence == 0);
  free(copy);
}

static void a_wait_ends_on_what_it_waits_for(void) {
  CHECK(!wait_is_over(CALLPRINT_PENDING, 0) && !wait_is_over(CALLPRINT_PENDING, 1));
  CHECK(wait_is_over(CALLPRINT_MACHINE, 0) && !wait_is_over(CALLPRINT_MACHINE, 1));
  CHECK(wait_is_over(CALLPRINT_UNSURE, 0) && !wait_is_over(CALLPRINT_UNSURE, 1));
  CHECK(wait_is_over(CALLPRINT_BEEP, 1) && wait_is_over(CALLPRINT_HUMAN, 1));
  CHECK(wait_is_over(CALLPRINT_NOTREADY, 1));
}

/* -------------------------------------------------------------------- dialplan */

static void hooks_are_cut_as_the_switch_cuts_them(void) {
  static const char *const hooks[][3] = {
      {"playback /tmp/a b.wav", "playback", "/tmp/a b.wav"},
      {"set:name=value", "set", "name=value"},
      {"transfer::100 XML default", "transfer", "100 XML default"},
      {"park", "park", ""},
      {"", "", ""},
  };
  char text[64], *app, *arg;

  for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++) {
    strcpy(text, hooks[i][0]);
    hook_split(text, &app, &arg);
    check(hooks[i][0], app, hooks[i][1]);
    check(hooks[i][0], arg, hooks[i][2]);
  }
}

static void a_decoy_is_tones_announcement_and_cause(void) {
  struct profile profile;
  char text[512], error[64];

  profile_init(&profile, "x", error, sizeof(error));
  decoy_extension(&profile, 1, text, sizeof(text));
  check("tones only", text,
        "m:^:playback:tone_stream://v=-13;%(380,0,985.2);%(274,0,1370.6);%(380,0,1776.7)^hangup:1");
  strcpy(profile.announcement, "ivr/gone.wav");
  decoy_extension(&profile, 1, text, sizeof(text));
  check("announcement", text,
        "m:^:playback:tone_stream://v=-13;%(380,0,985.2);%(274,0,1370.6);%(380,0,1776.7)"
        "^playback:ivr/gone.wav^hangup:1");
}

int main(void) {
  frames_keep_their_rate_and_comfort_noise_is_no_audio();
  channels_are_mixed_down();
  the_near_side_catches_up_with_the_far_side();
  the_near_side_is_not_heard_while_the_far_side_stands_still();
  clocks_do_not_drift();
  a_bad_profile_is_refused_and_says_why();
  a_good_profile_is_taken();
  a_decision_outlives_its_callback();
  what_an_older_library_does_not_tell_is_empty();
  a_wait_ends_on_what_it_waits_for();
  hooks_are_cut_as_the_switch_cuts_them();
  a_decoy_is_tones_announcement_and_cause();
  printf(failures ? "adapter_test: %d checks failed\n" : "adapter_test: ok\n", failures);
  return failures != 0;
}
