/*
 * Stands in for FreeSWITCH's switch.h where there is no FreeSWITCH, so that
 * mod_callprint is compiled, with all warnings, by every build. It holds what
 * mod_callprint uses and nothing else; what is compiled with it is never run.
 * Where there is a FreeSWITCH, agree.c compares it with the real one.
 */
#ifndef CALLPRINT_TESTS_SWITCH_H
#define CALLPRINT_TESTS_SWITCH_H

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define CONSTANT(name, value) name = value,
enum switch_constants {
#include "constants.h"
};
#undef CONSTANT

/* In FreeSWITCH each of these is an enumeration of its own. */
typedef enum switch_constants switch_bool_t, switch_status_t, switch_abc_type_t,
    switch_channel_flag_t, switch_channel_state_t, switch_call_direction_t, switch_event_types_t,
    switch_stack_t, switch_text_channel_t, switch_log_level_t, switch_xml_config_type_t,
    switch_module_interface_name_t, switch_module_flag_t, switch_call_cause_t;

#define SWITCH_API_VERSION 5
#define SWITCH_UUID_FORMATTED_LENGTH 256
#define SWITCH_RECOMMENDED_BUFFER_SIZE 8192
#define SWITCH_THREAD_STACKSIZE 240 * 1024
#define SWITCH_MUTEX_NESTED 0x1
#define SWITCH_THREAD_FUNC

typedef int64_t switch_time_t;
typedef uintptr_t switch_size_t;
typedef uint32_t switch_media_bug_flag_t;
typedef struct switch_channel switch_channel_t;
typedef struct switch_core_session switch_core_session_t;
typedef struct switch_event_node switch_event_node_t;
typedef struct switch_hash switch_hash_t;
typedef struct switch_input_args switch_input_args_t;
typedef struct switch_loadable_module_interface switch_loadable_module_interface_t;
typedef struct switch_media_bug switch_media_bug_t;
typedef struct switch_memory_pool switch_memory_pool_t;
typedef struct switch_mutex switch_mutex_t;
typedef struct switch_queue switch_queue_t;
typedef struct switch_thread switch_thread_t;
typedef struct switch_threadattr switch_threadattr_t;
typedef struct cJSON cJSON;

typedef struct {
  const char *caller_id_number;
  char *destination_number;
} switch_caller_profile_t;

typedef struct {
  uint32_t actual_samples_per_second;
  uint8_t number_of_channels;
} switch_codec_implementation_t;

typedef struct {
  void *data;
  uint32_t datalen, buflen;
} switch_frame_t;

typedef struct switch_event_header {
  char *name, *value, **array;
  int idx;
  struct switch_event_header *next;
} switch_event_header_t;

typedef struct {
  switch_event_header_t *headers;
} switch_event_t;

typedef struct switch_xml {
  struct switch_xml *next;
} * switch_xml_t;

typedef struct switch_stream_handle {
  switch_status_t (*write_function)(struct switch_stream_handle *handle, const char *fmt, ...);
  void *data;
} switch_stream_handle_t;

typedef switch_bool_t (*switch_media_bug_callback_t)(switch_media_bug_t *, void *,
                                                     switch_abc_type_t);
typedef void (*switch_application_function_t)(switch_core_session_t *, const char *);
typedef void (*switch_event_callback_t)(switch_event_t *);
typedef switch_status_t (*switch_api_function_t)(const char *, switch_core_session_t *,
                                                 switch_stream_handle_t *);
typedef void *(*switch_thread_start_t)(switch_thread_t *, void *);
typedef void (*hashtable_destructor_t)(void *);

typedef struct {
  switch_bool_t enforce_min;
  int min;
  switch_bool_t enforce_max;
  int max;
} switch_xml_config_int_options_t;

typedef struct {
  const char *key;
  switch_xml_config_type_t type;
  int flags;
  void *ptr;
  const void *defaultvalue;
  void *data;
  const void *function;
  const char *syntax, *helptext;
} switch_xml_config_item_t;

#define SWITCH_CONFIG_ITEM(key, type, flags, ptr, defaultvalue, data, syntax, help) \
  { key, type, flags, ptr, (void *)defaultvalue, (void *)data, NULL, syntax, help }
#define SWITCH_CONFIG_ITEM_STRING_STRDUP(key, flags, ptr, defaultvalue, syntax, help) \
  { key, SWITCH_CONFIG_STRING, flags, ptr, (void *)defaultvalue, NULL, NULL, syntax, help }
