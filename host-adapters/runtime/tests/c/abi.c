/* Prints what of callprint.h is binary: sizes, offsets, values. */
#include "callprint.h"

#include <stdio.h>

#define STRUCT(type) printf(#type " %zu\n", sizeof(type))
#define FIELD(type, field)                                                                         \
  printf(#type "." #field " %zu %zu\n", offsetof(type, field), sizeof(((type *)0)->field))
#define VALUE(name) printf(#name " %lld\n", (long long)(name))

int main(void) {
  VALUE(CALLPRINT_ABI);
  VALUE(CALLPRINT_OK);
  VALUE(CALLPRINT_ERROR_ARGUMENT);
  VALUE(CALLPRINT_ERROR_FILE);
  VALUE(CALLPRINT_ERROR_FULL);
  VALUE(CALLPRINT_ERROR_STATE);
  VALUE(CALLPRINT_ERROR_SYSTEM);
  VALUE(CALLPRINT_FAR);
  VALUE(CALLPRINT_NEAR);
  VALUE(CALLPRINT_SCRIPT);
  VALUE(CALLPRINT_TONE);
  VALUE(CALLPRINT_ANSWER);
  VALUE(CALLPRINT_SPEECH);
  VALUE(CALLPRINT_BEHAVIOUR);
  VALUE(CALLPRINT_PENDING);
  VALUE(CALLPRINT_ROBOT);
  VALUE(CALLPRINT_HUMAN);
  VALUE(CALLPRINT_MACHINE);
  VALUE(CALLPRINT_BEEP);
  VALUE(CALLPRINT_FAX);
  VALUE(CALLPRINT_BUSY);
  VALUE(CALLPRINT_UNSURE);
  VALUE(CALLPRINT_NOTREADY);
  VALUE(CALLPRINT_NONE);
  VALUE(CALLPRINT_TAG);
  VALUE(CALLPRINT_HANGUP);
  VALUE(CALLPRINT_TRANSFER);
  VALUE(CALLPRINT_DECOY);
  VALUE(CALLPRINT_LOG_ERROR);
  VALUE(CALLPRINT_LOG_WARNING);
  VALUE(CALLPRINT_LOG_NOTICE);
  VALUE(CALLPRINT_LOG_DEBUG);
  VALUE(CALLPRINT_OUTBOUND);
  VALUE(CALLPRINT_NEAR_SIDE);
  STRUCT(callprint_status);
  STRUCT(callprint_side);
  STRUCT(callprint_finding);
  FIELD(callprint_finding, size);
  FIELD(callprint_finding, kind);
  FIELD(callprint_finding, side);
  FIELD(callprint_finding, name);
  FIELD(callprint_finding, detail);
  FIELD(callprint_finding, start_ms);
  FIELD(callprint_finding, end_ms);
  FIELD(callprint_finding, known_ms);
  FIELD(callprint_finding, confidence);
  FIELD(callprint_finding, freq_hz);
  FIELD(callprint_finding, level_dbm0);
  FIELD(callprint_finding, json);
  STRUCT(callprint_decision);
  FIELD(callprint_decision, size);
  FIELD(callprint_decision, number);
  FIELD(callprint_decision, verdict);
  FIELD(callprint_decision, action);
  FIELD(callprint_decision, shadow);
  FIELD(callprint_decision, hangup_cause);
  FIELD(callprint_decision, priority);
  FIELD(callprint_decision, context);
  FIELD(callprint_decision, extension);
  FIELD(callprint_decision, rule);
  FIELD(callprint_decision, script);
  FIELD(callprint_decision, pack);
  FIELD(callprint_decision, category);
  FIELD(callprint_decision, cause);
  FIELD(callprint_decision, confidence);
  FIELD(callprint_decision, known_ms);
  FIELD(callprint_decision, added_ms);
  FIELD(callprint_decision, json);
  STRUCT(callprint_host_config);
  FIELD(callprint_host_config, size);
  FIELD(callprint_host_config, analyzer);
  FIELD(callprint_host_config, packs);
  FIELD(callprint_host_config, command);
  FIELD(callprint_host_config, evidence_log);
  FIELD(callprint_host_config, numbers);
  FIELD(callprint_host_config, metrics);
  FIELD(callprint_host_config, workers);
  FIELD(callprint_host_config, calls_max);
  FIELD(callprint_host_config, batch_ms);
  FIELD(callprint_host_config, cohort);
  FIELD(callprint_host_config, log);
  FIELD(callprint_host_config, user);
  STRUCT(callprint_call_config);
  FIELD(callprint_call_config, size);
  FIELD(callprint_call_config, id);
  FIELD(callprint_call_config, caller);
  FIELD(callprint_call_config, callee);
  FIELD(callprint_call_config, rules);
  FIELD(callprint_call_config, flags);
  FIELD(callprint_call_config, limit_ms);
  FIELD(callprint_call_config, heard);
  FIELD(callprint_call_config, decided);
  FIELD(callprint_call_config, released);
  FIELD(callprint_call_config, user);
  return 0;
}
