/*
 * The module within a core of its own, in FreeSWITCH's own style of tests: what it does to a session
 * that a real call cannot tell. Run in a folder with a freeswitch.xml that loads the module.
 */
#define SWITCH_TEST_BASE_DIR_OVERRIDE "."
#include <test/switch_test.h>

static const char *variable(switch_channel_t *channel, const char *name) {
  return switch_str_nil(switch_channel_get_variable(channel, name));
}

static void ask(const char *argument, switch_stream_handle_t *stream) {
  SWITCH_STANDARD_STREAM((*stream));
  switch_api_execute("callprint", argument, NULL, stream);
}

FST_CORE_BEGIN(".")
FST_SUITE_BEGIN(callprint)

FST_SETUP_BEGIN() {
  fst_requires_module("mod_callprint");
}
FST_SETUP_END()

FST_TEARDOWN_BEGIN() {}
FST_TEARDOWN_END()

FST_TEST_BEGIN(cannot_be_unloaded) {
  const char *error = NULL;

  fst_check(switch_loadable_module_unload_module(SWITCH_GLOBAL_dirs.mod_dir, "mod_callprint", SWITCH_FALSE, &error) !=
            SWITCH_STATUS_SUCCESS);
  fst_check(switch_loadable_module_unload_module(SWITCH_GLOBAL_dirs.mod_dir, "mod_callprint", SWITCH_TRUE, &error) !=
            SWITCH_STATUS_SUCCESS);
  fst_check(switch_loadable_module_exists("mod_callprint") == SWITCH_STATUS_SUCCESS);
}
FST_TEST_END()

FST_TEST_BEGIN(answers_its_commands) {
  static const struct {
    const char *argument, *begins;
  } cases[] = {{"status", "{"},          {"calls", "[]"},       {"", "-USAGE"},
               {"nobody stop", "-ERR "}, {"dance", "-USAGE: "}, {"selftest", "+OK PASS"}};

  for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
    switch_stream_handle_t stream = {0};
    ask(cases[i].argument, &stream);
    fst_check_string_starts_with((char *)stream.data, cases[i].begins);
    free(stream.data);
  }
}
FST_TEST_END()

FST_SESSION_BEGIN(has_one_bug_a_side) {
  switch_core_session_execute_application(fst_session, "callprint_start", "tag");
  fst_check_int_equals((int)switch_core_media_bug_count(fst_session, "callprint"), 1);
  fst_check_int_equals((int)switch_core_media_bug_count(fst_session, "callprint_near"), 1);
  switch_core_session_execute_application(fst_session, "callprint_start", "tag");
  fst_check_int_equals((int)switch_core_media_bug_count(fst_session, "callprint"), 1);
  switch_core_session_execute_application(fst_session, "callprint_stop", NULL);
  fst_check_int_equals((int)switch_core_media_bug_count(fst_session, "callprint"), 0);
  fst_check_int_equals((int)switch_core_media_bug_count(fst_session, "callprint_near"), 0);
  switch_core_session_execute_application(fst_session, "callprint_stop", NULL);
}
FST_SESSION_END()

FST_SESSION_BEGIN(hears_only_the_side_asked_for) {
  switch_core_session_execute_application(fst_session, "callprint_start", "far-only");
  fst_check_int_equals((int)switch_core_media_bug_count(fst_session, "callprint"), 1);
  fst_check_int_equals((int)switch_core_media_bug_count(fst_session, "callprint_near"), 0);
}
FST_SESSION_END()

FST_SESSION_BEGIN(waits_no_longer_than_asked) {
  switch_core_session_execute_application(fst_session, "callprint_wait", "300");
  fst_check_string_equals(variable(fst_channel, "callprint_verdict"), "UNSURE");
  fst_check_string_equals(variable(fst_channel, "callprint_cause"), "TIMEOUT-300");
  fst_check(switch_channel_ready(fst_channel));
}
FST_SESSION_END()

FST_SESSION_BEGIN(goes_on_without_a_profile) {
  switch_core_session_execute_application(fst_session, "callprint_start", "nothing");
  fst_check_int_equals((int)switch_core_media_bug_count(fst_session, "callprint"), 0);
  fst_check_string_equals(variable(fst_channel, "callprint_verdict"), "NOTREADY");
  fst_check_string_equals(variable(fst_channel, "callprint_cause"), "PROFILE");
  fst_check(switch_channel_ready(fst_channel));
}
FST_SESSION_END()

FST_SUITE_END()
FST_CORE_END()