#define SWITCH_CONFIG_ITEM_END() \
  { NULL, SWITCH_CONFIG_LAST, 0, NULL, NULL, NULL, NULL, NULL, NULL }

typedef struct {
  const char *interface_name, *desc, *syntax;
  switch_api_function_t function;
} switch_api_interface_t;

typedef struct {
  const char *interface_name, *short_desc, *long_desc, *syntax;
  switch_application_function_t application_function;
  uint32_t flags;
} switch_application_interface_t;

typedef struct {
  int version;
  switch_status_t (*load)(switch_loadable_module_interface_t **, switch_memory_pool_t *);
  switch_status_t (*shutdown)(void);
  switch_status_t (*runtime)(void);
  switch_module_flag_t flags;
} switch_loadable_module_function_table_t;

#include "functions.h"

#define SWITCH_STANDARD_APP(name) static void name(switch_core_session_t *session, const char *data)
#define SWITCH_STANDARD_API(name)                                              \
  static switch_status_t name(const char *cmd, switch_core_session_t *session, \
                              switch_stream_handle_t *stream)
#define SWITCH_MODULE_LOAD_FUNCTION(name) \
  switch_status_t name(switch_loadable_module_interface_t **module_interface, \
                       switch_memory_pool_t *pool)
#define SWITCH_MODULE_DEFINITION(name, load, shutdown, runtime)                 \
  static const char modname[] = #name;                                          \
  switch_loadable_module_function_table_t name##_module_interface = {           \
      SWITCH_API_VERSION, load, shutdown, runtime, SMODF_NONE}
#define SWITCH_ADD_API(api, name, about, with, usage)                           \
  do {                                                                          \
    api = switch_loadable_module_create_interface(*module_interface, SWITCH_API_INTERFACE); \
    api->interface_name = name, api->desc = about, api->function = with, api->syntax = usage; \
  } while (0)
#define SWITCH_ADD_APP(app, name, about, more, with, usage, app_flags)          \
  do {                                                                          \
    app = switch_loadable_module_create_interface(*module_interface, SWITCH_APPLICATION_INTERFACE); \
    app->interface_name = name, app->short_desc = about, app->long_desc = more; \
    app->application_function = with, app->syntax = usage, app->flags = app_flags; \
  } while (0)
#define SWITCH_STANDARD_STREAM(stream) \
  ((stream).data = calloc(1, 1024), (stream).write_function = switch_console_stream_write)

#define SWITCH_CHANNEL_LOG SWITCH_CHANNEL_ID_LOG, __FILE__, __func__, __LINE__, NULL
#define SWITCH_CHANNEL_SESSION_LOG(session) \
  SWITCH_CHANNEL_ID_SESSION, __FILE__, __func__, __LINE__, (const char *)(session)
#define zstr(text) (!(text) || !*(text))
#define switch_str_nil(text) ((text) ? (text) : "")
#define switch_safe_strdup(text) ((text) ? strdup(text) : NULL)
#define switch_core_session_locate(uuid) \
  switch_core_session_perform_locate(uuid, __FILE__, __func__, __LINE__)
#define switch_core_session_strdup(session, text) \
  switch_core_perform_session_strdup(session, text, __FILE__, __func__, __LINE__)
#define switch_core_hash_init(hash) switch_core_hash_init_case(hash, SWITCH_TRUE)
#define switch_core_hash_insert(hash, key, data) \
  switch_core_hash_insert_destructor(hash, key, data, NULL)
#define switch_channel_hangup(channel, cause) \
  switch_channel_perform_hangup(channel, __FILE__, __func__, __LINE__, cause)
#define switch_channel_up_nosig(channel) (switch_channel_get_state(channel) < CS_HANGUP)
#define switch_channel_get_variable(channel, name) \
  switch_channel_get_variable_dup(channel, name, SWITCH_TRUE, -1)
#define switch_channel_set_variable(channel, name, value) \
  switch_channel_set_variable_var_check(channel, name, value, SWITCH_TRUE)
#define switch_channel_expand_variables(channel, text) \
  switch_channel_expand_variables_check(channel, text, NULL, NULL, 0)
#define switch_event_create(event, id) switch_event_create_subclass(event, id, NULL)
#define switch_event_create_subclass(event, id, subclass) \
  switch_event_create_subclass_detailed(__FILE__, __func__, __LINE__, event, id, subclass)
#define switch_event_fire(event) \
  switch_event_fire_detailed(__FILE__, __func__, __LINE__, event, NULL)

#endif
